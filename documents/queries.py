"""Reads: what the screens need, in as many queries as they have questions."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Avg, Count, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from documents.access import (
    own_documents,
    visible_collections,
    visible_jobs,
)
from documents.errors import next_step_for, sentence_for
from documents.limits import UserLimits
from documents.models import (
    AuditEvent,
    Collection,
    Document,
    GroupLimits,
    Job,
    Kind,
    Line,
    Page,
    PageState,
    RetentionPolicy,
    Share,
    Usage,
)
from documents.models.document import OPEN_STATES, RETRYABLE_STATES
from documents.models.job import OPEN_JOB_STATES

BROKEN = (PageState.FAILED, PageState.QUARANTINED)
SHOWN_EVENTS = 50
SHOWN_FAILURES = 5
"""Of one document, where a job is watched."""


@dataclass(frozen=True)
class Problem:
    """Why a page has no text, and what can be done about it."""

    code: str
    sentence: str
    next_step: str


@dataclass(frozen=True)
class PageFailure:
    index: int
    problem: Problem

    @property
    def page_number(self) -> int:
        return self.index + 1


@dataclass(frozen=True)
class DocumentProgress:
    id: uuid.UUID
    title: str
    page_count: int
    pages_done: int
    pages_failed: int
    pages_cancelled: int
    pages_open: int
    states: tuple[str, ...]
    """A PageState for each page, in order."""
    failures: tuple[PageFailure, ...]
    """The first failures only; pages_failed counts all of them."""


@dataclass(frozen=True)
class JobProgress:
    id: uuid.UUID
    state: str
    pages_total: int
    pages_done: int
    pages_failed: int
    pages_cancelled: int
    pages_open: int
    ahead: int
    """Pages of anybody that are due before this job's next one; 0 when one is being read."""
    elapsed_seconds: int
    cancel_requested: bool
    documents: tuple[DocumentProgress, ...]

    @property
    def is_open(self) -> bool:
        return self.pages_open > 0

    @property
    def pages_settled(self) -> int:
        return self.pages_total - self.pages_open

    @property
    def can_retry(self) -> bool:
        return self.pages_open == 0 and self.pages_done < self.pages_total


@dataclass(frozen=True)
class UsageView:
    """What a person has used of what they may use."""

    limits: UserLimits
    storage_bytes: int
    pages_used: int
    pages_reserved: int
    open_jobs: int
    resets_on: date

    @property
    def storage_left(self) -> int:
        return max(0, self.limits.storage_limit_bytes - self.storage_bytes)

    @property
    def pages_left(self) -> int:
        return max(0, self.limits.pages_per_month - self.pages_used - self.pages_reserved)


def newest_first(documents: QuerySet[Document]) -> QuerySet[Document]:
    return documents.order_by("-created_at", "position")


def on_the_shelf(documents: QuerySet[Document]) -> QuerySet[Document]:
    """With .pages_done, .pages_failed, .pages_cancelled, .pages_open, .confidence: for a few."""
    return documents.select_related("job", "owner", "collection").annotate(
        pages_done=Count("pages", filter=Q(pages__state=PageState.DONE)),
        pages_failed=Count("pages", filter=Q(pages__state__in=BROKEN)),
        pages_cancelled=Count("pages", filter=Q(pages__state=PageState.CANCELLED)),
        pages_open=Count("pages", filter=Q(pages__state__in=OPEN_STATES)),
        confidence=Avg("pages__confidence"),
    )


def _policy_of(user_id: int | None) -> RetentionPolicy | None:
    """The one that holds for a user: their own, else everybody's."""
    rules = RetentionPolicy.objects.filter(Q(user=user_id) | Q(user=None))
    return rules.order_by(F("user").asc(nulls_last=True)).first()


def goes_to_trash_at(document: Document) -> datetime | None:
    """When a retention policy will act on this document; never before it was announced."""
    policy = _policy_of(document.owner_id)
    if policy is None or not policy.keep_days:
        return None
    announced = policy.changed_at + timedelta(days=policy.notice_days)
    return max(document.created_at + timedelta(days=policy.keep_days), announced)


def _documents_under(policy: RetentionPolicy) -> QuerySet[Document]:
    documents = Document.objects.filter(trashed_at=None)
    if policy.user_id:
        return documents.filter(owner=policy.user_id)
    own = RetentionPolicy.objects.exclude(user=None).values("user")
    return documents.exclude(owner__in=own)


def due_for_trash() -> list[Document]:
    """Documents whose policy acts now."""
    now = timezone.now()
    found: list[Document] = []
    for policy in RetentionPolicy.objects.filter(keep_days__gt=0):
        if policy.changed_at + timedelta(days=policy.notice_days) <= now:
            limit = now - timedelta(days=policy.keep_days)
            found += _documents_under(policy).filter(created_at__lte=limit).order_by("created_at")
    return found


@dataclass(frozen=True)
class Notice:
    """Documents of a user that a policy will move to the trash soon."""

    documents: int
    first_at: datetime
    keep_days: int


def retention_notice(user: Any) -> Notice | None:
    policy = _policy_of(user.pk)
    if policy is None or not policy.keep_days:
        return None
    ahead = timedelta(days=policy.notice_days)
    limit = timezone.now() + ahead - timedelta(days=policy.keep_days)
    soon = own_documents(user).filter(created_at__lte=limit).order_by("created_at")
    first = soon.first()
    if first is None:
        return None
    at = max(first.created_at + timedelta(days=policy.keep_days), policy.changed_at + ahead)
    return Notice(soon.count(), at, policy.keep_days)


def with_bytes_held(documents: QuerySet[Document]) -> QuerySet[Document]:
    """With .bytes_held, what comes back when it goes for good: for a few."""
    views = Coalesce(Sum("pages__view_bytes"), 0)
    return documents.annotate(bytes_held=F("size_bytes") + views)


def collections_of(user: Any) -> QuerySet[Collection]:
    """Mine, and those opened to me, with .documents_total."""
    live = Count("documents", filter=Q(documents__trashed_at=None))
    rows = visible_collections(user).select_related("owner").annotate(documents_total=live)
    return rows.order_by("name")


def shares_of(thing: Document | Collection) -> QuerySet[Share]:
    return thing.shares.select_related("user").order_by("user__username")


def with_page_counts(jobs: QuerySet[Job]) -> QuerySet[Job]:
    """With .first_title, .documents_total, .pages_total, .pages_done, .pages_failed, .pages_open:
    for a few."""
    state = "documents__pages__state"
    documents = Document.objects.filter(job=OuterRef("pk")).order_by("position", "pk")
    return jobs.annotate(
        first_title=Subquery(documents.values("title")[:1]),
        documents_total=Count("documents", distinct=True),
        pages_total=Count("documents__pages"),
        pages_done=Count("documents__pages", filter=Q(**{state: PageState.DONE})),
        pages_failed=Count("documents__pages", filter=Q(**{f"{state}__in": BROKEN})),
        pages_open=Count("documents__pages", filter=Q(**{f"{state}__in": OPEN_STATES})),
    )


def page_problem(page: Page) -> Problem | None:
    if page.state not in RETRYABLE_STATES:
        return None
    code = page.error_code or page.state
    return Problem(code, sentence_for(code, page.error_params), next_step_for(code))


def page_lines(page: Page) -> list[Line]:
    """Lines in reading order."""
    return list(page.lines.order_by("order"))


def _document_progress(document: Document, pages: Sequence[Any]) -> DocumentProgress:
    states = tuple(page.state for page in pages)
    broken = [page for page in pages if page.state in BROKEN]
    problems = ((page.index, page_problem(page)) for page in broken[:SHOWN_FAILURES])
    return DocumentProgress(
        id=document.id,
        title=document.title,
        page_count=document.page_count,
        pages_done=states.count(PageState.DONE),
        pages_failed=len(broken),
        pages_cancelled=states.count(PageState.CANCELLED),
        pages_open=sum(state in OPEN_STATES for state in states),
        states=states,
        failures=tuple(PageFailure(index, problem) for index, problem in problems if problem),
    )


def _pages_ahead(pages: Sequence[Any]) -> int:
    """Pages that were due before the first of these that waits; turns between users shorten it."""
    due = [page.due_at for page in pages if page.state == PageState.PENDING]
    if not due or any(page.state == PageState.LEASED for page in pages):
        return 0
    return Page.objects.filter(state__in=OPEN_STATES, due_at__lt=min(due)).count()


def job_progress(job: Job) -> JobProgress:
    """Everything that is told of a job, in three queries: it is asked for once a second."""
    figures = ("document_id", "index", "state", "due_at", "error_code", "error_params")
    rows = Page.objects.filter(document__job=job).order_by("index")
    pages = list(rows.values_list(*figures, named=True))
    by_document: dict[uuid.UUID, list[Any]] = defaultdict(list)
    for page in pages:
        by_document[page.document_id].append(page)
    mine = own_documents(job.owner_id).filter(job=job).order_by("position")
    documents = tuple(_document_progress(document, by_document[document.id]) for document in mine)
    end = job.finished_at or timezone.now()
    return JobProgress(
        id=job.id,
        state=job.state,
        pages_total=sum(d.page_count for d in documents),
        pages_done=sum(d.pages_done for d in documents),
        pages_failed=sum(d.pages_failed for d in documents),
        pages_cancelled=sum(d.pages_cancelled for d in documents),
        pages_open=sum(d.pages_open for d in documents),
        ahead=_pages_ahead(pages),
        elapsed_seconds=max(0, int((end - job.created_at).total_seconds())),
        cancel_requested=job.cancel_requested_at is not None,
        documents=documents,
    )


def this_month() -> date:
    """Its first day, where this installation is."""
    return timezone.localdate().replace(day=1)


def limits_of(user: Any) -> UserLimits:
    """The person's own figure where there is one, else the highest of their groups', else the
    site's."""
    site = settings.OCR_USER_LIMITS
    names = [field.name for field in fields(site)]
    own = Usage.objects.filter(owner=user).values(*names).first() or {}
    groups = list(GroupLimits.objects.filter(group__user=user).values(*names))
    figures: dict[str, int] = {}
    for name in names:
        highest = max((g[name] for g in groups if g[name] is not None), default=None)
        said = (own.get(name), highest, getattr(site, name))
        figures[name] = next(figure for figure in said if figure is not None)
    ceiling = settings.OCR_UPLOAD_LIMITS.files_per_request
    figures["files_per_batch"] = min(figures["files_per_batch"], ceiling)
    return UserLimits(**figures)


def usage_of(user: Any) -> UsageView:
    row = Usage.objects.filter(owner=user).first() or Usage()
    month = this_month()
    return UsageView(
        limits=limits_of(user),
        storage_bytes=row.storage_bytes,
        pages_used=row.pages_used if row.month == month else 0,
        pages_reserved=row.pages_reserved,
        open_jobs=visible_jobs(user).filter(state__in=OPEN_JOB_STATES).count(),
        resets_on=(month + timedelta(days=32)).replace(day=1),
    )


def history_of(document: Document) -> list[AuditEvent]:
    """Who did what to a document, its pages and its present job; the last SHOWN_EVENTS of it."""
    found: list[AuditEvent] = []
    for kind, key in ((Kind.DOCUMENT, document.pk), (Kind.JOB, document.job_id)):
        of_it = AuditEvent.objects.filter(kind=kind, object_id=str(key))
        found += of_it.order_by("-id")[:SHOWN_EVENTS]
    return sorted(found, key=lambda event: event.pk, reverse=True)[:SHOWN_EVENTS]
