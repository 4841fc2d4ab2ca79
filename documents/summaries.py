"""How far documents and jobs of a list are, counted for the rows of one page and no others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Avg, Count, Exists, OuterRef, Q, QuerySet, TextChoices

from documents.models import Document, Job, Page, PageState
from documents.models.document import OPEN_STATES, RETRYABLE_STATES
from documents.queries import BROKEN, with_page_counts


class DocumentState(TextChoices):
    """What became of a document's pages, in one word."""

    OPEN = "open"
    """At least one page waits or is being read."""
    DONE = "done"
    """Every page was read."""
    PARTIAL = "partial"
    """Some pages were read, the others never will be unless somebody retries."""
    FAILED = "failed"
    """No page could be read."""
    CANCELLED = "cancelled"
    """Stopped before any page was read."""


def documents_in_state(documents: QuerySet[Document], state: str) -> QuerySet[Document]:
    """Told by the pages that are not read, which are few: no page that was is looked at unless its
    document has one of those."""

    def with_a_page(*states: str) -> Q:
        return Q(pk__in=Page.objects.filter(state__in=states).order_by().values("document"))

    unread, broken = with_a_page(*RETRYABLE_STATES), with_a_page(*BROKEN)
    is_open = with_a_page(PageState.PENDING) | with_a_page(PageState.LEASED)
    some_read = Exists(Page.objects.filter(document=OuterRef("pk"), state=PageState.DONE))
    settled = documents.exclude(is_open)
    return {
        DocumentState.OPEN: documents.filter(is_open),
        DocumentState.DONE: settled.exclude(unread),
        DocumentState.PARTIAL: settled.filter(unread, some_read),
        DocumentState.FAILED: settled.filter(broken, ~some_read),
        DocumentState.CANCELLED: settled.filter(unread, ~some_read).exclude(broken),
    }[DocumentState(state)]


@dataclass(frozen=True)
class DocumentSummary:
    """A document and how far it is."""

    document: Document
    done: int = 0
    failed: int = 0
    cancelled: int = 0
    open: int = 0
    confidence: float | None = None

    @property
    def state(self) -> DocumentState:
        if self.open:
            return DocumentState.OPEN
        if self.done:
            whole = self.done == self.document.page_count
            return DocumentState.DONE if whole else DocumentState.PARTIAL
        return DocumentState.FAILED if self.failed else DocumentState.CANCELLED


def summaries_of(documents: Sequence[Document]) -> list[DocumentSummary]:
    """In one query, however many pages they have."""
    counted = (
        Page.objects.filter(document__in=[document.pk for document in documents])
        .order_by()
        .values("document")
        .annotate(
            done=Count("pk", filter=Q(state=PageState.DONE)),
            failed=Count("pk", filter=Q(state__in=BROKEN)),
            cancelled=Count("pk", filter=Q(state=PageState.CANCELLED)),
            open=Count("pk", filter=Q(state__in=OPEN_STATES)),
            confidence=Avg("confidence"),
        )
    )
    figures: dict[Any, dict[str, Any]] = {row["document"]: dict(row) for row in counted}
    for row in figures.values():
        del row["document"]
    return [DocumentSummary(document, **figures.get(document.pk, {})) for document in documents]


def with_counts_of(jobs: Sequence[Job]) -> list[Job]:
    """These jobs with the counts of with_page_counts, and no others counted."""
    counted = with_page_counts(Job.objects.filter(pk__in=[job.pk for job in jobs])).in_bulk()
    return [counted[job.pk] for job in jobs if job.pk in counted]
