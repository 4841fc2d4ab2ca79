"""THE gate: every object that a person or a program touches comes through here.

What is not yours does not exist: foreign and unknown ids both raise Http404, so that existence
does not leak. `x_for_reading` and `x_for_changing` are two doors already, because sharing will
open the first wider than the second.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import Model, QuerySet
from django.http import Http404

from documents.models import Document, Job, Page

User = Any


def visible_documents(user: User) -> QuerySet[Document]:
    return Document.objects.filter(owner=user)


def visible_jobs(user: User) -> QuerySet[Job]:
    return Job.objects.filter(owner=user)


def _one(rows: QuerySet[Any], **key: Any) -> Any:
    found: Model | None = rows.filter(**key).first()
    if found is None:
        raise Http404
    return found


def document_for_reading(user: User, document_id: uuid.UUID) -> Document:
    return _one(visible_documents(user), id=document_id)


def document_for_changing(user: User, document_id: uuid.UUID) -> Document:
    return document_for_reading(user, document_id)


def page_for_reading(user: User, document_id: uuid.UUID, index: int) -> Page:
    document = document_for_reading(user, document_id)
    page: Page = _one(document.pages.select_related("document__job"), index=index)
    return page


def page_for_changing(user: User, document_id: uuid.UUID, index: int) -> Page:
    return page_for_reading(user, document_id, index)


def job_for_reading(user: User, job_id: uuid.UUID) -> Job:
    return _one(visible_jobs(user), id=job_id)


def job_for_changing(user: User, job_id: uuid.UUID) -> Job:
    return job_for_reading(user, job_id)
