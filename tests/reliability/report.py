"""docs/reliability.jsonl remembers every trial, docs/reliability.md shows the last of each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ocrengine.benchmarks.report import machine

DOCS = Path(__file__).resolve().parents[2] / "docs"
SHOWN = ("cores", "processor", "memory_mb", "python")
HEAD = """# Reliability

What we promise, the figure that we hold ourselves to, and what was measured. Each table is written
by the command above it; reliability.jsonl remembers every run. `./run test` holds short versions of
all of these.
"""


@dataclass(frozen=True)
class Row:
    """One promise."""

    promise: str
    target: str
    measured: str
    met: bool


@dataclass(frozen=True)
class Trial:
    """One kind of trial."""

    title: str
    command: str
    about: str
    """How it is done: a paragraph."""


def keep(
    trial: Trial,
    rows: Sequence[Row],
    *,
    database: str = "",
    seconds: float,
    facts: dict[str, Any] | None = None,
    docs: Path = DOCS,
) -> None:
    """Append one run to reliability.jsonl, and write reliability.md anew.

    database   SQLite or PostgreSQL, where that matters: the last run of each is shown
    facts      whatever else the run found out, for the record alone
    """
    here = {name: fact for name, fact in machine().items() if name in SHOWN}
    record = {
        **asdict(trial),
        "database": database,
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
        "minutes": round(seconds / 60, 1),
        "machine": here,
        "rows": [asdict(row) for row in rows],
        "facts": facts or {},
    }
    docs.mkdir(parents=True, exist_ok=True)
    history = docs / "reliability.jsonl"
    with history.open("a") as file:
        file.write(json.dumps(record) + "\n")
    records = [json.loads(line) for line in history.read_text().splitlines()]
    (docs / "reliability.md").write_text(HEAD + "".join(_sections(records)))


def _sections(records: Iterable[dict[str, Any]]) -> Iterable[str]:
    last: dict[str, dict[str, dict[str, Any]]] = {}
    for record in records:
        last.setdefault(record["title"], {})[record["database"]] = record
    for title in sorted(last):
        newest = list(last[title].values())[-1]
        yield f"\n## {title}\n\n`{newest['command']}`\n\n{newest['about']}\n"
        for record in last[title].values():
            yield _told(record) + _table(record["rows"])


def _told(record: dict[str, Any]) -> str:
    here = record["machine"]
    on = f"{record['database']}, measured" if record["database"] else "Measured"
    return (
        f"\n{on} {record['date']} in {record['minutes']} minutes: {here['cores']} shared cores of"
        f" {here['processor']}, {here['memory_mb']} MB, Python {here['python']}.\n"
    )


def _table(rows: Iterable[dict[str, Any]]) -> str:
    lines = ["", "| promise | target | measured | met |", "|---|---|---|---|"]
    for row in rows:
        met = "yes" if row["met"] else "**no**"
        lines.append(f"| {row['promise']} | {row['target']} | {row['measured']} | {met} |")
    return "\n".join([*lines, ""])
