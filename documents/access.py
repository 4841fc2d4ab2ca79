"""THE gate: every object that a person or a program touches comes through here.

What is not yours, and was not shared with you, does not exist: foreign and unknown ids both raise
Http404, so that existence does not leak. Reading is open to whoever a document, or its collection,
was shared with; changing to those who may change it; owning (deleting, sharing) to the owner alone.
What is in the trash exists for its owner's trash only.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import Model, Q, QuerySet
from django.http import Http404

from documents.models import ApiToken, Collection, Document, Job, Page, Share

User = Any


def own_documents(user: User) -> QuerySet[Document]:
    return Document.objects.filter(owner=user, trashed_at=None)


def shared_documents(user: User) -> QuerySet[Document]:
    """Other people's, shared one by one or with their collection."""
    return Document.objects.filter(_shared(Share.objects.filter(user=user)), trashed_at=None)


def visible_documents(user: User) -> QuerySet[Document]:
    shared = _shared(Share.objects.filter(user=user))
    return Document.objects.filter(Q(owner=user) | shared, trashed_at=None)


def _changeable_documents(user: User) -> QuerySet[Document]:
    shared = _shared(Share.objects.filter(user=user, can_change=True))
    return Document.objects.filter(Q(owner=user) | shared, trashed_at=None)


def _shared(shares: QuerySet[Share]) -> Q:
    one_by_one = shares.exclude(document=None).values("document")
    by_collection = shares.exclude(collection=None).values("collection")
    return Q(pk__in=one_by_one) | Q(collection__in=by_collection)


def trashed_documents(user: User) -> QuerySet[Document]:
    return Document.objects.filter(owner=user, trashed_at__isnull=False)


def visible_jobs(user: User) -> QuerySet[Job]:
    return Job.objects.filter(owner=user)


def own_collections(user: User) -> QuerySet[Collection]:
    return Collection.objects.filter(owner=user)


def visible_collections(user: User) -> QuerySet[Collection]:
    shared = Share.objects.filter(user=user).exclude(collection=None).values("collection")
    return Collection.objects.filter(Q(owner=user) | Q(pk__in=shared))


def _one(rows: QuerySet[Any], **key: Any) -> Any:
    found: Model | None = rows.filter(**key).first()
    if found is None:
        raise Http404
    return found


def document_for_reading(user: User, document_id: uuid.UUID) -> Document:
    return _one(visible_documents(user), id=document_id)


def document_for_changing(user: User, document_id: uuid.UUID) -> Document:
    return _one(_changeable_documents(user), id=document_id)


def may_change(user: User, document: Document) -> bool:
    """For showing or hiding a button; the door itself is document_for_changing()."""
    return _changeable_documents(user).filter(pk=document.pk).exists()


def document_for_owning(user: User, document_id: uuid.UUID) -> Document:
    return _one(own_documents(user), id=document_id)


def document_in_trash(user: User, document_id: uuid.UUID) -> Document:
    return _one(trashed_documents(user), id=document_id)


def _page_of(document: Document, index: int) -> Page:
    page: Page = _one(document.pages.select_related("document__job"), index=index)
    return page


def page_for_reading(user: User, document_id: uuid.UUID, index: int) -> Page:
    return _page_of(document_for_reading(user, document_id), index)


def page_for_changing(user: User, document_id: uuid.UUID, index: int) -> Page:
    return _page_of(document_for_changing(user, document_id), index)


def collection_for_reading(user: User, collection_id: uuid.UUID) -> Collection:
    return _one(visible_collections(user), id=collection_id)


def collection_for_owning(user: User, collection_id: uuid.UUID) -> Collection:
    return _one(own_collections(user), id=collection_id)


def share_for_owning(user: User, share_id: int) -> Share:
    """A share of something of mine; taking it back is its giver's right."""
    mine = Q(document__owner=user) | Q(collection__owner=user)
    return _one(Share.objects.filter(mine), id=share_id)


def job_for_reading(user: User, job_id: uuid.UUID) -> Job:
    return _one(visible_jobs(user), id=job_id)


def job_for_changing(user: User, job_id: uuid.UUID) -> Job:
    return job_for_reading(user, job_id)


def visible_tokens(user: User) -> QuerySet[ApiToken]:
    """A token is its owner's alone, whatever else is shared."""
    return ApiToken.objects.filter(owner=user)


def token_for_changing(user: User, token_id: uuid.UUID) -> ApiToken:
    return _one(visible_tokens(user), id=token_id)
