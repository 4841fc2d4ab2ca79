"""Teach the recogniser a user's own documents."""

import signal
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ocrengine.errors import EngineError


class Command(BaseCommand):
    help = (
        "Teach the recogniser of the bundle 'fast' the labelled pages of FOLDER (a data set, ICDAR"
        " text files, or exported JSON beside the originals). Weights that are not better on pages"
        " kept aside, or worse in general, replace nothing; the replaced ones are kept."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, nargs="?")
        parser.add_argument("--check", type=Path, help="pages to check on; default: a fifth")
        parser.add_argument("--weights", type=Path, help="the recogniser's checkpoint")
        parser.add_argument("--epochs", type=int, default=12)
        parser.add_argument("--try", action="store_true", dest="only_try", help="replace nothing")
        parser.add_argument("--roll-back", action="store_true", help="undo the last one")

    def handle(self, *args: Any, **options: Any) -> None:
        from ocrengine.training import fine_tuning, recognizer  # noqa: PLC0415  heavy

        weights: Path = options["weights"] or recognizer.WEIGHTS
        # A polite kill is a Ctrl-C; nothing is written before the end.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            if options["roll_back"]:
                fine_tuning.roll_back(weights)
                self.stdout.write(f"{weights.name} is what it was before.")
                return
            if options["folder"] is None:
                raise CommandError("Name a folder of labelled pages.")
            tuning = fine_tuning.prepare(weights, options["folder"], options["check"])
            report = tuning.run(options["epochs"])
            self.stdout.write(report.in_words())
            if report.unknown:
                self.stdout.write(f"No class for: {report.unknown}")
            if not options["only_try"]:
                kept = tuning.replace(report)
                self.stdout.write(f"{weights.name} replaced; the old one is {kept.name}.")
        except EngineError as error:
            raise CommandError(str(error)) from error
