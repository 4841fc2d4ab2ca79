"""Jobs: the list, the page that watches one, cancel, retry."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from documents import access, queries
from documents.errors import DocumentsError
from documents.paginator import KeyPaginator
from documents.services import jobs as service
from documents.web.progress import watch
from documents.web.strings import JOB, in_words

JOBS_PER_SCREEN = 30


@login_required
@require_GET
def jobs(request: HttpRequest) -> HttpResponse:
    mine = access.visible_jobs(request.user).order_by("-created_at")
    rows = KeyPaginator(mine, JOBS_PER_SCREEN, dress=queries.with_page_counts)
    return render(request, "documents/jobs.html", {"jobs": rows.get_page(request.GET.get("page"))})


@login_required
@require_GET
def job(request: HttpRequest, job_id: uuid.UUID) -> HttpResponse:
    watched = watch(access.job_for_reading(request.user, job_id))
    return render(request, "documents/job.html", {"watch": watched, "strings": in_words(JOB)})


@login_required
@require_GET
def progress(request: HttpRequest, job_id: uuid.UUID) -> HttpResponse:
    """Figures, and the page's moving parts rendered, so that no sentence lives in two places."""
    watched = watch(access.job_for_reading(request.user, job_id))
    etag = quote_etag(f"{watched.etag}-{get_language()}")
    response = get_conditional_response(request, etag=etag)
    if response is None:
        html = render_to_string("documents/_job.html", {"watch": watched}, request)
        response = JsonResponse(watched.as_dict() | {"fragment": html})
    response.headers["ETag"] = etag
    response.headers["Cache-Control"] = "private, no-cache"
    return response


@login_required
@require_POST
def cancel(request: HttpRequest, job_id: uuid.UUID) -> HttpResponse:
    try:
        service.cancel_job(access.job_for_changing(request.user, job_id))
        messages.info(request, _("Stopped. Pages that were read keep their text."))
    except DocumentsError as error:
        messages.warning(request, error.sentence)
    return redirect("job", job_id)


@login_required
@require_POST
def retry(request: HttpRequest, job_id: uuid.UUID) -> HttpResponse:
    try:
        count = service.retry_job(access.job_for_changing(request.user, job_id))
        text = ngettext(
            "%(count)d page is in the queue again.",
            "%(count)d pages are in the queue again.",
            count,
        )
        messages.info(request, text % {"count": count})
    except DocumentsError as error:
        messages.warning(request, error.sentence)
    return redirect("job", job_id)
