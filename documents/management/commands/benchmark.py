"""Measure accuracy, processor time and memory against the rapidocr package in one run."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ocrengine import BALANCED, LOW_MEMORY
from ocrengine.benchmarks import accuracy, bulk, invoices, report

SETS = ("receipts_en", "pages_en", "zh")


class Command(BaseCommand):
    help = (
        "Read the sets of DATA with each profile and with the rapidocr package, interleaved; score"
        " them with the set's own scorer; write docs/benchmarks.md and docs/benchmarks.jsonl."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--data", type=Path, help="folder of <set>/images, gt")
        parser.add_argument(
            "--bulk",
            type=int,
            metavar="N",
            help="instead: N rendered invoices, read naively and as the product does",
        )
        parser.add_argument("--scorer", type=Path, help="default: score.py beside DATA")
        parser.add_argument(
            "--peer-python", type=Path, help="a Python with rapidocr, shapely and rapidfuzz"
        )
        parser.add_argument("--sets", default=",".join(SETS))
        parser.add_argument(
            "--bundles", default=settings.OCR_BUNDLE, help="with commas; default: the one in force"
        )
        parser.add_argument("--docs", type=Path, default=settings.BASE_DIR / "docs")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["bulk"]:
            self._bulk(options["bulk"], options["bundles"].split(",")[0], options["docs"])
            return
        if options["data"] is None:
            raise CommandError("Say what to read: --data FOLDER, or --bulk N.")
        data: Path = options["data"]
        scorer = options["scorer"] or data.parent / "score.py"
        if not scorer.exists():
            raise CommandError(f"No scorer at {scorer}; name one with --scorer.")
        python = options["peer_python"]
        try:
            accuracy.check_scorer(python or Path("python3"), scorer)
        except accuracy.ScorerError as error:
            raise CommandError(str(error)) from error
        contenders: list[Any] = [
            accuracy.Ours(profile, bundle)
            for bundle in options["bundles"].split(",")
            for profile in (BALANCED, LOW_MEMORY)
        ]
        if python:
            contenders.append(accuracy.Package(python))
        try:
            with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
                out = Path(folder)
                sets = options["sets"].split(",")
                measured = accuracy.measure(data, sets, contenders, out, say=self.stdout.write)
                accuracy.score(measured, data, out, python or Path("python3"), scorer)
        finally:
            for contender in contenders:
                contender.close()
        today = datetime.now(UTC).date().isoformat()
        heading = (
            f"Measured {today}, one thread per engine, on {report.machine_in_words()}, by\n"
            f"`./run manage benchmark --bundles {options['bundles']} --data EVAL/dev"
            " --peer-python PEER/bin/python`.\n"
            "EVAL is a folder of real documents made by other people, not part of this\n"
            "repository; PEER an environment with rapidocr, shapely and rapidfuzz. CPU seconds\n"
            "are those of every process involved, decoding too, loading of networks not; they are\n"
            "noisy between runs, the share of the package's is within one run. Peak is the\n"
            "highest resident memory of the recognising process, from the run's start onwards."
        )
        facts = {"date": today, "machine": report.machine(), "sets": sets}
        report.write(
            options["docs"],
            measured,
            name=f"accuracy of {options['bundles']}",
            peer="rapidocr package",
            heading=heading,
            facts=facts,
        )
        self.stdout.write(report.table(measured, "rapidocr package"))

    def _bulk(self, count: int, bundle: str, docs: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="invoices-") as folder:
            paths = invoices.write_invoices(Path(folder), count)
            reading = bulk.contenders(BALANCED, bundle)
            try:
                measured = bulk.measure(paths, reading)
            finally:
                for contender in reading:
                    contender.close()
        today = datetime.now(UTC).date().isoformat()
        heading = (
            f"{count} rendered invoices (A4, 150 dpi), bundle `{bundle}`, measured {today} on"
            f" {report.machine_in_words()}, by\n`./run manage benchmark --bulk {count} --bundles"
            f" {bundle}`, all ways in turns of {bulk.TURN} files:"
        )
        report.put(docs, "bulk", f"{heading}\n\n{bulk.table(measured)}")
        rows = {name: bulk.figures(row) for name, row in measured.items()}
        facts = {"date": today, "machine": report.machine(), "invoices": count}
        report.remember(docs / "bulk.jsonl", facts, rows)
        self.stdout.write(bulk.table(measured))
