"""Reading a document again, with another bundle or in another way, in place of what it says now."""

from __future__ import annotations

import logging

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from documents.errors import NotRereadable
from documents.models import Document, Job, JobMode, PageState, Verb
from documents.models.document import OPEN_STATES
from documents.services import audit, doorbell, quotas
from ocrengine.forecast import forecast_page_bytes

log = logging.getLogger(__name__)


@transaction.atomic
def reread_document(
    document: Document, *, bundle: str | None = None, mode: JobMode = JobMode.READ
) -> Job:
    """Queue every page once more, as a job of its own; its lines stay until new ones replace them.

    Raises NotRereadable while a page waits or is being read, and PagesUsedUp.
    """
    settled = document.pages.exclude(state__in=OPEN_STATES)
    put_back = settled.update(
        state=PageState.PENDING,
        due_at=Now(),
        child_deaths=0,
        worker_losses=0,
        rung=0,
        error_code="",
        error_params={},
        settled_at=None,
    )
    if put_back != document.page_count:
        raise NotRereadable
    before = document.job_id
    bundle = bundle or settings.OCR_BUNDLE
    _forecast_again(document, bundle)
    job = Job.objects.create(owner=document.owner, bundle=bundle, mode=mode)
    Document.objects.filter(pk=document.pk).update(job=job, position=0)
    Job.objects.filter(pk=before, documents=None).delete()
    quotas.reserve_pages(owner=document.owner, pages=put_back, about=document.pk)
    doorbell.ring_on_commit(pages=put_back)
    audit.record(Verb.REREAD, document)
    log.info("document_reread document=%s job=%s", document.pk, job.pk)
    return job


def _forecast_again(document: Document, bundle: str) -> None:
    """Another bundle, or another profile than when the pages came, needs another amount."""
    pages = list(document.pages.only("width", "height"))
    for page in pages:
        page.forecast_bytes = forecast_page_bytes(
            page.width, page.height, settings.OCR_PROFILE, bundle
        )
    document.pages.bulk_update(pages, ["forecast_bytes"], batch_size=100)
