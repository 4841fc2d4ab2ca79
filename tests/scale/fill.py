"""A database as full as the bar asks for: rows in the proportions of real use, and no files.

One person, the library, owns nine jobs in ten, so that lists of one person are as long as lists of
everybody. Jobs are a minute and a half apart, so that their dates spread over months.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from unittest import mock

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils import timezone

from documents.models import (
    ApiToken,
    Attempt,
    Collection,
    Document,
    Job,
    JobState,
    Line,
    LineRevision,
    Page,
    PageState,
    PurgeRun,
    Share,
    Usage,
)

PAGES = 3
"""Pages of each document."""
LINES_OF_EACH = 3
"""And one more of the first, which makes ten of a document."""
STEP = timedelta(seconds=90)
BATCH = 2_000
RECEIPT = {
    "bundle": "accurate",
    "profile": "balanced",
    "source_size": [2480, 3508],
    "working_size": [2480, 3508],
    "rotation": 0,
    "tiles": 6,
    "device": "cpu",
    "precision": "fp32",
    "seconds": {"detect": 0.61, "recognize": 0.93, "order": 0.01},
    "notes": [],
}


@dataclass(frozen=True)
class People:
    """Who looks at what was filled in."""

    library: User
    """Owns nine jobs in ten."""
    reader: User
    """A tenth of them is open to this one, in one collection and one by one."""
    keeper: User
    """May see everything in the administration."""


def fill(jobs: int, *, others: int = 200) -> People:
    """Give an empty database so many jobs, three pages and ten lines each."""
    people = make_people()
    owners = [people.library] * 9 * others + list(_make_others(others))
    start = timezone.now() - STEP * jobs
    with transaction.atomic():
        collection = Collection.objects.create(owner=people.library, name="The annals")
        for first in range(0, jobs, BATCH):
            numbers = range(first, min(first + BATCH, jobs))
            with _clock_from(start + STEP * first, STEP / (2 + 2 * PAGES)):
                _add_jobs(numbers, jobs, owners, collection)
        _add_what_was_read()
        _add_the_rest(people, collection)
    return people


def make_people() -> People:
    """The three of them, made where they are missing."""
    rights = {"keeper": {"is_staff": True, "is_superuser": True}}
    names = ("library", "reader", "keeper")
    made = (User.objects.get_or_create(username=n, defaults=rights.get(n, {}))[0] for n in names)
    return People(*made)


def _make_others(how_many: int) -> list[User]:
    return User.objects.bulk_create(User(username=f"person{n}") for n in range(how_many))


def _clock_from(start: datetime, step: timedelta) -> mock._patch[object]:
    """Rows are dated by their fields when they are written: here one step after the other."""
    ticks = (start + step * n for n in count())
    return mock.patch("django.utils.timezone.now", side_effect=ticks)


def _add_jobs(numbers: range, total: int, owners: list[User], collection: Collection) -> None:
    jobs = Job.objects.bulk_create(_job(n, total, owners[n % len(owners)]) for n in numbers)
    pairs = list(zip(numbers, jobs, strict=True))
    documents = Document.objects.bulk_create(_document(n, total, j, collection) for n, j in pairs)
    filed = zip(numbers, documents, strict=True)
    Page.objects.bulk_create(page for n, document in filed for page in _pages(n, document))


def _is_open(number: int, total: int) -> bool:
    """The last one in five hundred still waits."""
    return number >= total - max(1, total // 500)


def _job(number: int, total: int, owner: User) -> Job:
    if _is_open(number, total):
        return Job(owner=owner, bundle="accurate", state=JobState.QUEUED)
    state = {17: JobState.FAILED, 42: JobState.CANCELLED}.get(number % 97, JobState.DONE)
    ended = timezone.now()
    return Job(owner=owner, bundle="accurate", state=state, started_at=ended, finished_at=ended)


def _document(number: int, total: int, job: Job, collection: Collection) -> Document:
    is_annal = job.owner.username == "library" and number % 10 == 3
    is_trashed = number % 50 == 7 and not _is_open(number, total)
    return Document(
        owner=job.owner,
        job=job,
        title=f"scan {number * 7919 % total:06} of the town council.png",
        kind=("png", "jpeg", "pdf", "jpeg")[number % 4],
        size_bytes=100_000 + number * 7919 % 3_000_000,
        sha256=f"{number:064x}",
        original_name=f"originals/00/{uuid.uuid4().hex}",
        page_count=PAGES,
        collection=collection if is_annal else None,
        trashed_at=timezone.now() if is_trashed else None,
    )


def _pages(number: int, document: Document) -> Iterator[Page]:
    for index in range(PAGES):
        page = Page(document=document, index=index, width=2480, height=3508)
        page.forecast_bytes = 500_000_000
        _settle(page, number)
        yield page


def _settle(page: Page, number: int) -> None:
    """As the job ended; and one page in forty of those that were read failed."""
    state = page.document.job.state
    if state == JobState.QUEUED:
        return
    page.attempts, page.settled_at = 1, timezone.now()
    if state == JobState.CANCELLED:
        page.state, page.error_code = PageState.CANCELLED, "cancelled"
    elif state == JobState.FAILED or (number + page.index) % 40 == 1:
        page.state = (PageState.FAILED, PageState.QUARANTINED)[number % 7 == 5]
        page.error_code = ("damaged", "engine_timeout", "out_of_memory")[number % 3]
        page.error_params = {"page": page.index + 1}
    else:
        page.state, page.receipt = PageState.DONE, RECEIPT
        page.view_name, page.view_bytes = f"views/00/{uuid.uuid4().hex}.jpg", 90_000
        page.confidence, page.seconds = 0.9 + number % 100 / 1000, 1 + number % 70 / 10


# --- What a page brings with it, copied by the database itself --------------------------------

SERIES = "(SELECT 0 AS n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3) series"


def _add_what_was_read() -> None:
    """Attempts, lines and revisions: a row as a pattern, its copies made by one statement."""
    pattern = Page.objects.filter(state=PageState.DONE, index=0).earliest("due_at")
    polygon = [[212.5, 340.0], [2240.0, 338.5], [2240.5, 391.0], [213.0, 392.5]]
    text = "and resolved that the bridge over the mill race be mended before the winter"
    line = Line.objects.create(
        page=pattern, order=0, polygon=polygon, confidence=0.97, machine_text=text, text=text
    )
    with connection.cursor() as cursor:
        cursor.execute(
            'INSERT INTO documents_line (page_id, "order", polygon, confidence, machine_text, text)'
            " SELECT p.id, n, t.polygon, t.confidence, t.machine_text, t.text"
            f" FROM documents_page p, {SERIES}, documents_line t WHERE t.id = %s"
            ' AND (p.id <> t.page_id OR n > 0) AND (n < %s OR (p."index" = 0 AND n = %s))',
            [line.pk, LINES_OF_EACH, LINES_OF_EACH],
        )
        cursor.execute(
            "INSERT INTO documents_linerevision (line_id, number, text, source, created_at)"
            " SELECT l.id, 0, l.text, 'machine', p.due_at"
            " FROM documents_line l JOIN documents_page p ON p.id = l.page_id"
        )
        cursor.execute(
            "INSERT INTO documents_attempt"
            " (page_id, number, worker, rung, started_at, ended_at, outcome, error_code, detail)"
            " SELECT id, 1, 'host:' || attempts || ':1', 0, due_at, settled_at,"
            " CASE state WHEN 'done' THEN 'done' WHEN 'cancelled' THEN 'cancelled'"
            " WHEN 'quarantined' THEN 'child_died' ELSE 'failed' END, error_code, ''"
            " FROM documents_page WHERE settled_at IS NOT NULL"
        )


def _add_the_rest(people: People, collection: Collection) -> None:
    """What the other tables hold in a house of that size."""
    few = Document.objects.filter(owner=people.library, collection=None, trashed_at=None)
    Share.objects.create(collection=collection, user=people.reader)
    Share.objects.bulk_create(Share(document=d, user=people.reader) for d in few[:500])
    for owner in User.objects.all():
        Usage.objects.create(owner=owner, storage_bytes=1_000_000, month=timezone.localdate())
        Collection.objects.bulk_create(Collection(owner=owner, name=f"Box {n}") for n in range(5))
    ApiToken.objects.bulk_create(
        ApiToken(owner=people.library, name=f"program {n}", prefix=f"folio_{n:08}", digest="0" * 64)
        for n in range(40)
    )
    PurgeRun.objects.bulk_create(
        PurgeRun(started_at=timezone.now() - timedelta(days=n), is_dry=n % 9 == 0)
        for n in range(365)
    )
    LogEntry.objects.log_actions(people.keeper.pk, list(few[:300]), CHANGE, "retry")


def settle_in() -> None:
    """What PostgreSQL does by itself within a minute of such growth; SQLite does nothing. Outside
    any transaction."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")


def is_full(jobs: int) -> bool:
    """Whether this database has them already; SystemExit where it holds something else."""
    found = Job.objects.count()
    if found not in (0, jobs):
        raise SystemExit(f"This database holds {found} jobs: name one that is empty.")
    return found == jobs


def counted() -> dict[str, int]:
    models = {"jobs": Job, "documents": Document, "pages": Page, "lines": Line}
    models |= {"revisions": LineRevision, "attempts": Attempt}
    return {name: model.objects.count() for name, model in models.items()}
