"""Turns: which page is read next. Nothing is written here, nothing grows with the pages that wait.

The highest priority first; within it whoever waited longest for a turn; of theirs what a vanished
worker had in hand, then the job that was begun, the oldest, and its pages in their order. Each step
is a question of its own that an index answers: sorting all that waits would take longer the more
waits, a tenth of a second for ten thousand pages, for each page again.
"""

from __future__ import annotations

from datetime import UTC, datetime

from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet, Sum
from django.db.models.functions import Coalesce, Now

from documents.models import Document, Job, JobState, Page, PageState, Pause, Usage
from documents.models.job import OPEN_JOB_STATES
from ocrengine import get_profile
from ocrengine.choose import BUNDLE_NAMES
from ocrengine.forecast import forecast_child_bytes

NEVER = datetime.min.replace(tzinfo=UTC)
BEGUN_FIRST = (JobState.RUNNING, JobState.QUEUED)


def due_pages() -> QuerySet[Page]:
    """Pages that may be claimed now; none while the queue is paused, none of a paused user."""
    due = Page.objects.filter(
        state=PageState.PENDING, due_at__lte=Now(), document__job__cancel_requested_at=None
    )
    paused = Pause.objects.filter(user=OuterRef("document__owner"))
    return due.exclude(Exists(Pause.objects.filter(user=None))).exclude(Exists(paused))


def next_page(host: str) -> Page | None:
    """The page whose turn it is on this host. Never more memory than there is: one that does not
    fit beside those in flight waits until it is alone."""
    if Pause.objects.filter(user=None).exists():
        return None
    # Said so that no index answers it: SQLite would look at all that is due, for each document.
    moment = Coalesce("due_at", Now())
    due = Page.objects.alias(moment=moment).filter(state=PageState.PENDING, moment__lte=Now())
    in_flight = _bytes_in_flight(host)
    if in_flight:
        due = due.filter(forecast_bytes__lte=max(0, memory_for_pages() - in_flight))
    for priority, owner in _owners_in_turn():
        jobs = Job.objects.filter(owner=owner, priority=priority, cancel_requested_at=None)
        page = _taken_back(due, jobs) or _next_of(due, jobs)
        if page is not None:
            return page
    return None


def memory_for_pages() -> int:
    """Bytes that pages read at the same time on this host may be forecast to need: as the profile
    says, also where tuning has found that more workers are quicker, less what their engine children
    need for themselves. Which bundle those have loaded changes: the neediest is reckoned with."""
    profile = settings.OCR_PROFILE
    bundles = {settings.OCR_BUNDLE, *BUNDLE_NAMES}
    child = max(forecast_child_bytes(profile, bundle) for bundle in bundles)
    allowed = profile.memory_ceiling * get_profile(profile.name).workers
    return max(0, int(allowed - profile.workers * child))


def _bytes_in_flight(host: str) -> int:
    mine = Page.objects.filter(state=PageState.LEASED, worker__startswith=f"{host}:")
    return mine.aggregate(total=Sum("forecast_bytes"))["total"] or 0


def _owners_in_turn() -> list[tuple[int, int]]:
    """(priority, owner) of open jobs, whoever is next first. From an index alone: jobs of one page
    each may be many, too."""
    waiting = Job.objects.filter(state__in=OPEN_JOB_STATES)
    found = set(waiting.order_by().values_list("priority", "owner").distinct())
    paused = set(Pause.objects.values_list("user", flat=True))
    owners = {owner for _, owner in found} - paused
    usage = Usage.objects.filter(owner__in=owners).values_list("owner", "last_turn_at")
    turns = {owner: last or NEVER for owner, last in usage}
    begun = [(priority, owner) for priority, owner in found if owner in owners]
    return sorted(begun, key=lambda one: (-one[0], turns.get(one[1], NEVER), one[1]))


def _taken_back(due: QuerySet[Page], jobs: QuerySet[Job]) -> Page | None:
    """What was in hand when a worker vanished: it was its turn already."""
    lost = due.filter(worker_losses__gt=0, document__job__in=jobs)
    ordered = lost.order_by("-worker_losses", "due_at", "document__position", "index")
    return ordered.select_related("document__job").first()


def _next_of(due: QuerySet[Page], jobs: QuerySet[Job]) -> Page | None:
    for state in BEGUN_FIRST:
        documents = Document.objects.filter(job=OuterRef("pk"))
        has_due = Exists(documents.filter(Exists(due.filter(document=OuterRef("pk")))))
        job = jobs.filter(has_due, state=state).order_by("created_at").first()
        if job is not None:
            page = _next_in(due, job)
            if page is not None:
                return page
    return None


def _next_in(due: QuerySet[Page], job: Job) -> Page | None:
    """Through its documents, in their order: each has 500 pages at most, a job any number."""
    has_due = Exists(due.filter(document=OuterRef("pk")))
    document = Document.objects.filter(has_due, job=job).order_by("position", "pk").first()
    page = due.filter(document=document).order_by("index").first() if document else None
    if page is not None and document is not None:
        document.job = job
        page.document = document
    return page
