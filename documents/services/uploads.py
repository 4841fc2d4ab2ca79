"""Taking files in: accepted means on disk, in the database and queued, or nothing at all."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import QuerySet

from documents import files
from documents.errors import (
    BatchTooLarge,
    DatabaseAway,
    DiskFull,
    NothingUploaded,
    PagesUsedUp,
    StorageFull,
    sentence_for,
    trouble_of,
)
from documents.limits import UserLimits
from documents.models import Document, Job, JobMode, Page, PageState, Verb
from documents.models.document import OPEN_STATES
from documents.names import clean_name
from documents.queries import limits_of
from documents.services import audit, doorbell, quotas
from ocrengine.decoder.client import DecodeLimits, FileInfo, inspect_file
from ocrengine.errors import EngineError, FileRefused
from ocrengine.forecast import forecast_page_bytes

log = logging.getLogger(__name__)

_INSPECTORS = 2
"""Inspections at a time: each is a child process of its own."""


@dataclass(frozen=True)
class Refusal:
    name: str
    code: str
    sentence: str


@dataclass(frozen=True)
class Known:
    """A file whose bytes its owner has handed in before: the earlier result is offered."""

    name: str
    document: Document


@dataclass(frozen=True)
class Acceptance:
    job: Job | None
    """None when no file is new."""
    documents: tuple[Document, ...]
    refused: tuple[Refusal, ...]
    known: tuple[Known, ...] = ()

    @property
    def is_nothing(self) -> bool:
        return not self.documents and not self.known


@dataclass(frozen=True, eq=False)
class _Candidate:
    """A file that passed inspection and lies in incoming/."""

    name: str
    path: Path
    info: FileInfo
    sha256: str


@dataclass(frozen=True)
class _Order:
    """What was asked for besides the files, and what inspection refused."""

    bundle: str
    mode: JobMode
    limits: UserLimits
    refused: tuple[Refusal, ...]
    record: Callable[[Acceptance], None] | None


def accept_upload(  # noqa: PLR0913  what varies from upload to upload
    *,
    owner: Any,
    uploaded: Sequence[UploadedFile[Any]],
    bundle: str | None = None,
    mode: JobMode = JobMode.READ,
    limits: UserLimits | None = None,
    record: Callable[[Acceptance], None] | None = None,
) -> Acceptance:
    """Keep what can be kept of one upload and queue it as one job.

    Each file is judged alone: a refused one has its own sentence and does not touch the others.
    What the owner has handed in before, and asked to be read in the same way, is not read again:
    the earlier document is named instead. Nobody is told what others have.
    `limits` are the owner's, where the caller knows them already.
    `record` is called with the outcome inside the transaction that makes the job, so that what it
    writes is there exactly when the job is; it is not called when nothing was accepted or known.
    Raises BatchTooLarge, TooManyJobs, NothingUploaded, DiskFull; nothing is kept then.
    """
    if not uploaded:
        raise NothingUploaded
    limits = limits or limits_of(owner)
    if len(uploaded) > limits.files_per_batch:
        raise BatchTooLarge(files=len(uploaded), limit=limits.files_per_batch)
    if not files.has_room():
        raise DiskFull
    judged = _judge_all(uploaded)
    candidates = [item for item in judged if isinstance(item, _Candidate)]
    refused = [item for item in judged if isinstance(item, Refusal)]
    order = _Order(bundle or settings.OCR_BUNDLE, mode, limits, tuple(refused), record)
    nothing = Acceptance(None, (), order.refused)
    acceptance = _keep_all(owner, candidates, order) if candidates else nothing
    for refusal in acceptance.refused:
        log.info("upload_refused owner=%s code=%s", owner.pk, refusal.code)
    return acceptance


def _judge_all(uploaded: Sequence[UploadedFile[Any]]) -> list[_Candidate | Refusal]:
    if len(uploaded) == 1:
        return [_judge(uploaded[0])]
    with ThreadPoolExecutor(_INSPECTORS) as pool:
        return list(pool.map(_judge, uploaded))


def _refusal(name: str, code: str, **params: Any) -> Refusal:
    return Refusal(name, code, sentence_for(code, params))


def decode_limits() -> DecodeLimits:
    limits = settings.OCR_UPLOAD_LIMITS
    return DecodeLimits(
        max_bytes=limits.file_bytes,
        max_pages=limits.pages_per_file,
        max_side=limits.side_pixels,
        max_pixels=limits.page_pixels,
        max_pixels_streamed=limits.jpeg_pixels,
    )


def _judge(upload: UploadedFile[Any]) -> _Candidate | Refusal:
    """Inspect one file where it lies. No database here: this runs in a thread."""
    name = clean_name(upload.name)
    if not name:
        return _refusal("?", "no_name")
    if getattr(upload, "too_large", False):
        limit = settings.OCR_UPLOAD_LIMITS.file_bytes
        sizes = {"size_mb": quotas.megabytes(upload.size or 0), "limit_mb": quotas.megabytes(limit)}
        return _refusal(name, "file_too_large", **sizes)
    path = Path(upload.temporary_file_path())  # type: ignore[attr-defined]
    try:
        info = inspect_file(path, decode_limits())
    except FileRefused as refused:
        return _refusal(name, refused.code, **refused.params)
    except EngineError as error:
        log.warning("upload_not_inspected code=%s", error.code)
        return _refusal(name, error.code)
    return _Candidate(name, path, info, files.digest(path)[0])


def _keep_all(owner: Any, candidates: list[_Candidate], order: _Order) -> Acceptance:
    """Files first, then one transaction; whatever fails, neither is left without the other."""
    names: dict[_Candidate, str] = {}
    try:
        for candidate in candidates:
            names[candidate] = files.keep(candidate.path, "originals")
        acceptance, unused = _write_rows(owner, names, order)
    except BaseException as error:
        trouble = trouble_of(error)
        # A connection that broke while it committed may have committed: then rows name these files.
        # If they do not, the nightly sweep finds them.
        if not isinstance(trouble, DatabaseAway):
            files.discard(names.values())
        if trouble is not None:
            raise trouble from error
        raise
    files.discard(unused)
    if acceptance.job:
        log.info(
            "upload_accepted job=%s documents=%d", acceptance.job.id, len(acceptance.documents)
        )
    return acceptance


@transaction.atomic
def _write_rows(
    owner: Any, names: dict[_Candidate, str], order: _Order
) -> tuple[Acceptance, list[str]]:
    """The job with every file that its owner has room for, and the stored names that no row
    took."""
    quotas.check_open_jobs(owner, order.limits)
    job = Job.objects.create(owner=owner, bundle=order.bundle, mode=order.mode)
    documents, known, refused = [], [], list(order.refused)
    for position, (candidate, name) in enumerate(names.items()):
        same = _same_bytes(owner, candidate)
        if (earlier := _worth_offering(same, job)) is not None:
            known.append(Known(candidate.name, earlier))
            continue
        try:
            documents.append(_insert(job, position, candidate, same.first() or name, order.limits))
        except (StorageFull, PagesUsedUp) as full:
            refused.append(_refusal(candidate.name, full.code, **full.params))
    if documents:
        doorbell.ring_on_commit(pages=sum(document.page_count for document in documents))
    else:
        job.delete()
    acceptance = Acceptance(
        job if documents else None, tuple(documents), tuple(refused), tuple(known)
    )
    if order.record and not acceptance.is_nothing:
        order.record(acceptance)
    taken = {document.original_name for document in documents}
    return acceptance, [name for name in names.values() if name not in taken]


def _same_bytes(owner: Any, candidate: _Candidate) -> QuerySet[Document]:
    """The owner's documents of the same bytes, the trash included, oldest first."""
    same = Document.objects.filter(owner=owner, sha256=candidate.sha256)
    return same.filter(size_bytes=candidate.info.size_bytes).order_by("created_at", "pk")


def _worth_offering(same: QuerySet[Document], job: Job) -> Document | None:
    """The newest that is, or will be, what this job would make: read the same way, not in the
    trash, and not without any text."""
    alive = same.filter(trashed_at=None, job__bundle=job.bundle, job__mode=job.mode)
    good = alive.filter(pages__state__in=(*OPEN_STATES, PageState.DONE))
    return good.select_related("job").distinct().last()


def _insert(
    job: Job, position: int, candidate: _Candidate, stored: Document | str, limits: UserLimits
) -> Document:
    """One document and its pages, paid for. `stored`: under which name its bytes lie, or the
    document with which it shares them. Raises StorageFull, PagesUsedUp."""
    info, shared = candidate.info, isinstance(stored, Document)
    document = Document(
        owner=job.owner,
        job=job,
        position=position,
        title=candidate.name,
        kind=info.kind,
        size_bytes=info.size_bytes,
        sha256=candidate.sha256,
        original_name=stored.original_name if isinstance(stored, Document) else stored,
        page_count=len(info.pages),
        notes=list(info.notes),
    )
    quotas.reserve_file(
        owner=job.owner,
        limits=limits,
        size_bytes=0 if shared else info.size_bytes,
        pages=len(info.pages),
        document_id=document.pk,
    )
    document.save(force_insert=True)
    audit.record(Verb.UPLOAD, document)
    profile = settings.OCR_PROFILE
    Page.objects.bulk_create(
        Page(
            document=document,
            index=index,
            width=page.width,
            height=page.height,
            forecast_bytes=forecast_page_bytes(page.width, page.height, profile, job.bundle),
        )
        for index, page in enumerate(info.pages)
    )
    return document
