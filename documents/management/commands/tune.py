"""Measure how this machine reads most pages, and remember it."""

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ocrengine import tuned
from ocrengine.errors import EngineError
from ocrengine.memory import available_memory


class Command(BaseCommand):
    help = (
        "Read rendered invoices with every way to divide this machine's cores among engines, and"
        " remember the quickest that fits into memory; it holds from the next start. Takes a"
        " minute or two; stop the product first, or it measures what is left."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--pages", type=int, default=20, help="invoices each way reads")

    def handle(self, *args: Any, **options: Any) -> None:
        from ocrengine.benchmarks import tuning  # noqa: PLC0415  loads numpy

        profile, bundle = settings.OCR_PROFILE, settings.OCR_BUNDLE
        # Half of what is free: the web, the queue and the decoders need room too.
        room = available_memory().available // 2
        try:
            found = tuning.measure(profile, bundle, settings.OCR_CORES, room, options["pages"])
        except EngineError as error:
            raise CommandError(str(error)) from error
        chosen = tuning.choose(found, room)
        self.stdout.write(
            "| engines x pages x threads | pages a second | CPU s a page | memory MB | |"
        )
        self.stdout.write("|---|---|---|---|---|")
        for way in found:
            self.stdout.write(
                f"| {way.processes} x {way.slots} x {way.threads} | {way.pages_per_second:.2f}"
                f" | {way.cpu_seconds:.3f} | {way.memory // 2**20}"
                f" | {'chosen' if way == chosen else ''} |"
            )
        tuned.keep(
            tuned.Tuned(
                profile=profile.name,
                bundle=bundle,
                cores=settings.OCR_CORES,
                memory_limit=tuned.memory_limit(),
                processes=chosen.processes,
                slots=chosen.slots,
                threads=chosen.threads,
                pages_per_second=chosen.pages_per_second,
                date=datetime.now(UTC).date().isoformat(),
            ),
            settings.OCR_TUNED_FILE,
        )
        self.stdout.write(f"Remembered in {settings.OCR_TUNED_FILE}; it holds from the next start.")
