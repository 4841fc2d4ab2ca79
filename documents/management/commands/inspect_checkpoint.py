"""Say what a checkpoint holds, and turn it into one of ours."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ocrengine.errors import BundleError


class Command(BaseCommand):
    help = (
        "Recognise FILE by its keys: family, classes, preprocessing, what is missing or left over."
        " --convert writes it as a checkpoint that a bundle's folder may hold."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--vocabulary", type=Path, help="one character per line")
        parser.add_argument("--convert", type=Path, metavar="OUT", help="a .safetensors to write")

    def handle(self, *args: Any, **options: Any) -> None:
        from ocrengine import foreign  # noqa: PLC0415  heavy

        path: Path = options["file"]
        if not path.exists():
            raise CommandError(f"There is no {path}.")
        try:
            if options["convert"]:
                found = foreign.convert(path, options["convert"], options["vocabulary"])
            else:
                found = foreign.inspect_checkpoint(path)
        except BundleError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(found.in_words())
