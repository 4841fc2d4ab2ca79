"""Jobs: what people ask of one, and its end when all of its pages are settled."""

from __future__ import annotations

import logging
import uuid

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now

from documents.errors import NotCancellable, NotRetryable
from documents.models import Document, Job, JobState, Page, PageState, Verb
from documents.models.document import OPEN_STATES, RETRYABLE_STATES
from documents.models.job import OPEN_JOB_STATES
from documents.services import audit, quotas
from documents.services.doorbell import ring_on_commit

log = logging.getLogger(__name__)


def close_job_of(page_id: uuid.UUID) -> None:
    close_finished_jobs(Job.objects.filter(documents__pages=page_id))


def close_finished_jobs(jobs: QuerySet[Job] | None = None) -> None:
    """Close open jobs whose pages are all settled; each is closed once, by a conditional update."""
    pages = Page.objects.filter(document__job=OuterRef("pk"))
    candidates = (Job.objects.all() if jobs is None else jobs).filter(state__in=OPEN_JOB_STATES)
    settled = candidates.exclude(Exists(pages.filter(state__in=OPEN_STATES)))
    for job_id in set(settled.values_list("pk", flat=True)):
        _close(job_id)


@transaction.atomic
def _close(job_id: uuid.UUID) -> None:
    """Asked once more while the row is ours: pages may have been put back meanwhile, and those of a
    closed job are nobody's turn."""
    still_open = Job.objects.select_for_update().filter(pk=job_id, state__in=OPEN_JOB_STATES)
    job = still_open.first()
    pages = Page.objects.filter(document__job=job_id)
    if job is None or pages.filter(state__in=OPEN_STATES).exists():
        return
    job.state = JobState.FAILED
    if job.cancel_requested_at:
        job.state = JobState.CANCELLED
    elif pages.filter(state=PageState.DONE).exists():
        job.state = JobState.DONE
    still_open.update(state=job.state, finished_at=Now())


@transaction.atomic
def cancel_job(job: Job) -> None:
    """Stop what waits at once; what is being read stops within a second or two."""
    wanted = Job.objects.filter(pk=job.pk, state__in=OPEN_JOB_STATES)
    if not wanted.update(cancel_requested_at=Now()):
        raise NotCancellable
    waiting = Page.objects.filter(document__job=job, state=PageState.PENDING)
    stopped = waiting.update(
        state=PageState.CANCELLED, error_code="cancelled", error_params={}, settled_at=Now()
    )
    close_finished_jobs(Job.objects.filter(pk=job.pk))
    quotas.release_pages(owner=job.owner, pages=stopped, about=job.pk)
    audit.record(Verb.CANCEL, job)
    log.info("job_cancelled job=%s", job.pk)


@transaction.atomic
def _retry(pages: QuerySet[Page], job: Job, thing: Job | Document | Page) -> int:
    put_back = pages.filter(state__in=RETRYABLE_STATES).update(
        state=PageState.PENDING,
        due_at=Now(),
        child_deaths=0,
        worker_losses=0,
        rung=0,
        error_code="",
        error_params={},
        settled_at=None,
    )
    if not put_back:
        raise NotRetryable
    Job.objects.filter(pk=job.pk).update(
        state=JobState.QUEUED, cancel_requested_at=None, finished_at=None
    )
    quotas.reserve_pages(owner=job.owner, pages=put_back, about=job.pk)
    ring_on_commit(pages=put_back)
    audit.record(Verb.RETRY, thing)
    return put_back


def retry_job(job: Job) -> int:
    """Put every page without a result back in the queue; returns how many.

    Raises NotRetryable, PagesUsedUp.
    """
    if job.is_open:
        raise NotRetryable
    return _retry(Page.objects.filter(document__job=job), job, job)


def retry_document(document: Document) -> int:
    """The same for the pages of one document, whatever becomes of the others."""
    return _retry(Page.objects.filter(document=document), document.job, document)


def retry_page(page: Page) -> int:
    return _retry(Page.objects.filter(pk=page.pk), page.document.job, page)
