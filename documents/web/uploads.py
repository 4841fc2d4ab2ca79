"""Taking files in through the page: a form post, or a fetch that wants JSON."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_POST

from documents.errors import DocumentsError
from documents.limits import UserLimits
from documents.queries import limits_of
from documents.services.uploads import Acceptance, Known, accept_upload
from documents.upload_handler import open_the_door, upload_fault
from documents.web.problems import problem_response, wants_json
from documents.web.rereading import chosen_bundle


@csrf_exempt  # checked in _take_in: the check reads the body, and the door must be open by then
@require_POST
@login_required
def upload(request: HttpRequest) -> HttpResponse:
    limits = limits_of(request.user)
    open_the_door(request, files=limits.files_per_batch)
    return _take_in(request, limits)


@csrf_protect
def _take_in(request: HttpRequest, limits: UserLimits) -> HttpResponse:
    files = request.FILES.getlist("files")
    try:
        if fault := upload_fault(request):
            raise fault
        bundle = chosen_bundle(request)
        acceptance = accept_upload(owner=request.user, uploaded=files, bundle=bundle, limits=limits)
    except DocumentsError as error:
        return problem_response(request, error)
    return _as_json(acceptance) if wants_json(request) else _as_page(request, acceptance)


def _as_json(acceptance: Acceptance) -> HttpResponse:
    """202 when a file was accepted, 200 when all are known, 422 when every file was refused."""
    job = acceptance.job
    answer = {
        "job": str(job.id) if job else None,
        "status_url": reverse("job", args=[job.id]) if job else None,
        "accepted": [{"id": str(d.id), "name": d.title} for d in acceptance.documents],
        "known": [
            {"name": one.name, "sentence": known_sentence(one), "url": _address(one)}
            for one in acceptance.known
        ],
        "refused": [
            {"name": r.name, "code": r.code, "sentence": r.sentence} for r in acceptance.refused
        ],
    }
    status = 422 if acceptance.is_nothing else 202 if job else 200
    return JsonResponse(answer, status=status)


def known_sentence(known: Known) -> str:
    uploaded = date_format(localtime(known.document.created_at), "SHORT_DATE_FORMAT")
    return _("You already have this file: “%(title)s”, uploaded on %(date)s.") % {
        "title": known.document.title,
        "date": uploaded,
    }


def _address(known: Known) -> str:
    return reverse("document", args=[known.document.pk])


def _as_page(request: HttpRequest, acceptance: Acceptance) -> HttpResponse:
    for refusal in acceptance.refused:
        messages.error(request, f"{refusal.name}: {refusal.sentence}")
    for known in acceptance.known:
        messages.info(request, known_sentence(known))
    if acceptance.job is None and len(acceptance.known) == 1:
        return redirect(_address(acceptance.known[0]))
    if acceptance.job is None:
        return redirect("documents")
    return redirect("job", acceptance.job.id)
