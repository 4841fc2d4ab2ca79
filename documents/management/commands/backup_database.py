"""Copy the SQLite database while the product runs."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from documents import installation


class Command(BaseCommand):
    help = "Copy the SQLite database consistently, while others read and write."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--to", type=Path, help="a file; by default one in the backups folder")

    def handle(self, *args: Any, **options: Any) -> None:
        backup = installation.back_up_sqlite(options["to"])
        if backup is None:
            raise CommandError("There is no SQLite database; a server has tools of its own.")
        self.stdout.write(str(backup))
