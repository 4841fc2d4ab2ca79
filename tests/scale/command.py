"""Fill a database, walk its lists, keep the figures."""

from __future__ import annotations

import time
from pathlib import Path

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from documents import installation  # noqa: E402
from tests.scale import fill, lists, report  # noqa: E402
from tests.scale.walk import Walker  # noqa: E402


def measure_lists(jobs: int, docs: Path) -> None:
    call_command("migrate", verbosity=0)
    installation.collect_static_files()
    if not fill.is_full(jobs):
        start = time.monotonic()
        fill.fill(jobs)
        fill.settle_in()
        print(f"Filled in {time.monotonic() - start:.0f} s.")
    walker = Walker(fill.make_people())
    rows = lists.measure(walker.visits(), say=lambda line: print(line, flush=True))
    about = ", ".join(f"{count:,} {name}" for name, count in fill.counted().items())
    database = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[connection.vendor]
    found = {"database": database, "about": about, "rows": lists.as_record(rows)}
    report.keep(docs, "lists", found)
    if missed := [row for row in rows if not row.is_good]:
        raise SystemExit(f"Missed: {', '.join(row.slowest_address for row in missed)}")
