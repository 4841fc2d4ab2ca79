"""What a django-q worker runs: claim pages, have them read, settle them, until nothing is due.

The worker process stays small: pages are decoded and read in children of it, which are what gets
killed for time, memory or recycling.
"""

from __future__ import annotations

import atexit
import logging
import time

from django.conf import settings

from documents.services import (
    audit,
    doorbell,
    guessing,
    healing,
    idempotency,
    jobs,
    leases,
    quotas,
    retention,
    turns,
)
from documents.services.desk import Desk
from documents.services.leases import Lease
from ocrengine.process import EngineProcess

log = logging.getLogger(__name__)

_engines: dict[str, EngineProcess] = {}


def engine_for(bundle: str) -> EngineProcess:
    """This process's engine child for a bundle; only one bundle is kept loaded at a time."""
    if bundle not in _engines:
        close_engines()
        _engines[bundle] = EngineProcess(settings.OCR_PROFILE, bundle)
    return _engines[bundle]


def close_engines() -> None:
    while _engines:
        _engines.popitem()[1].close()


atexit.register(close_engines)


def drain() -> None:
    """The doorbell's task: read pages until none is due or the minute is over.

    Returns nothing, so that there is nothing to pickle. If work is left it rings again, which
    gives django-q2 the chance to recycle this process between two minutes.
    """
    worker = leases.worker_name()
    deadline = time.monotonic() + settings.OCR_JOB_LIMITS.drain_seconds
    leases.beat(worker)
    healing.reap()
    with Desk(worker, engine_for) as desk:
        while lease := _next_lease(desk, worker, deadline):
            desk.take(lease)
        desk.finish()
    if time.monotonic() < deadline:
        # Two workers that settle a job's last pages at once may each miss the other's.
        jobs.close_finished_jobs()
    else:
        doorbell.ring()
    leases.beat(worker)


def _next_lease(desk: Desk, worker: str, deadline: float) -> Lease | None:
    """The next page to take, once there is room for it; None when nothing is due, nothing is in
    hand, or the minute is over."""
    while time.monotonic() < deadline:
        if desk.room and (len(desk) < settings.OCR_PROFILE.slots or _is_plenty()):
            lease = leases.claim_next(worker=worker)
            if lease is not None or not len(desk):
                return lease
        desk.attend()
    return None


def _is_plenty() -> bool:
    """Whether a page may be taken before it can be computed: not one that another worker of this
    host could begin at once."""
    return turns.due_pages()[: settings.OCR_WORKERS].count() >= settings.OCR_WORKERS


def tick() -> None:
    """The minute's schedule: whatever was lost is found here at the latest."""
    healing.tick()
    retention.sweep_debris()
    guessing.forget_old_tries()
    idempotency.forget_old()


def purge() -> None:
    """The night's schedule: the trash, what policies let go, files that nobody answers for, ledgers
    of months long past."""
    retention.purge()
    quotas.carry_forward()
    audit.forget_old()
