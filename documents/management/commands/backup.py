"""Copy the whole installation, database and files, while it works."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from documents.limits import MB
from documents.management.progress import Progress
from documents.services.backup import SECRET_KEY, BackupFailed, Manifest, back_up

KEEP = 7


class Command(BaseCommand):
    help = "Copy database, files and secret key into a new folder, while others work."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--to", type=Path, help="where backups are; by default backups in the data folder"
        )
        parser.add_argument(
            "--keep", type=int, default=KEEP, help=f"the newest to keep there, {KEEP} by default"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["keep"] < 1:
            raise CommandError("--keep must be 1 or more: the backup that is made is one of them.")
        folder = (options["to"] or settings.DATA_DIR / "backups").resolve()
        progress = Progress(self.stderr)
        try:
            made, manifest = back_up(
                folder, keep=options["keep"], on_file=lambda m: progress.say(f"{m.files} files")
            )
        except BackupFailed as error:
            raise CommandError(str(error)) from None
        self.stdout.write(_told(made, manifest))
        if manifest.faulty:
            raise CommandError(
                f"The backup is whole, but {manifest.faulty} files were missing or altered before"
                f" it was made, beginning with {manifest.faults[0]}: manage.py verify names all."
            )


def _told(made: Path, manifest: Manifest) -> str:
    size = f"{manifest.size_bytes / MB:.0f} MB"
    lines = [
        str(made),
        f"{manifest.documents} documents, {manifest.files} files, {size};"
        f" {manifest.linked} of them shared with the backup before.",
    ]
    if (made / SECRET_KEY).exists():
        lines.append("It holds the secret key: keep it where nobody else can read it.")
    else:
        lines.append("The secret key is in OCR_SECRET_KEY and not in the backup: keep it apart.")
    return "\n".join(lines)
