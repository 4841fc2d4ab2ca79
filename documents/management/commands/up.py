"""Run the whole product: web and workers, until Ctrl-C."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from documents import installation
from documents.supervisor import Supervisor, web_part, worker_part


class Command(BaseCommand):
    help = "Start web and workers, watch over them, stop them together."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            lock = installation.hold_data_dir()
        except installation.AlreadyRunning:
            raise CommandError(
                f"Another instance is running with {settings.DATA_DIR}. Stop it first, or set"
                " OCR_DATA_DIR to another folder."
            ) from None
        with lock:
            backup = installation.bring_database_up_to_date()
            if backup:
                self.stdout.write(f"The database was backed up to {backup} and brought up to date.")
            installation.collect_static_files()
            password = installation.create_first_user()
            supervisor = Supervisor(
                [web_part(), worker_part()], announce=lambda: self._announce(password)
            )
            supervisor.run()
            self.stdout.write("Stopped.")

    def _announce(self, password: str | None) -> None:
        profile = settings.OCR_PROFILE
        lines = [
            "",
            f"  Folio is running on http://{settings.OCR_ADDRESS}/",
            f"  Profile {profile.name}: {settings.OCR_PROFILE_REASON}.",
            f"  {settings.OCR_WORKERS} worker(s); data in {settings.DATA_DIR}. Stop with Ctrl-C.",
        ]
        if password:
            lines += [
                "",
                "  +--------------------------------------------------------------+",
                "  | First administrator, shown this once:                        |",
                f"  |   user      {installation.FIRST_USER:<49}|",
                f"  |   password  {password:<49}|",
                "  +--------------------------------------------------------------+",
            ]
        self.stdout.write("\n".join([*lines, ""]))
        self.stdout.flush()
