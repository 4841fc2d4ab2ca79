"""Taking files in: accepted means on disk, in the database and queued, or nothing at all."""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from documents import files
from documents.errors import BatchTooLarge, DiskFull, NothingUploaded, sentence_for
from documents.limits import MB
from documents.models import Document, Job, Page
from documents.queries import storage_of
from documents.services import doorbell, quotas
from ocrengine.decoder.client import DecodeLimits, FileInfo, inspect_file
from ocrengine.errors import EngineError, FileRefused
from ocrengine.memory import forecast_page_bytes

log = logging.getLogger(__name__)

_INSPECTORS = 2
"""Inspections at a time: each is a child process of its own."""


@dataclass(frozen=True)
class Refusal:
    name: str
    code: str
    sentence: str


@dataclass(frozen=True)
class Acceptance:
    job: Job | None
    documents: tuple[Document, ...]
    refused: tuple[Refusal, ...]


@dataclass(frozen=True)
class _Candidate:
    """A file that passed inspection and lies in incoming/."""

    name: str
    path: Path
    info: FileInfo
    sha256: str


def accept_upload(
    *, owner: Any, uploaded: Sequence[UploadedFile[Any]], bundle: str | None = None
) -> Acceptance:
    """Keep what can be kept of one upload and queue it as one job.

    Each file is judged alone: a refused one has its own sentence and does not touch the others.
    Raises BatchTooLarge (nothing is kept), NothingUploaded, DiskFull.
    """
    limits = settings.OCR_UPLOAD_LIMITS
    if not uploaded:
        raise NothingUploaded
    if len(uploaded) > limits.files_per_batch:
        raise BatchTooLarge(files=len(uploaded), limit=limits.files_per_batch)
    if files.free_bytes() < limits.disk_reserve_bytes:
        raise DiskFull
    with ThreadPoolExecutor(_INSPECTORS) as pool:
        judged = list(pool.map(_judge, uploaded))
    candidates = [item for item in judged if isinstance(item, _Candidate)]
    refused = [item for item in judged if isinstance(item, Refusal)]
    candidates, without_room = _reserve(owner, candidates)
    job, documents = _keep_all(owner, candidates, bundle) if candidates else (None, [])
    for refusal in refused + without_room:
        log.info("upload_refused owner=%s code=%s", owner.pk, refusal.code)
    return Acceptance(job, tuple(documents), tuple(refused + without_room))


def _refusal(name: str, code: str, **params: Any) -> Refusal:
    return Refusal(name, code, sentence_for(code, params))


def _megabytes(size: int) -> str:
    return f"{size / MB:.1f}" if size < 100 * MB else f"{size / MB:.0f}"


def clean_name(raw: str | None) -> str:
    """A label, never a path: NFC, no control, bidi or zero-width characters, at most 200."""
    text = unicodedata.normalize("NFC", raw or "")
    spaced = (" " if c.isspace() else c for c in text)
    kept = "".join(c for c in spaced if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co"))
    return " ".join(kept.split())[:200]


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
        sizes = {"size_mb": _megabytes(upload.size or 0), "limit_mb": _megabytes(limit)}
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


def _reserve(owner: Any, found: list[_Candidate]) -> tuple[list[_Candidate], list[Refusal]]:
    """Claim storage file by file, in the order given; who does not fit is refused."""
    kept, refused = [], []
    for candidate in found:
        size = candidate.info.size_bytes
        if quotas.reserve_storage(owner=owner, size_bytes=size):
            kept.append(candidate)
            continue
        left = _megabytes(storage_of(owner).left)
        refused.append(
            _refusal(candidate.name, "storage_full", size_mb=_megabytes(size), left_mb=left)
        )
    return kept, refused


def _keep_all(
    owner: Any, candidates: list[_Candidate], bundle: str | None
) -> tuple[Job, list[Document]]:
    """Files first, then one transaction; whatever fails, neither is left without the other."""
    names: list[str] = []
    try:
        names.extend(files.keep(candidate.path, "originals") for candidate in candidates)
        with transaction.atomic():
            job = Job.objects.create(owner=owner, bundle=bundle or settings.OCR_BUNDLE)
            documents = [
                _insert(job, position, candidate, name)
                for position, (candidate, name) in enumerate(zip(candidates, names, strict=True))
            ]
            doorbell.ring_on_commit(pages=sum(d.page_count for d in documents))
    except BaseException as error:
        # Files kept without a row would be orphans, and the reservation would never come back.
        files.discard(names)
        size = sum(candidate.info.size_bytes for candidate in candidates)
        quotas.release_storage(owner=owner, size_bytes=size)
        if isinstance(error, OSError):
            raise DiskFull from error
        raise
    log.info("upload_accepted job=%s documents=%d", job.id, len(documents))
    return job, documents


def _insert(job: Job, position: int, candidate: _Candidate, name: str) -> Document:
    info = candidate.info
    document = Document.objects.create(
        owner=job.owner,
        job=job,
        position=position,
        title=candidate.name,
        kind=info.kind,
        size_bytes=info.size_bytes,
        sha256=candidate.sha256,
        original_name=name,
        page_count=len(info.pages),
        notes=list(info.notes),
    )
    profile = settings.OCR_PROFILE
    Page.objects.bulk_create(
        Page(
            document=document,
            index=index,
            width=page.width,
            height=page.height,
            forecast_bytes=forecast_page_bytes(page.width, page.height, profile),
        )
        for index, page in enumerate(info.pages)
    )
    return document
