"""Who the tests speak of: the owner, a stranger who must see nothing, staff, and nobody."""

import itertools
import uuid

from django.contrib.auth.models import User

from documents.models import Document, Job, Line, LineRevision, Page, PageState, RevisionSource

PASSWORD = "correct horse battery staple"
_serial = itertools.count(1)


def make_user(name: str = "", **fields: object) -> User:
    return User.objects.create_user(name or f"user{next(_serial)}", password=PASSWORD, **fields)


def make_job(owner: User, **fields: object) -> Job:
    return Job.objects.create(owner=owner, bundle="accurate", **fields)


def make_document(
    owner: User, *, pages: int = 1, job: Job | None = None, title: str = "", **page_fields: object
) -> Document:
    """A document as an upload leaves it: rows only, no file; its pages wait."""
    number = next(_serial)
    document = Document.objects.create(
        owner=owner,
        job=job or make_job(owner),
        title=title or f"scan {number}.png",
        kind="png",
        size_bytes=1000,
        sha256="0" * 64,
        original_name=f"originals/00/{uuid.uuid4().hex}",
        page_count=pages,
    )
    fields = {"width": 800, "height": 600, "forecast_bytes": 1_000_000, **page_fields}
    Page.objects.bulk_create(
        Page(document=document, index=index, **fields) for index in range(pages)
    )
    return document


def make_read_document(owner: User, texts: tuple[str, ...] = ("Hello", "World")) -> Document:
    """A document of one page that was read: two lines, one sure and one less so."""
    receipt = {
        "bundle": "accurate",
        "profile": "balanced",
        "source_size": [800, 600],
        "working_size": [800, 600],
        "rotation": 0,
    }
    document = make_document(owner, state=PageState.DONE, receipt=receipt, confidence=0.9)
    page = document.pages.get()
    for order, text in enumerate(texts):
        top = 40 + 60 * order
        line = Line.objects.create(
            page=page,
            order=order,
            polygon=[[40, top], [400, top], [400, top + 40], [40, top + 40]],
            confidence=0.98 if order == 0 else 0.7,
            machine_text=text,
            text=text,
        )
        LineRevision.objects.create(line=line, number=0, text=text, source=RevisionSource.MACHINE)
    return document
