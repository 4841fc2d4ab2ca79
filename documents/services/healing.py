"""Healing: pages of workers that vanished, hosts that stopped, queues that fell silent."""

from __future__ import annotations

import logging
import uuid
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from documents import files
from documents.models import Attempt, Outcome, Page, PageState, Worker
from documents.services import leases
from documents.services.doorbell import ring
from documents.services.jobs import close_finished_jobs
from documents.services.leases import Lease, host_name, process_start_ticks
from documents.services.turns import due_pages

log = logging.getLogger(__name__)

NUDGE_SECONDS = 2.0


def is_dead_neighbour(worker: str) -> bool:
    """True for a process of this host that is gone; other hosts are judged by their lease."""
    host, pid, start_ticks = worker.rsplit(":", 2)
    return host == host_name() and process_start_ticks(int(pid)) != int(start_ticks)


def reap() -> int:
    """Take pages back from workers that vanished; returns how many."""
    leased = Page.objects.filter(state=PageState.LEASED)
    expired = set(leased.filter(leased_until__lt=Now()).values_list("pk", flat=True))
    taken = 0
    for page in leased:
        if page.pk in expired or is_dead_neighbour(page.worker):
            taken += _take_back(page)
    if taken:
        ring(taken)
    return taken


@transaction.atomic
def _take_back(page: Page) -> int:
    lease = Lease(page.pk, page.token or uuid.UUID(int=0), page.attempts)
    log.warning("page_taken_back page=%s worker=%s", page.pk, page.worker)
    if leases.is_cancelled(lease):
        leases.cancel_page(lease)
        return 0
    losses = page.worker_losses + 1
    if losses >= settings.OCR_JOB_LIMITS.worker_losses:
        leases.settle(
            lease,
            state=PageState.QUARANTINED,
            outcome=Outcome.WORKER_LOST,
            error_code="worker_lost",
            error_params={},
            worker_losses=losses,
        )
        return 0
    return leases.count_worker_loss(lease, losses=losses)


@transaction.atomic
def release_leases_of_host(host: str | None = None) -> int:
    """Hand back what this host's workers held when we stopped them ourselves: no one's fault."""
    held = Page.objects.filter(state=PageState.LEASED, worker__startswith=f"{host or host_name()}:")
    for page in held:
        lease = Lease(page.pk, page.token or uuid.UUID(int=0), page.attempts)
        leases.release(lease, detail="stopped")
    Worker.objects.filter(host=host or host_name()).delete()
    return len(held)


def queue_is_silent() -> bool:
    """True when a page has been due for a while and nobody has claimed or beaten since.

    What a supervisor asks: a cluster can look alive and be frozen for ever (a process of it that
    was stopped, say), and only the queue itself shows it. Nobody claims while the disk is full, and
    that is not a cluster's fault.
    """
    if not files.has_room():
        return False
    limits = settings.OCR_JOB_LIMITS
    long_due = Q(due_at__lt=Now() - timedelta(seconds=limits.due_unclaimed_seconds))
    since = Now() - timedelta(seconds=limits.silence_seconds)
    if not due_pages().filter(long_due).exists():
        return False
    claimed = Attempt.objects.filter(started_at__gte=since).exists()
    return not claimed and not Worker.objects.filter(beat_at__gte=since).exists()


def nudge() -> None:
    """Ring for pages that are due and that nobody is about to claim: a doorbell got lost with a
    worker that held it, or a page's wait is over."""
    moment = timedelta(seconds=NUDGE_SECONDS)
    due = _at_once(due_pages().filter(due_at__lt=Now() - moment))
    if due and not Attempt.objects.filter(started_at__gte=Now() - moment).exists():
        ring(due)


def tick() -> None:
    """Once a minute, idempotent: take back, close, ring, forget the dead."""
    reap()
    close_finished_jobs()
    Worker.objects.filter(beat_at__lt=Now() - timedelta(minutes=10)).delete()
    due = _at_once(due_pages())
    if due:
        ring(due)


def _at_once(pages: QuerySet[Page]) -> int:
    """How many of them can be read at the same time: more need not be counted."""
    return pages[: settings.OCR_WORKERS].count()
