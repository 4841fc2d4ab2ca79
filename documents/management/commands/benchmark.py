"""Measure accuracy, processor time and memory against other engines in one run."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from documents.management import limit_report, under_limit
from ocrengine import BALANCED, LOW_MEMORY
from ocrengine.benchmarks import accuracy, bulk, drift, giant, invoices, mixed, peers, report
from ocrengine.benchmarks.memory_group import GroupUnavailable
from ocrengine.profiles import MB, PROFILES

SETS = ("receipts_en", "pages_en", "zh")
PEERS = {peers.Package.name: "the package's", peers.Tesseract.name: "Tesseract's"}


class Command(BaseCommand):
    help = (
        "Read the sets of DATA with each profile, with the rapidocr package and with Tesseract,"
        " interleaved; score them with the set's own scorer; write docs/benchmarks.md and"
        " docs/benchmarks.jsonl."
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
        parser.add_argument(
            "--parity",
            type=int,
            metavar="N",
            help="instead: N rendered invoices, read in torch and in ONNX Runtime, in fp32",
        )
        parser.add_argument(
            "--giant",
            action="store_true",
            help="instead: sheets of A0 and a long strip full of small print",
        )
        parser.add_argument(
            "--limit",
            type=int,
            metavar="MB",
            help="instead: mixed pages handed to the whole product under a hard limit; as root",
        )
        parser.add_argument("--pages", type=int, default=500, help="of --limit")
        parser.add_argument("--profile", choices=list(PROFILES), default=LOW_MEMORY.name)
        parser.add_argument("--cores", type=int, default=2, help="of --limit")
        parser.add_argument("--drawn", type=Path, help="keep the pages of --limit in this folder")
        parser.add_argument(
            "--drift",
            type=int,
            metavar="N",
            help="instead: N rendered pages of 200 shapes through one child; does it grow?",
        )
        parser.add_argument("--scorer", type=Path, help="default: score.py beside DATA")
        parser.add_argument(
            "--peer-python", type=Path, help="a Python with rapidocr, shapely and rapidfuzz"
        )
        parser.add_argument(
            "--tesseract",
            nargs="?",
            const="tesseract",
            metavar="PROGRAM",
            help="compare with it too; PROGRAM where it is not on the path",
        )
        parser.add_argument("--sets", default=",".join(SETS))
        parser.add_argument(
            "--bundles", default=settings.OCR_BUNDLE, help="with commas; default: the one in force"
        )
        parser.add_argument("--docs", type=Path, default=settings.BASE_DIR / "docs")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["bulk"]:
            self._bulk(options["bulk"], options["bundles"].split(",")[0], options["docs"])
        elif options["parity"]:
            self._parity(options["parity"], options["docs"])
        elif options["giant"]:
            self._giant(options["bundles"], options["docs"])
        elif options["limit"]:
            self._limited(options)
        elif options["drift"]:
            self._drift(options["drift"], options["docs"])
        elif options["data"]:
            self._accuracy(options["data"], options)
        else:
            raise CommandError(
                "Say what: --data FOLDER, --bulk N, --parity N, --giant, --drift N or --limit MB."
            )

    def _accuracy(self, data: Path, options: dict[str, Any]) -> None:
        scorer = options["scorer"] or data.parent / "score.py"
        if not scorer.exists():
            raise CommandError(f"No scorer at {scorer}; name one with --scorer.")
        python = options["peer_python"] or Path("python3")
        try:
            accuracy.check_scorer(python, scorer)
            contenders = _contenders(options)
        except (accuracy.ScorerError, peers.PeerError) as error:
            raise CommandError(str(error)) from error
        sets = options["sets"].split(",")
        try:
            with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
                out = Path(folder)
                measured = accuracy.measure(data, sets, contenders, out, say=self.stdout.write)
                accuracy.score(measured, data, out, python, scorer)
        finally:
            for contender in contenders:
                contender.close()
        compared = {c.name: PEERS[c.name] for c in contenders if c.name in PEERS}
        today = _today()
        report.write(
            options["docs"],
            measured,
            name=f"accuracy of {options['bundles']}",
            peers=compared,
            heading=_accuracy_heading(today, options, contenders),
            facts={"date": today, "machine": report.machine(), "sets": sets},
        )
        self.stdout.write(report.table(measured, compared))

    def _bulk(self, count: int, bundle: str, docs: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="invoices-") as folder:
            paths = invoices.write_invoices(Path(folder), count)
            reading = bulk.contenders(BALANCED, bundle)
            try:
                measured = bulk.measure(paths, reading)
            finally:
                for contender in reading:
                    contender.close()
        today = _today()
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

    def _parity(self, count: int, docs: Path) -> None:
        from ocrengine.benchmarks import parity  # noqa: PLC0415  heavy

        found = parity.measure("fast", BALANCED, count)
        said = (
            "Largest difference of a probability in the detector's map, torch against ONNX Runtime,"
            f" both in fp32,\nbundle `fast`, measured {_today()} by `./run manage benchmark"
            f" --parity {count}`:\n\n{parity.table(found)}\n\nOf {found.lines:,} lines on {count}"
            f" rendered invoices, {found.same:.2%} say the same."
        )
        report.put(docs, "parity", said)
        self.stdout.write(said)

    def _giant(self, bundles: str, docs: Path) -> None:
        read: list[giant.Giant] = []
        failed: list[str] = []
        for found in giant.measure(bundles.split(","), (BALANCED, LOW_MEMORY)):
            if isinstance(found, giant.Giant):
                read.append(found)
                self.stdout.write(giant.table([found]).splitlines()[-1])
            else:
                failed.append(found)
                self.stdout.write(found)
        heading = (
            "Sheets full of rendered 8-point print at 300 dpi, as JPEG: 10,000 x 14,000 pixels and"
            " 400 x 20,000,\none thread, loading included, measured"
            f" {_today()} on {report.machine_in_words()}, by\n"
            f"`./run manage benchmark --giant --bundles {bundles}`:"
        )
        report.put(
            docs, f"giant sheets by {bundles}", "\n\n".join([heading, giant.table(read), *failed])
        )

    def _limited(self, options: dict[str, Any]) -> None:
        bundle = options["bundles"].split(",")[0]
        trial = under_limit.Trial(
            options["profile"], bundle, options["limit"] * MB, options["cores"]
        )
        with tempfile.TemporaryDirectory(prefix="limited-") as folder:
            kept = options["drawn"] or Path(folder) / "drawn"
            kept.mkdir(parents=True, exist_ok=True)
            drawn = mixed.write_pages(kept, options["pages"])
            try:
                outcome = under_limit.run(trial, drawn, settings.BASE_DIR, Path(folder))
            except (GroupUnavailable, under_limit.NotStarted) as error:
                raise CommandError(str(error)) from error
        self.stdout.write(limit_report.write(options["docs"], trial, outcome, drawn))

    def _drift(self, pages: int, docs: Path) -> None:
        if pages <= drift.SETTLED:
            raise CommandError(f"Growth is counted from page {drift.SETTLED}: read more of them.")
        rows = []
        for row in drift.measure(BALANCED, pages):
            rows.append(row)
            self.stdout.write(drift.table([row]))
        today = _today()
        heading = report.paragraph(
            f"Anonymous resident memory of one engine child (MB) while it reads {pages:,} rendered"
            f" pages of {drift.SHAPES} shapes, each shape once before any comes again; measured"
            f" {today} on {report.machine_in_words()}, by `./run manage benchmark --drift {pages}`."
            f" A child is looked at after every {drift.EVERY} pages, when it has given back what it"
            f" freed. What it holds after {drift.SETTLED} is what growth is counted from. It is not"
            " replaced meanwhile, as it would be in use."
        )
        report.put(docs, "drift", f"{heading}\n\n{drift.table(rows)}")
        facts = {"date": today, "machine": report.machine(), "pages": pages}
        report.remember(docs / "drift.jsonl", facts, [vars(row) for row in rows])


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


def _contenders(options: dict[str, Any]) -> list[accuracy.Contender]:
    """Every bundle under both profiles, and the peers that were asked for."""
    reading: list[accuracy.Contender] = [
        accuracy.Ours(profile, bundle)
        for bundle in options["bundles"].split(",")
        for profile in (BALANCED, LOW_MEMORY)
    ]
    if options["peer_python"]:
        reading.append(peers.Package(options["peer_python"]))
    if options["tesseract"]:
        reading.append(peers.Tesseract(options["tesseract"]))
    return reading


def _accuracy_heading(
    today: str, options: dict[str, Any], contenders: list[accuracy.Contender]
) -> str:
    versions = [c.version for c in contenders if isinstance(c, peers.Tesseract)]
    tesseract = f"; Tesseract {versions[0]} at its defaults" if versions else ""
    return (
        f"Measured {today}, one thread per engine, on {report.machine_in_words()}{tesseract}, by\n"
        f"`./run manage benchmark --bundles {options['bundles']} --data EVAL/dev"
        f" --peer-python PEER/bin/python{' --tesseract' if versions else ''}`.\n"
        "EVAL is a folder of real documents made by other people, not part of this\n"
        "repository; PEER an environment with rapidocr, shapely and rapidfuzz. CPU seconds\n"
        "are those of every process involved, decoding too, loading of networks not (Tesseract\n"
        "is a program that loads its own for every page); they are noisy between runs, the share\n"
        "of a peer's is within one run. Peak is the highest resident memory of the recognising\n"
        "process, from the run's start onwards."
    )
