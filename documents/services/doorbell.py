"""The doorbell: django-q2 carries a call to wake up, and nothing else."""

from __future__ import annotations

from functools import partial

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django_q.models import OrmQ
from django_q.tasks import async_task

DRAIN = "documents.worker.drain"


def ring(times: int = 1) -> None:
    """Wake workers. Doubled rings are harmless, lost ones are healed by the minute's tick.

    Rings nobody has answered yet are counted against `times`, so that they do not pile up. A ring
    that was answered says nothing: its worker may be about to find the queue empty and go.
    """
    unanswered = OrmQ.objects.filter(lock__lte=timezone.now()).count() if _rings_in_tables() else 0
    for _ in range(min(times, settings.OCR_WORKERS) - unanswered):
        async_task(DRAIN)


def _rings_in_tables() -> bool:
    return "orm" in settings.Q_CLUSTER


def ring_on_commit(*, pages: int) -> None:
    transaction.on_commit(partial(ring, pages))
