"""What reading takes, by what is read: memory and processor time. A function for each question."""

from __future__ import annotations

from pathlib import Path

from django.core.management.base import CommandError

from documents.management.accuracy import Options, Say
from ocrengine import BALANCED
from ocrengine.benchmarks import drift, growth_report, memory, report
from ocrengine.errors import EngineError
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


def run_memory(options: Options, say: Say) -> None:
    """What do pages of every size take? Forecasts are made of that from now on."""
    for bundle in options["bundles"].split(","):
        try:
            memory.measure_and_keep(get_profile(options["profile"]), bundle)
        except EngineError as error:
            raise CommandError(str(error)) from error
        say(_write_memory(bundle, options["docs"]))


def _write_memory(bundle: str, docs: Path) -> str:
    """All that is known of the bundle, whichever profile was measured last."""
    heading = report.paragraph(
        f"Highest resident memory (MB) of an engine child with bundle `{bundle}`, by the size of"
        " its pages: what is forecast, and in brackets what was measured, of which the forecast is"
        f" made; measured {report.today()} on {report.machine_in_words()}, by"
        f" `./run manage benchmark --memory --bundles {bundle}`, with `--profile` for each profile."
        " Each figure is of a child of its own, with one thread; mapped files are counted, the"
        " pages themselves among them."
    )
    table = memory.table(memory.kept(bundle))
    report.put(docs, f"memory of {bundle}", f"{heading}\n\n{table}")
    return table


def run_growth(options: Options, say: Say) -> None:
    """How does cost grow?"""
    bundles, docs = options["bundles"], options["docs"]
    profile = BALANCED.override(threads=1)
    figures, answers = {}, []
    for question in growth_report.QUESTIONS:
        curves = question.measure(profile, bundles.split(","))
        answers.append(growth_report.answer(question, curves, profile, docs / "plots"))
        figures[question.name] = {n: [vars(cost) for cost in c] for n, c in curves.items()}
        say(answers[-1])
    today = report.today()
    heading = report.paragraph(
        f"How cost grows, profile {profile.name}, one thread for each engine child, measured"
        f" {today} on {report.machine_in_words()}, by"
        f" `./run manage benchmark --growth --bundles {bundles}`. Processor seconds are those of"
        " every process involved; that of loading networks is in them where it is said. Memory is"
        " the highest of the engine child. Pages are drawn, and read from JPEG files."
    )
    report.put(docs, "growth", "\n\n".join([heading, *answers]))
    facts = {"date": today, "machine": report.machine()}
    report.remember(docs / "growth.jsonl", facts, figures)
