"""What staff may do to the queue as a whole: pause it, pause a person, set pages aside, hurry."""

from __future__ import annotations

import logging
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from documents.errors import NotSetAside
from documents.models import Job, Kind, Page, PageState, Pause, Verb
from documents.services import audit, doorbell, jobs, quotas
from documents.services.audit import Subject

log = logging.getLogger(__name__)


_QUEUE = Subject(Kind.QUEUE)


@transaction.atomic
def pause(user: Any = None) -> None:
    """Claim no more pages of this user, or of anybody; pages in hand are finished."""
    Pause.objects.get_or_create(user=user)
    audit.record(Verb.PAUSE, user or _QUEUE)
    log.info("queue_paused user=%s", user and user.pk)


@transaction.atomic
def resume(user: Any = None) -> None:
    Pause.objects.filter(user=user).delete()
    audit.record(Verb.RESUME, user or _QUEUE)
    doorbell.ring_on_commit(pages=1)
    log.info("queue_resumed user=%s", user and user.pk)


@transaction.atomic
def set_priority(job: Job, priority: int) -> None:
    Job.objects.filter(pk=job.pk).update(priority=priority)
    audit.record(Verb.PRIORITY, job, detail=str(priority))


@transaction.atomic
def set_aside(page: Page) -> None:
    """Quarantine a page that waits; a retry releases it. Raises NotSetAside."""
    waiting = Page.objects.filter(pk=page.pk, state=PageState.PENDING)
    if not waiting.update(
        state=PageState.QUARANTINED,
        error_code="set_aside",
        error_params={},
        settled_at=Now(),
    ):
        raise NotSetAside
    jobs.close_job_of(page.pk)
    quotas.release_pages(owner=page.document.owner, pages=1, about=page.pk)
    audit.record(Verb.SET_ASIDE, page)
    log.info("page_set_aside page=%s", page.pk)
