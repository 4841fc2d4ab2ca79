"""Quotas: a ledger. Reserved when asked for, settled when a page was read, given back if not.

Every movement changes the balance (Usage) and writes an entry beside it, in the transaction that
writes the rows it is about: a crash leaves all of them or none, and the balance always equals both
the sum of its entries and a recount of the rows. The usage row is the last to be locked: page,
attempt, job, usage.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Max, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.utils.timezone import make_aware

from documents.errors import PagesUsedUp, StorageFull, TooManyJobs
from documents.limits import MB, UserLimits
from documents.models import Document, Job, LedgerEntry, Movement, Page, Usage
from documents.models.document import OPEN_STATES
from documents.models.job import OPEN_JOB_STATES
from documents.queries import limits_of, this_month, usage_of


@dataclass(frozen=True)
class Balance:
    """What somebody holds, or how much that changes."""

    storage_bytes: int = 0
    pages_reserved: int = 0
    pages_used: int = 0

    def __neg__(self) -> Balance:
        return Balance(-self.storage_bytes, -self.pages_reserved, -self.pages_used)

    def __add__(self, other: Balance) -> Balance:
        return Balance(
            self.storage_bytes + other.storage_bytes,
            self.pages_reserved + other.pages_reserved,
            self.pages_used + other.pages_used,
        )


FIGURES = ("storage_bytes", "pages_reserved", "pages_used")


# --- Moving ------------------------------------------------------------------------------------


def _row(owner_id: int) -> QuerySet[Usage]:
    """The owner's row, locked, made if need be, counting this month."""
    month = this_month()
    locked = Usage.objects.select_for_update()
    usage, _made = locked.get_or_create(owner_id=owner_id, defaults={"month": month})
    rows = Usage.objects.filter(owner_id=owner_id)
    if usage.month is None or usage.month < month:
        rows.update(month=month)
        if usage.pages_used:
            _move(rows, owner_id, Movement.MONTH, Balance(pages_used=-usage.pages_used))
    return rows


def _move(
    rows: QuerySet[Usage],
    owner_id: int,
    movement: Movement,
    change: Balance,
    about: uuid.UUID | None = None,
) -> bool:
    """Change the balance and write it down; False when `rows` leaves the owner's out."""
    if change == Balance():
        return True
    changes = {name: getattr(change, name) for name in FIGURES}
    if not rows.update(**{name: F(name) + by for name, by in changes.items() if by}):
        return False
    LedgerEntry.objects.create(owner_id=owner_id, movement=movement, about=about, **changes)
    return True


def reserve_file(
    *, owner: Any, limits: UserLimits, size_bytes: int, pages: int, document_id: uuid.UUID
) -> None:
    """Claim storage and pages for one file; of uploads at the same time each claims its own.

    Call after check_open_jobs, which makes the row ready. Raises StorageFull, PagesUsedUp.
    """
    taken = F("pages_used") + F("pages_reserved")
    row = Usage.objects.filter(owner=owner)
    room = row.alias(storage=F("storage_bytes") + size_bytes, taken=taken + pages)
    room = room.filter(storage__lte=limits.storage_limit_bytes, taken__lte=limits.pages_per_month)
    if _move(room, owner.pk, Movement.STORED, Balance(size_bytes, pages), document_id):
        return
    usage = usage_of(owner)
    if usage.pages_left < pages:
        raise _pages_used_up(owner, pages)
    raise StorageFull(size_mb=megabytes(size_bytes), left_mb=megabytes(usage.storage_left))


def reserve_pages(*, owner: Any, pages: int, about: uuid.UUID) -> None:
    """Claim pages that are to be read once more. Raises PagesUsedUp."""
    limit = limits_of(owner).pages_per_month
    room = _row(owner.pk).alias(taken=F("pages_used") + F("pages_reserved") + pages)
    room = room.filter(taken__lte=limit)
    if not _move(room, owner.pk, Movement.RESERVED, Balance(pages_reserved=pages), about):
        raise _pages_used_up(owner, pages)


def settle_page(page_id: uuid.UUID, *, was_read: bool) -> None:
    """A reserved page ended: used if it was read, else given back."""
    owner_id = Document.objects.filter(pages=page_id).values_list("owner", flat=True).get()
    change = Balance(pages_reserved=-1, pages_used=int(was_read))
    movement = Movement.READ if was_read else Movement.REFUNDED
    _move(_row(owner_id), owner_id, movement, change, page_id)


def release_pages(*, owner: Any, pages: int, about: uuid.UUID) -> None:
    """Give back pages that will not be read after all."""
    if pages:
        change = Balance(pages_reserved=-pages)
        _move(_row(owner.pk), owner.pk, Movement.REFUNDED, change, about)


def change_view_storage(*, owner: Any, by_bytes: int, page_id: uuid.UUID) -> None:
    """Count bytes that we ourselves made (view images): never refused, always counted."""
    if by_bytes:
        change = Balance(storage_bytes=by_bytes)
        _move(_row(owner.pk), owner.pk, Movement.VIEW, change, page_id)


def release_document(*, owner: Any, size_bytes: int, pages: int, document_id: uuid.UUID) -> None:
    """A document goes: its bytes come back, and those of its pages that were not read."""
    change = Balance(storage_bytes=-size_bytes, pages_reserved=-pages)
    _move(_row(owner.pk), owner.pk, Movement.FREED, change, document_id)


def hold_same_bytes(owner: Any, document: Document) -> bool:
    """Whether other documents of the owner share the stored file of one that was just deleted.

    Their row is locked: nobody can begin to share it until this transaction ends.
    """
    _row(owner.pk)
    same = Document.objects.filter(owner=owner, sha256=document.sha256)
    return same.filter(original_name=document.original_name).exists()


# --- Refusing ----------------------------------------------------------------------------------


def megabytes(size: int) -> str:
    return f"{size / MB:.1f}" if size < 100 * MB else f"{size / MB:.0f}"


def _pages_used_up(owner: Any, pages: int) -> PagesUsedUp:
    usage = usage_of(owner)
    return PagesUsedUp(
        pages=pages,
        left=usage.pages_left,
        limit=usage.limits.pages_per_month,
        date=usage.resets_on.isoformat(),
    )


def check_open_jobs(owner: Any, limits: UserLimits) -> None:
    """Call with the new job's transaction open: the row is locked until it ends.

    Raises TooManyJobs.
    """
    _row(owner.pk)
    running = Job.objects.filter(owner=owner, state__in=OPEN_JOB_STATES).count()
    if running >= limits.open_jobs:
        raise TooManyJobs(jobs=running, limit=limits.open_jobs)


# --- Counting again ----------------------------------------------------------------------------


def entries_of(owner_id: int) -> Balance:
    """What the owner's entries add up to."""
    sums = {name: Coalesce(Sum(name), 0) for name in FIGURES}
    return Balance(**LedgerEntry.objects.filter(owner=owner_id).aggregate(**sums))


def recount(owner_id: int) -> Balance:
    """What the owner's rows say, without looking at the balance. Pages that were read leave no
    other trace than their entries: their documents may be gone."""
    documents = Document.objects.filter(owner=owner_id).order_by()
    originals = documents.values("original_name").annotate(size=Max("size_bytes"))
    pages = Page.objects.filter(document__owner=owner_id).order_by()
    views = pages.aggregate(total=Coalesce(Sum("view_bytes"), 0))["total"]
    return Balance(
        storage_bytes=(originals.aggregate(total=Sum("size"))["total"] or 0) + views,
        pages_reserved=pages.filter(state__in=OPEN_STATES).count(),
        pages_used=entries_of(owner_id).pages_used,
    )


@dataclass(frozen=True)
class Drift:
    """A balance that is not what it should be."""

    owner_id: int
    balance: Balance
    entries: Balance
    recounted: Balance


def find_drift() -> Iterator[Drift]:
    """Of everybody, each looked at in a transaction in which nothing of theirs moves."""
    for owner_id in Usage.objects.order_by("pk").values_list("owner", flat=True).iterator():
        with transaction.atomic():
            usage = Usage.objects.select_for_update().get(owner=owner_id)
            balance = Balance(*(getattr(usage, name) for name in FIGURES))
            entries, recounted = entries_of(owner_id), recount(owner_id)
        if not balance == entries == recounted:
            yield Drift(owner_id, balance, entries, recounted)


@transaction.atomic
def correct(drift: Drift) -> None:
    """Make the balance and its entries what a recount says now."""
    rows = _row(drift.owner_id)
    recounted, entries = recount(drift.owner_id), entries_of(drift.owner_id)
    change = recounted + -entries
    rows.update(**{name: getattr(recounted, name) for name in FIGURES})
    figures = {name: getattr(change, name) for name in FIGURES}
    LedgerEntry.objects.create(
        owner_id=drift.owner_id, movement=Movement.CORRECTED, about=None, **figures
    )


def carry_forward() -> int:
    """Put one entry in the place of all those older than last month; returns how many went."""
    last_month = (this_month() - timedelta(days=1)).replace(day=1)
    before = make_aware(datetime.combine(last_month, time.min))
    old = LedgerEntry.objects.filter(at__lt=before)
    gone = 0
    for owner_id in list(old.order_by().values_list("owner", flat=True).distinct()):
        with transaction.atomic():
            _row(owner_id)
            theirs = old.filter(owner=owner_id)
            sums = theirs.aggregate(**{name: Coalesce(Sum(name), 0) for name in FIGURES})
            count, _ = theirs.delete()
            entry = LedgerEntry.objects.create(owner_id=owner_id, movement=Movement.CARRIED, **sums)
            LedgerEntry.objects.filter(pk=entry.pk).update(at=before)
            gone += count - 1
    return gone
