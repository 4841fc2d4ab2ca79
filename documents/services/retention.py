"""What leaves, and when: the trash, retention policies, debris that no row answers for."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet, Sum
from django.db.models.functions import Now
from django.utils import timezone

from documents import files
from documents.models import Document, Job, Page, PageState, PurgeRun, Verb
from documents.queries import due_for_trash
from documents.services import audit, quotas

log = logging.getLogger(__name__)

ITEMS_KEPT = 100


def storage_of_document(document: Document) -> int:
    """Bytes that come back when the document goes: the original and our view images."""
    views = document.pages.aggregate(total=Sum("view_bytes"))["total"] or 0
    return int(document.size_bytes + views)


# --- The trash ---------------------------------------------------------------------------------


@transaction.atomic
def trash_document(document: Document) -> bool:
    """Hide a document until it is purged; pages that wait are not read. False if it was there."""
    fresh = Document.objects.filter(pk=document.pk, trashed_at=None)
    if not fresh.update(trashed_at=Now()):
        return False
    waiting = Page.objects.filter(document=document, state=PageState.PENDING)
    stopped = waiting.update(
        state=PageState.CANCELLED, error_code="cancelled", error_params={}, settled_at=Now()
    )
    quotas.release_pages(owner=document.owner, pages=stopped, about=document.pk)
    audit.record(Verb.TRASH, document)
    log.info("document_trashed document=%s", document.pk)
    return True


@transaction.atomic
def restore_document(document: Document) -> None:
    """Harmless where it was taken back a moment ago."""
    in_trash = Document.objects.filter(pk=document.pk, trashed_at__isnull=False)
    if not in_trash.update(trashed_at=None):
        return
    audit.record(Verb.RESTORE, document)
    log.info("document_restored document=%s", document.pk)


def delete_document(document: Document) -> int:
    """Remove rows, then files, and give the storage back; returns the bytes.

    Files go once the rows are gone for good: inside a caller's transaction, when that is committed.

    A page being read at this moment loses its lease with its row, so that its reader stops within
    a second and its result finds no row to land in.
    """
    with transaction.atomic():
        locked = Document.objects.select_for_update().filter(pk=document.pk).first()
        if locked is None:
            return 0
        # Locked, so that a page which ends at this moment is settled once: there or here.
        pages = list(locked.pages.select_for_update().order_by("index"))
        names = [page.view_name for page in pages]
        freed = sum(page.view_bytes for page in pages)
        owner, job_id = locked.owner, locked.job_id
        audit.record(Verb.PURGE, locked)
        locked.delete()
        if not quotas.hold_same_bytes(owner, locked):
            names.append(locked.original_name)
            freed += locked.size_bytes
        quotas.release_document(
            owner=owner,
            size_bytes=freed,
            pages=sum(page.is_open for page in pages),
            document_id=document.pk,
        )
        Job.objects.filter(pk=job_id, documents=None).delete()
        transaction.on_commit(partial(files.discard, names))
    log.info("document_deleted document=%s bytes=%d", document.pk, freed)
    return freed


def empty_trash(documents: Iterable[Document]) -> int:
    return sum(delete_document(document) for document in documents)


# --- Debris ------------------------------------------------------------------------------------


def sweep_debris(*, dry: bool = False) -> list[files.Debris]:
    """Remove what crashed processes left: work folders without a lease, stale incoming files,
    stored files without a row. Returns what it found."""
    # Folders first, leases second: the folder of a lease made in between is not on the list.
    folders = files.work_folders()
    tokens = Page.objects.filter(state=PageState.LEASED).values_list("token", flat=True)
    stale = folders - {token.hex for token in tokens if token}
    found = [*files.debris_of_work(stale), *files.stale_incoming()]
    if not dry:
        files.remove(found)
    return found


def find_orphans() -> Iterator[files.Debris]:
    """Stored files, a day old or more, that no row names. Walks the whole store."""
    for some in files.stored_batches(older_than=timedelta(days=1)):
        names = [item.name for item in some]
        originals = Document.objects.filter(original_name__in=names)
        views = Page.objects.filter(view_name__in=names)
        known = {
            *originals.values_list("original_name", flat=True),
            *views.values_list("view_name", flat=True),
        }
        yield from (item for item in some if item.name not in known)


def sweep_orphans(*, dry: bool = False) -> list[files.Debris]:
    """Remove stored files that no row names. Returns what it found; nothing while a backup runs,
    because then nothing is removed."""
    found = list(find_orphans())
    if not dry and not files.discard(item.name for item in found):
        return []
    return found


# --- The nightly purge -------------------------------------------------------------------------


def overdue_trash() -> QuerySet[Document]:
    limit = timezone.now() - timedelta(days=settings.OCR_TRASH_DAYS)
    return Document.objects.filter(trashed_at__lt=limit).order_by("trashed_at")


def purge(*, dry: bool = False) -> PurgeRun:
    """Everything that is due to leave, or with `dry` only the list of it. Never anything live."""
    run = PurgeRun.objects.create(is_dry=dry)
    items: list[dict[str, Any]] = []
    for document in due_for_trash():
        if dry or trash_document(document):
            run.documents_trashed += 1
            items.append({"trashed": str(document.pk), "owner": document.owner_id})
    for document in overdue_trash().iterator(chunk_size=100):
        run.bytes_freed += storage_of_document(document) if dry else delete_document(document)
        run.documents_deleted += 1
        items.append({"deleted": str(document.pk), "owner": document.owner_id})
    for debris in [*sweep_debris(dry=dry), *sweep_orphans(dry=dry)]:
        run.files_removed += 1
        run.bytes_freed += debris.size_bytes
        items.append({"file": debris.name})
    run.items = items[:ITEMS_KEPT]
    run.finished_at = timezone.now()
    run.save()
    log.info("purged dry=%s documents=%d bytes=%d", dry, run.documents_deleted, run.bytes_freed)
    return run
