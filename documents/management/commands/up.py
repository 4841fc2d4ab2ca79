"""Run the whole product: web and workers, until Ctrl-C."""

import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from documents import installation, parts
from documents.address import Address, AddressUnusable
from documents.management.commands.first_admin import password_box
from documents.supervisor import Supervisor, handle_stop_signals


class Command(BaseCommand):
    help = "Start web and workers, watch over them, stop them together."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        handle_stop_signals(signal.default_int_handler)
        try:
            self._run()
        except (installation.NotReady, AddressUnusable) as error:
            raise CommandError(str(error)) from None
        except KeyboardInterrupt:
            pass  # before anything was started
        self._say("Stopped.")

    def _run(self) -> None:
        address = Address.parse(settings.OCR_ADDRESS)
        installation.check_data_dir()
        with installation.hold_data_dir():
            address.check_free()
            backup = installation.bring_database_up_to_date()
            if backup:
                self._say(f"The database was brought up to date; a copy from before is {backup}.")
            installation.collect_static_files()
            password = installation.create_first_user()
            if password:
                self._say(password_box(installation.FIRST_USER, password))
            parts.patiently(parts.hand_back_work)
            supervisor = Supervisor([parts.web_part(address), parts.workers_part()])
            supervisor.run(
                is_ready=lambda: parts.web_is_ready(address),
                announce=lambda: self._announce(address),
            )

    def _announce(self, address: Address) -> None:
        workers = "1 worker" if settings.OCR_WORKERS == 1 else f"{settings.OCR_WORKERS} workers"
        others = "".join(
            f"\n  from other computers: {url}"
            for url in address.urls_for_others(settings.ALLOWED_HOSTS)
        )
        self._say(
            f"\n  Folio is running on {address.url}{others}\n\n"
            f"  profile   {settings.OCR_PROFILE.name}: {settings.OCR_PROFILE_REASON}\n"
            f"  reading   {workers}, bundle {settings.OCR_BUNDLE}\n"
            f"  data      {settings.DATA_DIR}\n"
            "  stop      Ctrl-C\n"
        )

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()
