"""Leases: our tables are the truth about who reads which page.

A page is leased by one conditional update that also counts the attempt, before any work. The
lease's token fences every later write: who lost the lease writes nothing. Leases end by the
database's clock. The order in which rows are locked: page, attempt, job, usage.
"""

from __future__ import annotations

import logging
import os
import socket
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from documents import files
from documents.models import (
    Attempt,
    Job,
    JobMode,
    JobState,
    Outcome,
    Page,
    PageState,
    Usage,
    Worker,
)
from documents.services import quotas, rungs, turns
from documents.services.jobs import close_job_of

log = logging.getLogger(__name__)

RELEASE_DELAY = timedelta(seconds=30)


@dataclass(frozen=True)
class Lease:
    """The right to read one page, until it is lost."""

    page_id: uuid.UUID
    token: uuid.UUID
    attempt: int
    bundle: str = ""
    """What to read it with: what its job asked for, or something lighter on the last rung."""
    detect_only: bool = False


@dataclass(frozen=True)
class Ending:
    """What is known of how a try ended, for those who look for a cause."""

    detail: str = ""
    peak_memory: int | None = None
    """Highest resident bytes of the child."""
    exit_status: int | None = None
    """Of the child, as of subprocess: negative is a signal's number."""


def host_name() -> str:
    return socket.gethostname()[:80]


def process_start_ticks(pid: int) -> int | None:
    """Kernel ticks at which the process began (Linux, proc(5) field 22); None when it is gone.

    A zombie is as good as gone: it holds its pid but will never work again.
    """
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if fields[0] == b"Z" else int(fields[19])


def worker_name() -> str:
    """host:pid:start ticks: no two processes ever share one."""
    pid = os.getpid()
    return f"{host_name()}:{pid}:{process_start_ticks(pid) or 0}"


# --- Claiming ----------------------------------------------------------------------------------


def claim_next(*, worker: str) -> Lease | None:
    """Lease one page to this caller; at most one caller wins it. None when nothing is due, or while
    the disk has no room for what reading leaves on it."""
    if not files.has_room():
        return None
    while (page := turns.next_page(host_name())) is not None:
        lease = _claim(page, worker)
        if lease is not None:
            return lease
    return None


@transaction.atomic
def _claim(page: Page, worker: str) -> Lease | None:
    token = uuid.uuid4()
    # attempts only grows, so that a page claimed and given back in between is not ours (no ABA).
    still_free = Page.objects.filter(pk=page.pk, state=PageState.PENDING, attempts=page.attempts)
    won = still_free.update(
        state=PageState.LEASED,
        token=token,
        worker=worker,
        leased_until=Now() + timedelta(seconds=settings.OCR_JOB_LIMITS.lease_seconds),
        attempts=F("attempts") + 1,
    )
    if not won:
        return None
    number = page.attempts + 1
    Attempt.objects.create(page_id=page.pk, number=number, worker=worker, rung=page.rung)
    document = page.document
    Job.objects.filter(pk=document.job_id, state=JobState.QUEUED).update(
        state=JobState.RUNNING, started_at=Now()
    )
    Usage.objects.update_or_create(owner_id=document.owner_id, defaults={"last_turn_at": Now()})
    beat(worker, page_id=page.pk)
    detect_only = document.job.mode == JobMode.DETECT
    bundle = rungs.bundle_on(page.rung, document.job.bundle)
    return Lease(page.pk, token, number, bundle, detect_only)


def beat(worker: str, *, page_id: uuid.UUID | None = None, memory_bytes: int = 0) -> None:
    """Say that this worker is alive, and what it holds."""
    Worker.objects.update_or_create(
        name=worker,
        defaults={"beat_at": Now(), "page_id": page_id, "memory_bytes": memory_bytes},
        create_defaults={
            "beat_at": Now(),
            "page_id": page_id,
            "host": host_name(),
            "pid": os.getpid(),
        },
    )


def _held(lease: Lease) -> QuerySet[Page]:
    """The fence: the page, if the lease is still ours."""
    return Page.objects.filter(pk=lease.page_id, token=lease.token, state=PageState.LEASED)


def extend_lease(lease: Lease) -> bool:
    """False when the lease was lost: stop at once, nothing you do counts any more."""
    until = Now() + timedelta(seconds=settings.OCR_JOB_LIMITS.lease_seconds)
    return _held(lease).update(leased_until=until) == 1


def is_cancelled(lease: Lease) -> bool:
    wanted = Job.objects.filter(documents__pages=lease.page_id, cancel_requested_at__isnull=False)
    return wanted.exists()


# --- Settling ----------------------------------------------------------------------------------


def settle(lease: Lease, *, state: PageState, outcome: Outcome, **fields: Any) -> bool:
    """Write a page's end, if the lease still holds. Call inside a transaction with its results."""
    ending = fields.pop("ending", Ending())
    ended = _held(lease).update(
        state=state, token=None, leased_until=None, worker="", settled_at=Now(), **fields
    )
    if not ended:
        return False
    _end_attempt(lease, outcome, fields.get("error_code", ""), ending)
    close_job_of(lease.page_id)
    quotas.settle_page(lease.page_id, was_read=state == PageState.DONE)
    return True


def _end_attempt(
    lease: Lease, outcome: Outcome, code: str = "", ending: Ending | None = None
) -> None:
    ending = ending or Ending()
    Attempt.objects.filter(page_id=lease.page_id, number=lease.attempt).update(
        outcome=outcome,
        error_code=code,
        detail=ending.detail[:500],
        ended_at=Now(),
        peak_memory=ending.peak_memory,
        exit_status=ending.exit_status,
    )


@transaction.atomic
def fail_page(lease: Lease, *, code: str, params: dict[str, Any], detail: str = "") -> None:
    """The file itself is at fault: no other try would end differently."""
    settle(
        lease,
        state=PageState.FAILED,
        outcome=Outcome.FAILED,
        error_code=code,
        error_params=params,
        ending=Ending(detail),
    )


@transaction.atomic
def count_child_death(lease: Lease, *, code: str, ending: Ending | None = None) -> None:
    """A child died over this page: once more after a while, one rung lower, until it is set
    aside."""
    page = _held(lease).first()
    if page is None:
        return
    deaths, ending = page.child_deaths + 1, ending or Ending()
    tries_left = settings.OCR_JOB_LIMITS.child_deaths - deaths
    if tries_left <= 0:
        log.warning("page_quarantined page=%s code=%s", page.pk, code)
        settle(
            lease,
            state=PageState.QUARANTINED,
            outcome=Outcome.CHILD_DIED,
            error_code=code,
            error_params={},
            child_deaths=deaths,
            ending=ending,
        )
        return
    _end_attempt(lease, Outcome.CHILD_DIED, code, ending)
    _put_back(
        _held(lease),
        child_deaths=deaths,
        rung=rungs.next_rung(page.rung, code=code, tries_left=tries_left),
        due_at=Now() + _backoff(deaths),
    )


def _backoff(times: int) -> timedelta:
    """How long a page waits that went wrong so often: what was wrong with the machine may have
    passed by then, and others are read first."""
    limits = settings.OCR_JOB_LIMITS
    if times < 1:
        return timedelta(0)
    seconds = limits.backoff_seconds * 4 ** (times - 1)
    return timedelta(seconds=min(seconds, limits.longest_backoff_seconds))


def count_worker_loss(lease: Lease, *, losses: int) -> int:
    """A worker vanished with this page in hand, the `losses`th: once more; 0 when the lease had
    ended meanwhile."""
    wait = _backoff(losses - settings.OCR_JOB_LIMITS.backoff_losses)
    put_back = _put_back(_held(lease), worker_losses=losses, due_at=Now() + wait)
    if put_back:
        _end_attempt(lease, Outcome.WORKER_LOST, "worker_lost")
    return put_back


@transaction.atomic
def release(lease: Lease, *, detail: str = "", later: bool = False) -> None:
    """Hand a page back unread, at nobody's cost; `later` waits until a cause may have passed."""
    _end_attempt(lease, Outcome.RELEASED, ending=Ending(detail))
    _put_back(_held(lease), **({"due_at": Now() + RELEASE_DELAY} if later else {}))


@transaction.atomic
def cancel_page(lease: Lease) -> None:
    settle(lease, state=PageState.CANCELLED, outcome=Outcome.CANCELLED, error_code="cancelled")


def _put_back(pages: QuerySet[Page], **fields: Any) -> int:
    return pages.update(state=PageState.PENDING, token=None, leased_until=None, worker="", **fields)
