"""The app's wiring: the schedule after a migration, lifelines and a queue for the cluster."""

import sys

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class DocumentsConfig(AppConfig):
    name = "documents"
    verbose_name = _("Documents")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from documents import lifelines, mailbox, schedules  # noqa: PLC0415  apps must be loaded first

        post_migrate.connect(schedules.ensure_schedules, sender=self)
        if sys.argv[1:2] == ["qcluster"]:
            lifelines.install_fork_lifeline()
            mailbox.install()
