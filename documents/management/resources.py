"""What reading takes, by what is read. A function for each question."""

from __future__ import annotations

from django.core.management.base import CommandError

from documents.management.accuracy import Options, Say
from ocrengine.benchmarks import drift, report
from ocrengine.profiles import get_profile


def run_drift(options: Options, say: Say) -> None:
    """Does a reading process grow?"""
    pages, profile, docs = options["drift"], get_profile(options["profile"]), options["docs"]
    if pages <= drift.SETTLED or pages % drift.EVERY:
        raise CommandError(f"Read {drift.EVERY} pages, two times or more often.")
    rows = []
    for row in drift.measure(profile, pages):
        rows.append(row)
        say(drift.table([row]))
    today = report.today()
    heading = report.paragraph(
        f"Anonymous resident memory of one engine child (MB) while it reads {pages:,} rendered"
        f" pages of {drift.SHAPES} shapes, as many at the same time as its profile says, each"
        f" shape once before any comes again; measured {today} on {report.machine_in_words()},"
        f" by `./run manage benchmark --drift {pages} --profile {profile.name}`. A child is looked"
        f" at after every {drift.EVERY} pages, when it has given back what it freed. What it holds"
        f" after {drift.SETTLED} is what growth is counted from. It is not replaced meanwhile, as"
        " it would be in use."
    )
    report.put(docs, "drift", f"{heading}\n\n{drift.table(rows)}")
    facts = {"date": today, "machine": report.machine(), "pages": pages}
    report.remember(docs / "drift.jsonl", facts, [vars(row) for row in rows])
