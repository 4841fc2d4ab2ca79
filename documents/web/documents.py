"""Documents: the list with its upload zone, the reading page, downloads, deleting."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from documents import access, queries
from documents.downloads import export_response, image_response, original_response
from documents.errors import DocumentsError
from documents.models import Document
from documents.notes import notes_of
from documents.paginator import KeyPaginator
from documents.services import jobs, retention
from documents.templatetags.screen import size
from documents.web.rereading import bundle_choices
from documents.web.sheet import sheet_of
from documents.web.strings import READER, UPLOAD, in_words

DOCUMENTS_PER_SCREEN = 20


@login_required
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    rows = queries.newest_first(access.own_documents(request.user))
    documents = KeyPaginator(rows, DOCUMENTS_PER_SCREEN, dress=queries.on_the_shelf)
    context = {
        "documents": documents.get_page(request.GET.get("page")),
        "limits": settings.OCR_UPLOAD_LIMITS,
        "usage": queries.usage_of(request.user),
        "bundles": bundle_choices(),
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
def page_view(request: HttpRequest, document_id: uuid.UUID, number: int) -> HttpResponseBase:
    """The page's image for the screen: our own re-encoding, never the uploaded bytes."""
    page = access.page_for_reading(request.user, document_id, number - 1)
    return image_response(request, page.view_name)


@login_required
@require_GET
def cover(request: HttpRequest, document_id: uuid.UUID) -> HttpResponseBase:
    """The first page that has an image."""
    document = access.document_for_reading(request.user, document_id)
    first = document.pages.exclude(view_name="").order_by("index").first()
    return image_response(request, first.view_name if first else "")


@login_required
@require_GET
def export(request: HttpRequest, document_id: uuid.UUID, form: str) -> HttpResponseBase:
    document = access.document_for_reading(request.user, document_id)
    return export_response(request, document, form)


@login_required
@require_GET
def original(request: HttpRequest, document_id: uuid.UUID) -> HttpResponseBase:
    return original_response(request, access.document_for_reading(request.user, document_id))


@login_required
@require_GET
def history(request: HttpRequest, document_id: uuid.UUID) -> HttpResponse:
    """What the audit trail says of it, for its owner alone."""
    document = access.document_for_owning(request.user, document_id)
    context = {
        "document": document,
        "events": queries.history_of(document),
        "keep_days": settings.OCR_AUDIT_DAYS,
    }
    return render(request, "documents/history.html", context)


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
        link = format_html('<a href="{}">{}</a>', reverse("trash"), _("Open the trash"))
        said = format_html("{} {}", text % {"title": document.title}, link)
        messages.success(request, said)
    return redirect("documents")
