"""Run by a test: the workers alone under the supervisor, on a database of their own."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.processes.settings")
django.setup()

from django.core.management import call_command  # noqa: E402

from documents.parts import workers_part  # noqa: E402
from documents.supervisor import Supervisor  # noqa: E402

if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    Supervisor([workers_part()]).run(is_ready=lambda: True, announce=lambda: None)
