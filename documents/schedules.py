"""What runs by the clock. Created after every migration; names are unique because we say so."""

from typing import Any

TICK = "documents.worker.tick"


def ensure_schedules(**_: Any) -> None:
    """One minute's tick; update_or_create because django-q2 does not make names unique."""
    from django_q.models import Schedule  # noqa: PLC0415  apps are not loaded when this is imported

    Schedule.objects.update_or_create(
        name="tick", defaults={"func": TICK, "schedule_type": Schedule.MINUTES, "minutes": 1}
    )
