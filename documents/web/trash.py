"""The trash: what was deleted, until it is purged; taking it back, or letting it go at once."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from documents import access, queries
from documents.paginator import KeyPaginator
from documents.services import retention
from documents.templatetags.screen import size

DOCUMENTS_PER_SCREEN = 50


@login_required
@require_GET
def trash(request: HttpRequest) -> HttpResponse:
    mine = access.trashed_documents(request.user).order_by("-trashed_at")
    rows = KeyPaginator(mine, DOCUMENTS_PER_SCREEN, dress=queries.with_bytes_held)
    context = {
        "documents": rows.get_page(request.GET.get("page")),
        "keep_days": settings.OCR_TRASH_DAYS,
    }
    return render(request, "documents/trash.html", context)


@login_required
@require_POST
def restore(request: HttpRequest, document_id: uuid.UUID) -> HttpResponse:
    document = access.document_in_trash(request.user, document_id)
    retention.restore_document(document)
    messages.success(request, _("“%(title)s” is back.") % {"title": document.title})
    return redirect("document", document.id)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def purge(request: HttpRequest, document_id: uuid.UUID) -> HttpResponse:
    """Asks first: there is no way back from here."""
    document = access.document_in_trash(request.user, document_id)
    if request.method != "POST":
        return render(request, "documents/purge.html", {"document": document})
    _say_freed(request, 1, retention.delete_document(document))
    return redirect("trash")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def empty(request: HttpRequest) -> HttpResponse:
    """Asks first: there is no way back from here."""
    mine = access.trashed_documents(request.user)
    if request.method != "POST":
        return render(request, "documents/purge.html", {"count": mine.count()})
    documents = list(mine)
    _say_freed(request, len(documents), retention.empty_trash(documents))
    return redirect("trash")


def _say_freed(request: HttpRequest, documents: int, freed: int) -> None:
    text = ngettext(
        "%(n)d document was deleted for good; %(size)s of storage came back.",
        "%(n)d documents were deleted for good; %(size)s of storage came back.",
        documents,
    )
    messages.success(request, text % {"n": documents, "size": size(freed)})
