"""Quotas: reserved by one conditional update, settled when a page was read, given back if not.

Call everything here inside the transaction that writes the rows it counts, so that a crash leaves
neither without the other. The usage row is the last to be locked: page, attempt, job, usage.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import Case, F, PositiveIntegerField, QuerySet, Value, When
from django.db.models.functions import Greatest

from documents.errors import PagesUsedUp, StorageFull, TooManyJobs
from documents.limits import MB, UserLimits
from documents.models import Job, Usage
from documents.models.job import OPEN_JOB_STATES
from documents.queries import limits_of, this_month, usage_of


def _row(owner: Any) -> QuerySet[Usage]:
    """The owner's row, locked, made if need be, counting this month."""
    month = this_month()
    locked = Usage.objects.select_for_update()
    usage, _made = locked.get_or_create(owner=owner, defaults={"month": month})
    rows = Usage.objects.filter(owner=owner)
    if usage.month is None or usage.month < month:
        rows.update(month=month, pages_used=0)
    return rows


def megabytes(size: int) -> str:
    return f"{size / MB:.1f}" if size < 100 * MB else f"{size / MB:.0f}"


def reserve_file(*, owner: Any, limits: UserLimits, size_bytes: int, pages: int) -> None:
    """Claim storage and pages for one file; of uploads at the same time each claims its own.

    Call after check_open_jobs, which makes the row ready. Raises StorageFull, PagesUsedUp.
    """
    taken = F("pages_used") + F("pages_reserved")
    row = Usage.objects.filter(owner=owner)
    room = row.alias(storage=F("storage_bytes") + size_bytes, taken=taken + pages)
    room = room.filter(storage__lte=limits.storage_limit_bytes, taken__lte=limits.pages_per_month)
    won = room.update(
        storage_bytes=F("storage_bytes") + size_bytes, pages_reserved=F("pages_reserved") + pages
    )
    if won:
        return
    usage = usage_of(owner)
    if usage.pages_left < pages:
        raise _pages_used_up(owner, pages)
    raise StorageFull(size_mb=megabytes(size_bytes), left_mb=megabytes(usage.storage_left))


def reserve_pages(*, owner: Any, pages: int) -> None:
    """Claim pages that are to be read once more. Raises PagesUsedUp."""
    limit = limits_of(owner).pages_per_month
    room = _row(owner).alias(taken=F("pages_used") + F("pages_reserved") + pages)
    if not room.filter(taken__lte=limit).update(pages_reserved=F("pages_reserved") + pages):
        raise _pages_used_up(owner, pages)


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
    _row(owner)
    running = Job.objects.filter(owner=owner, state__in=OPEN_JOB_STATES).count()
    if running >= limits.open_jobs:
        raise TooManyJobs(jobs=running, limit=limits.open_jobs)


def settle_page(page_id: uuid.UUID, *, was_read: bool) -> None:
    """A reserved page ended: used if it was read, else given back."""
    rows = Usage.objects.filter(owner__documents__pages=page_id)
    month = this_month()
    used = Case(
        When(month=month, then=F("pages_used") + 1),
        default=Value(1),
        output_field=PositiveIntegerField(),
    )
    charge = {"pages_used": used, "month": month} if was_read else {}
    rows.update(pages_reserved=Greatest(F("pages_reserved") - 1, 0), **charge)


def release_pages(*, owner: Any, pages: int) -> None:
    """Give back pages that will not be read after all."""
    rows = Usage.objects.filter(owner=owner)
    rows.update(pages_reserved=Greatest(F("pages_reserved") - pages, 0))


def release_storage(*, owner: Any, size_bytes: int) -> None:
    Usage.objects.filter(owner=owner).update(
        storage_bytes=Greatest(F("storage_bytes") - size_bytes, 0)
    )


def add_storage(*, owner: Any, size_bytes: int) -> None:
    """Count bytes that we ourselves made (view images): never refused, always counted."""
    Usage.objects.filter(owner=owner).update(storage_bytes=F("storage_bytes") + size_bytes)
