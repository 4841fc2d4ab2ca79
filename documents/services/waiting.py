"""Waiting a little for a job, for callers who would rather have the text than come back for it."""

from __future__ import annotations

from threading import BoundedSemaphore
from time import sleep as pause

from documents.models import Job, Page
from documents.models.document import OPEN_STATES

SEATS = 2
"""Requests of one web process that may wait at the same time; its other threads go on answering."""
LOOK_EVERY_SECONDS = 0.2
_seats = BoundedSemaphore(SEATS)


def wait_for_job(job: Job, *, seconds: float) -> bool:
    """True when every page was settled in time; False at once when all seats are taken."""
    if not _seats.acquire(blocking=False):
        return False
    try:
        for look in range(round(seconds / LOOK_EVERY_SECONDS) + 1):
            if look:
                pause(LOOK_EVERY_SECONDS)
            if not Page.objects.filter(document__job=job, state__in=OPEN_STATES).exists():
                return True
        return False
    finally:
        _seats.release()
