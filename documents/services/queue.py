"""What staff may do to the queue as a whole: pause it, pause a person, set pages aside, hurry."""

from __future__ import annotations

import logging
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from documents.errors import NotSetAside
from documents.models import Job, Page, PageState, Pause
from documents.services import doorbell, jobs, quotas

log = logging.getLogger(__name__)


def pause(user: Any = None) -> None:
    """Claim no more pages of this user, or of anybody; pages in hand are finished."""
    Pause.objects.get_or_create(user=user)
    log.info("queue_paused user=%s", user and user.pk)


def resume(user: Any = None) -> None:
    Pause.objects.filter(user=user).delete()
    doorbell.ring_on_commit(pages=1)
    log.info("queue_resumed user=%s", user and user.pk)


def set_priority(job: Job, priority: int) -> None:
    Job.objects.filter(pk=job.pk).update(priority=priority)


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
    log.info("page_set_aside page=%s", page.pk)
