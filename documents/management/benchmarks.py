"""What can be measured on rendered documents, on any machine: one function each."""

from __future__ import annotations

import tempfile
from pathlib import Path

from django.conf import settings
from django.core.management.base import CommandError

from documents.management import limit_report, under_limit
from documents.management.accuracy import Options, Say
from ocrengine import BALANCED, LOW_MEMORY
from ocrengine.benchmarks import bulk, giant, invoices, mixed, report
from ocrengine.benchmarks.memory_group import GroupUnavailable
from ocrengine.errors import EngineError
from ocrengine.profiles import MB


def run_bulk(options: Options, say: Say) -> None:
    """Many invoices: naively, one by one, and as the product does."""
    count, docs = options["bulk"], options["docs"]
    bundle = options["bundles"].split(",")[0]
    with tempfile.TemporaryDirectory(prefix="invoices-") as folder:
        paths = invoices.write_invoices(Path(folder), count)
        reading = bulk.contenders(BALANCED, bundle)
        try:
            measured = bulk.measure(paths, reading)
        finally:
            for contender in reading:
                contender.close()
    today = report.today()
    heading = (
        f"{count} rendered invoices (A4, 150 dpi), bundle `{bundle}`, measured {today} on"
        f" {report.machine_in_words()}, by\n`./run manage benchmark --bulk {count} --bundles"
        f" {bundle}`, all ways in turns of {bulk.TURN} files:"
    )
    report.put(docs, "bulk", f"{heading}\n\n{bulk.table(measured)}")
    rows = {name: bulk.figures(row) for name, row in measured.items()}
    facts = {"date": today, "machine": report.machine(), "invoices": count}
    report.remember(docs / "bulk.jsonl", facts, rows)
    say(bulk.table(measured))


def run_parity(options: Options, say: Say) -> None:
    """The same answers from torch and from ONNX Runtime?"""
    count, docs = options["parity"], options["docs"]
    from ocrengine.benchmarks import parity  # noqa: PLC0415  heavy

    found = parity.measure("fast", BALANCED, count)
    said = (
        "Largest difference of a probability in the detector's map, torch against ONNX Runtime,"
        f" both in fp32,\nbundle `fast`, measured {report.today()} by `./run manage benchmark"
        f" --parity {count}`:\n\n{parity.table(found)}\n\nOf {found.lines:,} lines on {count}"
        f" rendered invoices, {found.same:.2%} say the same."
    )
    report.put(docs, "parity", said)
    say(said)


def run_giant(options: Options, say: Say) -> None:
    """Sheets of A0 and a long strip."""
    bundles, docs = options["bundles"], options["docs"]
    read: list[giant.Giant] = []
    failed: list[str] = []
    for found in giant.measure(bundles.split(","), (BALANCED, LOW_MEMORY)):
        if isinstance(found, giant.Giant):
            read.append(found)
            say(giant.table([found]).splitlines()[-1])
        else:
            failed.append(found)
            say(found)
    heading = (
        "Sheets full of rendered 8-point print at 300 dpi, as JPEG: 10,000 x 14,000 pixels and"
        " 400 x 20,000,\none thread, loading included, measured"
        f" {report.today()} on {report.machine_in_words()}, by\n"
        f"`./run manage benchmark --giant --bundles {bundles}`:"
    )
    report.put(
        docs, f"giant sheets by {bundles}", "\n\n".join([heading, giant.table(read), *failed])
    )


def run_limited(options: Options, say: Say) -> None:
    """The whole product under a hard memory limit."""
    bundle = options["bundles"].split(",")[0]
    trial = under_limit.Trial(options["profile"], bundle, options["limit"] * MB, options["cores"])
    with tempfile.TemporaryDirectory(prefix="limited-") as folder:
        kept = options["drawn"] or Path(folder) / "drawn"
        kept.mkdir(parents=True, exist_ok=True)
        drawn = mixed.write_pages(kept, options["pages"])
        try:
            outcome = under_limit.run(trial, drawn, settings.BASE_DIR, Path(folder))
        except (GroupUnavailable, under_limit.NotStarted) as error:
            raise CommandError(str(error)) from error
    say(limit_report.write(options["docs"], trial, outcome, drawn))


def run_forms(options: Options, say: Say) -> None:
    """What each precision of the bundles costs and finds, on rendered pages."""
    from ocrengine.benchmarks import forms  # noqa: PLC0415  heavy
    from ocrengine.training import evaluate  # noqa: PLC0415

    try:
        found = [
            form for bundle in options["bundles"].split(",") for form in forms.forms_of(bundle)
        ]
        for form in found:
            if form.can_be_measured:
                form.scores = evaluate.rendered(form.bundle, form.precision, form.device)
        forms.measure(found)
    except EngineError as error:
        raise CommandError(str(error)) from error
    heading = report.paragraph(
        f"Forms of our own networks, measured {report.today()} on {report.machine_in_words()}, by"
        f" `./run manage benchmark --forms --bundles {options['bundles']}`: one thread, all in"
        " turns, milliseconds of processor time (on a GPU of wall time) for a page of 640 x 640 px"
        " and for eight lines of 320 px; F and error rates on rendered pages and lines that no"
        " training sees."
    )
    table = "\n".join([forms.HEADING, *(form.row() for form in found)])
    report.put(options["docs"], "forms", f"{heading}\n\n{table}")
    say(table)
