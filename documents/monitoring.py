"""Reads for those who run the place: the queue, who works on it, what fails and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db.models import Count, Max, Min, Q
from django.utils import timezone

from documents import files
from documents.errors import next_step_for, sentence_for
from documents.models import Document, Page, PageState, Pause, PurgeRun, Worker
from documents.models.document import OPEN_STATES

RATE_MINUTES = 10
NEXT_TO = timedelta(milliseconds=1)
"""SQLite's own clock writes three decimals, Python asks with six: equal times are not equal."""


@dataclass(frozen=True)
class QueueOverview:
    waiting: int
    being_read: int
    oldest_due_seconds: int
    """How long the page that has waited longest has been due; 0 when none waits."""
    pages_per_minute: float
    """Over the last ten minutes."""
    failed_today: int
    is_paused: bool
    paused_users: int
    workers: list[Worker]
    disk_free_bytes: int
    disk_has_room: bool

    @property
    def minutes_left(self) -> int | None:
        """At the present rate; None when nothing moves."""
        if not self.pages_per_minute:
            return None
        return round((self.waiting + self.being_read) / self.pages_per_minute)


def queue_overview() -> QueueOverview:
    now = timezone.now()
    open_pages = Page.objects.filter(state__in=OPEN_STATES)
    counts = dict(open_pages.order_by().values_list("state").annotate(Count("pk")))
    oldest = open_pages.filter(state=PageState.PENDING, due_at__lte=now).aggregate(at=Min("due_at"))
    since = now - timedelta(minutes=RATE_MINUTES)
    settled = Page.objects.filter(settled_at__gte=since, state=PageState.DONE).count()
    today = now - timedelta(hours=24)
    broken = Page.objects.filter(
        settled_at__gte=today, state__in=(PageState.FAILED, PageState.QUARANTINED)
    )
    pauses = list(Pause.objects.values_list("user", flat=True))
    alive = now - timedelta(seconds=2 * settings.OCR_JOB_LIMITS.lease_seconds)
    return QueueOverview(
        waiting=counts.get(PageState.PENDING, 0),
        being_read=counts.get(PageState.LEASED, 0),
        oldest_due_seconds=int((now - oldest["at"]).total_seconds()) if oldest["at"] else 0,
        pages_per_minute=round(settled / RATE_MINUTES, 1),
        failed_today=broken.count(),
        is_paused=None in pauses,
        paused_users=len([user for user in pauses if user is not None]),
        workers=list(
            Worker.objects.filter(beat_at__gte=alive).select_related("page__document__owner")
        ),
        disk_free_bytes=files.free_bytes(),
        disk_has_room=files.has_room(),
    )


@dataclass(frozen=True)
class FailureGroup:
    """Pages that ended without text for the same reason."""

    code: str
    sentence: str
    next_step: str
    pages: int
    owners: int
    last_at: datetime | None


def failures_by_code(days: int = 30) -> list[FailureGroup]:
    """The most frequent first; each with the sentence people were shown and the next step."""
    since = timezone.now() - timedelta(days=days)
    broken = Page.objects.filter(
        state__in=(PageState.FAILED, PageState.QUARANTINED), settled_at__gte=since
    )
    groups: Any = (
        broken.order_by()
        .values("error_code")
        .annotate(
            pages=Count("pk"),
            owners=Count("document__owner", distinct=True),
            last_at=Max("settled_at"),
        )
    )
    last = [Q(error_code=g["error_code"], settled_at__gte=g["last_at"] - NEXT_TO) for g in groups]
    examples = broken.filter(reduce(or_, last)) if last else broken.none()
    params = dict(examples.order_by("settled_at").values_list("error_code", "error_params"))
    found = [
        FailureGroup(
            code=group["error_code"],
            sentence=sentence_for(group["error_code"], params.get(group["error_code"], {})),
            next_step=next_step_for(group["error_code"]),
            pages=group["pages"],
            owners=group["owners"],
            last_at=group["last_at"],
        )
        for group in groups
    ]
    return sorted(found, key=lambda group: -group.pages)


@dataclass(frozen=True)
class Leaving:
    """One thing that a purge moved or removed, or would have."""

    verb: str
    """trashed, deleted or file"""
    name: str
    """A document's title while it exists, else what the record says."""
    owner: str
    document: Document | None


def leavings_of(run: PurgeRun) -> list[Leaving]:
    """What the record of a purge names by id, in words, in two queries."""
    found = Document.objects.in_bulk(
        [_document_in(item) for item in run.items if "file" not in item]
    )
    people = get_user_model().objects.in_bulk(
        {item["owner"] for item in run.items if "owner" in item}
    )
    by_id = {str(key): document for key, document in found.items()}
    leavings: list[Leaving] = []
    for item in run.items:
        verb = next(verb for verb in ("trashed", "deleted", "file") if verb in item)
        document = by_id.get(item[verb])
        owner = str(people.get(item.get("owner"), ""))
        leavings.append(Leaving(verb, document.title if document else item[verb], owner, document))
    return leavings


def _document_in(item: dict[str, Any]) -> str:
    return item.get("trashed") or item["deleted"]
