"""Put a backup in the place of what is here."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from documents import installation
from documents.limits import MB
from documents.management.progress import Progress
from documents.services import restoring
from documents.services.backup import BackupFailed
from documents.services.verifying import Tally, verify


class Command(BaseCommand):
    help = "Put back what manage.py backup copied, check every file, and verify the whole."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("backup", type=Path, help="the folder that manage.py backup named")
        parser.add_argument(
            "--replace", action="store_true", help="let the documents that are here go"
        )
        parser.add_argument(
            "--despite-damage",
            action="store_true",
            help="restore what is whole although files of the backup are damaged",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        progress = Progress(self.stderr)
        try:
            with installation.hold_data_dir():
                manifest = restoring.restore(
                    options["backup"].resolve(),
                    replace=options["replace"],
                    despite_damage=options["despite_damage"],
                    on_file=lambda number: progress.say(f"{number} files"),
                )
                installation.bring_database_up_to_date()
                restoring.tidy_up()
        except restoring.BackupDamaged as error:
            self.stderr.write("\n".join(error.names))
            raise CommandError(
                f"{error}, each is named above; the database is as it was."
            ) from None
        except (BackupFailed, installation.NotReady) as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"Restored {manifest.documents} documents of {manifest.made_at}.")
        self._verify(progress)

    def _verify(self, progress: Progress) -> None:
        tally = Tally()
        findings = list(verify(tally, lambda t: progress.say(f"{t.files} files verified")))
        for finding in findings:
            self.stdout.write(f"{finding.kind:<11} {finding.name}  {finding.detail}")
        if findings:
            raise CommandError(f"Not everything is whole: {len(findings)} found, each named above.")
        self.stdout.write(
            f"{tally.files} files, {tally.size_bytes / MB:.0f} MB: all there, and as they were."
        )
