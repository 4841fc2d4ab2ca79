"""Create the first administrator, for installations that are not started by `up`."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from documents import installation


def password_box(user: str, password: str) -> str:
    """What is shown once, in a frame that stands out among log lines."""
    lines = (
        "First administrator, shown this once",
        "",
        f"user      {user}",
        f"password  {password}",
        "",
        "Change it after logging in.",
    )
    width = max(map(len, lines))
    edge = f"+{'-' * (width + 4)}+"
    return "\n".join(["", edge, *(f"|  {line:<{width}}  |" for line in lines), edge, ""])


class Command(BaseCommand):
    help = "Create a first administrator with a random password, when there is no user at all."

    def handle(self, *args: Any, **options: Any) -> None:
        password = installation.create_first_user()
        if password is None:
            raise CommandError(
                "There are users already; `manage.py changepassword NAME` sets a new password."
            )
        self.stdout.write(password_box(installation.FIRST_USER, password))
