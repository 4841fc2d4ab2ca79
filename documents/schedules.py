"""What runs by the clock. Created after every migration; names are unique because we say so."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

TICK = "documents.worker.tick"
PURGE = "documents.worker.purge"


def ensure_schedules(**_: Any) -> None:
    """The minute's tick, as it must be; the nightly purge, whose time staff may have moved.

    By name and never just created, because django-q2 does not make names unique.
    """
    from django_q.models import Schedule  # noqa: PLC0415  apps are not loaded when this is imported

    Schedule.objects.update_or_create(
        name="tick", defaults={"func": TICK, "schedule_type": Schedule.MINUTES, "minutes": 1}
    )
    if not Schedule.objects.filter(func=PURGE).exists():
        at_three = timezone.localtime().replace(hour=3, minute=0, second=0, microsecond=0)
        first = at_three if at_three > timezone.now() else at_three + timedelta(days=1)
        Schedule.objects.create(
            name="purge", func=PURGE, schedule_type=Schedule.DAILY, next_run=first
        )
