"""docs/scale.jsonl remembers every measurement, docs/scale.md shows the last of each kind."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ocrengine.benchmarks.report import machine

DATABASES = ("SQLite", "PostgreSQL")
PHASES = ("with pauses", "at once", "without pause")
KINDS = ("upload", "status", "job page")
SHARES = ("p50_ms", "p95_ms", "p99_ms", "max_ms")
SHOWN = ("cores", "processor", "memory_mb", "python")
HEAD = """# Scale

How long lists take when there is much in them, and how long people and programs wait when many hand
in at once. Made by `make scale`, and by `DURABLE=yes .ci/with-postgres make scale` for PostgreSQL;
what was measured before stands in scale.jsonl.
"""
LISTS = """
## Lists

Asked for: under 300 ms and at most 20 queries each. Every address of a list is visited: with each
search, filter, order, first and last page that it offers (tests/scale/walk.py). "Slowest" is the
slowest of five visits to the slowest of these addresses, after one that is not counted; where that
is over the bar, of the quieter of two rounds of five, because the machine is shared. Visits happen
within one process, the database's files are in the system's cache.
"""
LOAD = """
## Load

Asked for: an upload of 1 MB accepted within 150 ms and a status answered within 50 ms, 95 times in
a hundred, for 20 clients at the same time while pages are being read; a web process under 150 MB.
The product runs as it ships (`manage.py up`, one worker) and reads all the time. Ten clients are
browsers, ten are programs with a token; each hands in its own account's pages of 1 MB. Clients and
product share the machine's cores.

- **with pauses**: each client uploads, opens the job (browsers), asks for its status once a second,
  five times, and uploads the next: what twenty people do who never rest.
- **at once**: all twenty send in the same instant, and again some seconds later.
- **without pause**: each sends its next upload when the last was answered. Nobody does that; it
  shows where the end is, and there twenty always wait for two cores.
"""


def keep(docs: Path, what: str, found: dict[str, Any]) -> None:
    """Append one line to scale.jsonl, and write scale.md anew."""
    here = {name: fact for name, fact in machine().items() if name in SHOWN}
    record = {"what": what, "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M}", "machine": here, **found}
    history = docs / "scale.jsonl"
    with history.open("a") as file:
        file.write(json.dumps(record) + "\n")
    records = [json.loads(line) for line in history.read_text().splitlines()]
    (docs / "scale.md").write_text(HEAD + LISTS + _lists(records) + LOAD + _load(records))


def _last(records: list[dict[str, Any]], what: str) -> dict[str, dict[str, Any]]:
    """By database."""
    return {r["database"]: r for r in records if r["what"] == what}


def _measured(found: Iterable[dict[str, Any]]) -> str:
    lines = []
    for record in found:
        here = record["machine"]
        lines.append(
            f"\n{record['database']}, measured {record['date']}: {here['cores']} shared cores of"
            f" {here['processor']}, {here['memory_mb']} MB, Python {here['python']}"
            f"{'; ' + record['about'] if 'about' in record else ''}.\n"
        )
    return "".join(lines)


def _table(heads: list[str], rows: Iterable[list[str]]) -> str:
    lines = ["", "| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows), ""])


def _lists(records: list[dict[str, Any]]) -> str:
    last = _last(records, "lists")
    names = dict.fromkeys((row["door"], row["list"]) for r in last.values() for row in r["rows"])
    by_name = {
        (database, row["door"], row["list"]): row
        for database, record in last.items()
        for row in record["rows"]
    }
    heads = ["door", "list", "addresses"]
    heads += [f"{database}: {what}" for database in DATABASES for what in ("slowest", "queries")]
    rows = []
    for name in names:
        found = [by_name.get((database, *name)) for database in DATABASES]
        cells = [*name, str(next(row["addresses"] for row in found if row))]
        for row in found:
            cells += [f"{row['slowest_ms']:.0f} ms", str(row["most_queries"])] if row else ["-"] * 2
        rows.append(cells)
    return _measured(last.values()) + _table(heads, rows)


def _load(records: list[dict[str, Any]]) -> str:
    last = _last(records, "load")
    heads = ["clients", "request", "database", "requests", "p50", "p95", "p99", "longest"]
    rows = [
        [phase, kind, database, str(times["requests"]), *(f"{times[key]:.0f} ms" for key in SHARES)]
        for phase in PHASES
        for kind in KINDS
        for database, record in last.items()
        if (times := record["phases"][phase].get(kind))
    ]
    return _measured(last.values()) + _table(heads, rows) + _process_table(last)


def _process_table(last: dict[str, dict[str, Any]]) -> str:
    heads = ["database", "largest web process", "uploads a second without pause"]
    heads += ["pages read meanwhile", "cores that clients took"]
    rows = []
    for database, record in last.items():
        hammered = record["phases"]["without pause"]
        cells = [
            database,
            f"{record['web_process_mb']} MB",
            f"{hammered['uploads_per_second']:.0f}",
        ]
        rows.append([*cells, str(record["pages_read"]), f"{hammered['cores_of_clients']:.2f}"])
    return _table(heads, rows)
