"""Documents: the list with its upload zone, the reading page, downloads, deleting."""

from __future__ import annotations

import uuid
from pathlib import PurePath
from typing import BinaryIO

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header, quote_etag
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from documents import access, files, queries
from documents.errors import DocumentsError
from documents.exporters import EXPORTERS
from documents.models import Document
from documents.services import jobs, retention
from documents.templatetags.screen import size
from documents.web.notes import notes_of
from documents.web.sheet import sheet_of
from documents.web.strings import READER, UPLOAD, in_words
from ocrengine.decoder.sniffing import MIME

DOCUMENTS_PER_SCREEN = 20
VIEW_MIME = {".webp": "image/webp", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}
TEXT_MIME = {"txt": "text/plain; charset=utf-8", "json": "application/json"}
INERT = "default-src 'none'; sandbox"
"""For bytes that somebody handed in: even opened in a tab they run nothing and load nothing."""


@login_required
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    documents = Paginator(queries.recent_documents(request.user), DOCUMENTS_PER_SCREEN)
    context = {
        "documents": documents.get_page(request.GET.get("page")),
        "limits": settings.OCR_UPLOAD_LIMITS,
        "usage": queries.usage_of(request.user),
        "notice": queries.retention_notice(request.user),
        "strings": in_words(UPLOAD),
    }
    return render(request, "documents/home.html", context)


@login_required
@require_GET
def document(request: HttpRequest, document_id: uuid.UUID) -> HttpResponse:
    number = _page_number(request)
    page = access.page_for_reading(request.user, document_id, number - 1)
    is_mine = page.document.owner_id == request.user.pk
    context = {
        "document": page.document,
        "page": page,
        "sheet": sheet_of(page, queries.page_lines(page)),
        "problem": queries.page_problem(page),
        "is_mine": is_mine,
        "can_change": is_mine or access.may_change(request.user, page.document),
        "leaves_at": queries.goes_to_trash_at(page.document),
        "notes": notes_of(page.document, page),
        "previous": number - 1,
        "next": number + 1 if number < page.document.page_count else None,
        "strings": in_words(READER),
    }
    return render(request, "documents/document.html", context)


def _page_number(request: HttpRequest) -> int:
    number = request.GET.get("page", "1")
    if not (number.isascii() and number.isdigit() and int(number[:9]) > 0):
        raise Http404
    return int(number[:9])


@login_required
@require_GET
def page_view(request: HttpRequest, document_id: uuid.UUID, number: int) -> HttpResponse:
    """The page's image for the screen: our own re-encoding, never the uploaded bytes."""
    page = access.page_for_reading(request.user, document_id, number - 1)
    return _image(request, page.view_name)


@login_required
@require_GET
def cover(request: HttpRequest, document_id: uuid.UUID) -> HttpResponse:
    """The first page that has an image."""
    document = access.document_for_reading(request.user, document_id)
    first = document.pages.exclude(view_name="").order_by("index").first()
    return _image(request, first.view_name if first else "")


def _image(request: HttpRequest, name: str) -> HttpResponse:
    if not name:
        raise Http404
    etag = quote_etag(PurePath(name).stem)
    response = get_conditional_response(request, etag=etag)
    if response is None:
        response = FileResponse(_open(name), content_type=VIEW_MIME[PurePath(name).suffix])
    response.headers["ETag"] = etag
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def _open(name: str) -> BinaryIO:
    try:
        return files.open_stored(name)
    except FileNotFoundError as missing:
        raise Http404 from missing


@login_required
@require_GET
def export(request: HttpRequest, document_id: uuid.UUID, form: str) -> HttpResponse:
    document = access.document_for_reading(request.user, document_id)
    response = StreamingHttpResponse(EXPORTERS[form](document), content_type=TEXT_MIME[form])
    return _as_download(response, f"{PurePath(document.title).stem or document.id}.{form}")


@login_required
@require_GET
def original(request: HttpRequest, document_id: uuid.UUID) -> HttpResponse:
    """What was handed in, byte for byte; its type is ours, found by looking at the bytes."""
    document = access.document_for_reading(request.user, document_id)
    mime = MIME.get(document.kind, "application/octet-stream")
    response = FileResponse(_open(document.original_name), content_type=mime)
    return _as_download(response, document.title)


def _as_download(response: HttpResponse, name: str) -> HttpResponse:
    response.headers["Content-Disposition"] = content_disposition_header(True, name)
    response.headers["Content-Security-Policy"] = INERT
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "private, no-store"
    return response


@login_required
@require_POST
def page_retry(request: HttpRequest, document_id: uuid.UUID, number: int) -> HttpResponse:
    page = access.page_for_changing(request.user, document_id, number - 1)
    try:
        jobs.retry_page(page)
    except DocumentsError as error:
        messages.warning(request, error.sentence)
    return redirect(reading_address(page.document, number))


def reading_address(document: Document, number: int) -> str:
    return f"{reverse('document', args=[document.id])}?page={number}"


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, document_id: uuid.UUID) -> HttpResponse:
    """Into the trash, with a way back; or at once for good, and the storage back with it."""
    document = access.document_for_owning(request.user, document_id)
    if request.method != "POST":
        context = {
            "document": document,
            "freed": retention.storage_of_document(document),
            "keep_days": settings.OCR_TRASH_DAYS,
        }
        return render(request, "documents/delete.html", context)
    if request.POST.get("how") == "for-good" or not settings.OCR_TRASH_DAYS:
        freed = size(retention.delete_document(document))
        text = _("“%(title)s” was deleted; %(size)s of storage came back.")
        messages.success(request, text % {"title": document.title, "size": freed})
    else:
        retention.trash_document(document)
        text = _("“%(title)s” is in the trash. You can take it back from there.")
        messages.success(request, text % {"title": document.title})
    return redirect("documents")
