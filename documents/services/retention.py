"""What leaves: a document its owner deletes, and debris that no row answers for."""

from __future__ import annotations

import logging
import time

from django.db import transaction
from django.db.models import Sum

from documents import files
from documents.models import Document, Job, Page, PageState
from documents.services import quotas

log = logging.getLogger(__name__)


def storage_of_document(document: Document) -> int:
    """Bytes that come back when the document goes: the original and our view images."""
    views = document.pages.aggregate(total=Sum("view_bytes"))["total"] or 0
    return int(document.size_bytes + views)


def delete_document(document: Document) -> int:
    """Remove rows, then files, and give the storage back; returns the bytes.

    A page being read at this moment loses its lease with its row, so that its reader stops within
    a second and its result finds no row to land in.
    """
    with transaction.atomic():
        locked = Document.objects.select_for_update().filter(pk=document.pk).first()
        if locked is None:
            return 0
        names = [locked.original_name, *locked.pages.values_list("view_name", flat=True)]
        freed = storage_of_document(locked)
        owner, job_id = locked.owner, locked.job_id
        # Locked, so that a page which ends at this moment is settled once: there or here.
        pages = list(locked.pages.select_for_update().order_by("index"))
        locked.delete()
        quotas.release_storage(owner=owner, size_bytes=freed)
        quotas.release_pages(owner=owner, pages=sum(page.is_open for page in pages))
        Job.objects.filter(pk=job_id, documents=None).delete()
    files.discard(names)
    log.info("document_deleted document=%s bytes=%d", document.pk, freed)
    return freed


def sweep_debris(*, older_than_seconds: int = 3600) -> int:
    """Remove what crashed processes left: work folders without a lease, stale incoming files."""
    # Folders first, leases second: the folder of a lease made in between is not on the list.
    found = files.work_folders()
    tokens = Page.objects.filter(state=PageState.LEASED).values_list("token", flat=True)
    stale = found - {token.hex for token in tokens if token}
    files.remove_work_folders(stale)
    removed = len(stale)
    limit = time.time() - older_than_seconds
    for path in files.incoming_dir().iterdir():
        if path.stat().st_mtime < limit:
            path.unlink(missing_ok=True)
            removed += 1
    return removed
