"""Taking files in through the page: a form post, or a fetch that wants JSON."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_POST

from documents.errors import DocumentsError, sentence_for
from documents.limits import MB
from documents.services.uploads import Acceptance, accept_upload
from documents.web.upload_handler import open_the_door, upload_fault

FAULT_STATUS = {"disk_full": 507, "upload_interrupted": 400}


@csrf_exempt  # checked in _take_in, after the length: the check itself reads the whole body
@require_POST
@login_required
def upload(request: HttpRequest) -> HttpResponse:
    limit = settings.OCR_UPLOAD_LIMITS.body_bytes
    if int(request.META.get("CONTENT_LENGTH") or 0) > limit:
        return _problem(request, "body_too_large", 413, limit_mb=limit // MB)
    open_the_door(request)
    return _take_in(request)


@csrf_protect
def _take_in(request: HttpRequest) -> HttpResponse:
    files = request.FILES.getlist("files")
    if fault := upload_fault(request):
        return _problem(request, fault, FAULT_STATUS[fault])
    try:
        acceptance = accept_upload(owner=request.user, uploaded=files)
    except DocumentsError as error:
        return _problem(request, error.code, error.http_status, **error.params)
    return _as_json(acceptance) if _wants_json(request) else _as_page(request, acceptance)


def _wants_json(request: HttpRequest) -> bool:
    return request.get_preferred_type(["text/html", "application/json"]) == "application/json"


def _as_json(acceptance: Acceptance) -> HttpResponse:
    job = acceptance.job
    answer = {
        "job": job and str(job.id),
        "status_url": job and reverse("job", args=[job.id]),
        "accepted": [{"id": str(d.id), "name": d.title} for d in acceptance.documents],
        "refused": [
            {"name": r.name, "code": r.code, "sentence": r.sentence} for r in acceptance.refused
        ],
    }
    return JsonResponse(answer, status=202 if job else 422)


def _as_page(request: HttpRequest, acceptance: Acceptance) -> HttpResponse:
    for refusal in acceptance.refused:
        messages.error(request, f"{refusal.name}: {refusal.sentence}")
    if acceptance.job is None:
        return redirect("documents")
    return redirect("job", acceptance.job.id)


def _problem(request: HttpRequest, code: str, status: int, **params: Any) -> HttpResponse:
    """The whole upload is refused: problem details (RFC 9457), or a message and the page again."""
    sentence = sentence_for(code, params)
    if _wants_json(request):
        body = {"status": status, "code": code, "title": sentence}
        return JsonResponse(body, status=status, content_type="application/problem+json")
    messages.error(request, sentence)
    return redirect("documents")
