"""Collections, and who else may see or change a document."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Page
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from documents import access, queries
from documents.errors import DocumentsError
from documents.models import Collection, Document
from documents.paginator import KeyPaginator
from documents.services import sharing

DOCUMENTS_PER_SCREEN = 20


@login_required
@require_GET
def shared(request: HttpRequest) -> HttpResponse:
    """What others have opened to me."""
    documents = _shelf_page(request, access.shared_documents(request.user))
    return render(request, "documents/shared.html", {"documents": documents})


def _shelf_page(request: HttpRequest, documents: QuerySet[Document]) -> Page:
    rows = queries.newest_first(documents)
    shelf = KeyPaginator(rows, DOCUMENTS_PER_SCREEN, dress=queries.on_the_shelf)
    return shelf.get_page(request.GET.get("page"))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def collections(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        rows = queries.collections_of(request.user)
        return render(request, "documents/collections.html", {"collections": rows})
    try:
        name = request.POST.get("name", "")
        made = sharing.create_collection(owner=request.user, name=name)
    except DocumentsError as error:
        messages.warning(request, error.sentence)
        return redirect("collections")
    return redirect("collection", made.id)


@login_required
@require_GET
def collection(request: HttpRequest, collection_id: uuid.UUID) -> HttpResponse:
    found = access.collection_for_reading(request.user, collection_id)
    documents = _shelf_page(request, found.documents.filter(trashed_at=None))
    context = {"collection": found, "documents": documents, "shares": queries.shares_of(found)}
    return render(request, "documents/collection.html", context)


@login_required
@require_POST
def collection_delete(request: HttpRequest, collection_id: uuid.UUID) -> HttpResponse:
    found = access.collection_for_owning(request.user, collection_id)
    sharing.delete_collection(found)
    text = _("The collection “%(name)s” is gone; its documents stay.")
    messages.success(request, text % {"name": found.name})
    return redirect("collections")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def document_share(request: HttpRequest, document_id: uuid.UUID) -> HttpResponse:
    document = access.document_for_owning(request.user, document_id)
    if request.method == "POST":
        return _share(request, document)
    context = {
        "document": document,
        "shares": queries.shares_of(document),
        "collections": access.own_collections(request.user),
    }
    return render(request, "documents/share.html", context)


@login_required
@require_POST
def collection_share(request: HttpRequest, collection_id: uuid.UUID) -> HttpResponse:
    return _share(request, access.collection_for_owning(request.user, collection_id))


def _share(request: HttpRequest, thing: Document | Collection) -> HttpResponse:
    name, can_change = request.POST.get("username", ""), request.POST.get("may") == "change"
    try:
        given = sharing.share(thing=thing, username=name, can_change=can_change)
    except DocumentsError as error:
        messages.warning(request, error.sentence)
    else:
        text = _("“%(thing)s” is now open to %(name)s.")
        messages.success(request, text % {"thing": thing, "name": given.user})
    return _back_to(thing)


def _back_to(thing: Document | Collection) -> HttpResponse:
    return redirect("document-share" if isinstance(thing, Document) else "collection", thing.id)


@login_required
@require_POST
def unshare(request: HttpRequest, share_id: int) -> HttpResponse:
    given = access.share_for_owning(request.user, share_id)
    sharing.unshare(given)
    thing = given.document or given.collection
    text = _("“%(thing)s” is no longer open to %(name)s.")
    messages.success(request, text % {"thing": thing, "name": given.user})
    assert thing is not None, "a constraint of the table"
    return _back_to(thing)


@login_required
@require_POST
def document_collect(request: HttpRequest, document_id: uuid.UUID) -> HttpResponse:
    """Into a collection, or out of any."""
    document = access.document_for_owning(request.user, document_id)
    wanted = request.POST.get("collection", "")
    into = access.collection_for_owning(request.user, _as_uuid(wanted)) if wanted else None
    sharing.put_into(into, [document])
    messages.success(request, _("Moved."))
    return _back_to(document)


def _as_uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        return uuid.UUID(int=0)  # the gate answers as for any unknown one
