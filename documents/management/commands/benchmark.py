"""Measure accuracy, processor time and memory: against other engines, and of our own parts."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from documents.management import accuracy, benchmarks, resources
from ocrengine import LOW_MEMORY
from ocrengine.profiles import PROFILES

SETS = ("receipts_en", "pages_en", "zh")

KINDS = {
    "data": accuracy.run,
    "bulk": benchmarks.run_bulk,
    "parity": benchmarks.run_parity,
    "giant": benchmarks.run_giant,
    "drift": resources.run_drift,
    "memory": resources.run_memory,
    "growth": resources.run_growth,
    "forms": benchmarks.run_forms,
    "limit": benchmarks.run_limited,
}
"""Option -> what it asks for."""


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
        parser.add_argument(
            "--profile",
            choices=list(PROFILES),
            default=LOW_MEMORY.name,
            help="of --limit, --drift and --memory",
        )
        parser.add_argument("--cores", type=int, default=2, help="of --limit")
        parser.add_argument("--drawn", type=Path, help="keep the pages of --limit in this folder")
        parser.add_argument(
            "--forms",
            action="store_true",
            help="instead: what each precision of the bundles costs and finds, on rendered pages",
        )
        parser.add_argument(
            "--drift",
            type=int,
            metavar="N",
            help="instead: N rendered pages of 200 shapes through one child; does it grow?",
        )
        parser.add_argument(
            "--memory",
            action="store_true",
            help="instead: pages of many sizes; what they take is what forecasts are made of",
        )
        parser.add_argument(
            "--growth",
            action="store_true",
            help="instead: cost by the size of a page, its lines, pages of a job, processes",
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
            "--bundles", help="with commas; default: the one in force, with --forms 'fast'"
        )
        parser.add_argument("--docs", type=Path, default=settings.BASE_DIR / "docs")

    def handle(self, *args: Any, **options: Any) -> None:
        asked = [kind for kind in KINDS if options[kind]]
        if len(asked) != 1:
            names = ", ".join(f"--{kind}" for kind in KINDS)
            raise CommandError(f"Say what to measure, one of {names}.")
        if not options["bundles"]:
            options["bundles"] = "fast" if options["forms"] else settings.OCR_BUNDLE
        KINDS[asked[0]](options, self.stdout.write)
