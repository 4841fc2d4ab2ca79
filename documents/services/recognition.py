"""The bridge to the engine: one leased page in, its lines and its receipt stored, or its error.

No network and no decoder ever runs inside a transaction: the page is decoded and read first, and
its result is stored in one short transaction behind the fence.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from django.conf import settings
from django.db import transaction

from documents import files
from documents.errors import DatabaseAway, DiskFull, trouble_of
from documents.models import Line, LineRevision, Outcome, Page, PageState, RevisionSource
from documents.services import leases, quotas, rungs
from documents.services.leases import Ending, Lease
from documents.services.uploads import decode_limits
from ocrengine import PageResult
from ocrengine.decoder.client import WorkingImage, decode_page
from ocrengine.errors import (
    BundleError,
    Cancelled,
    DecoderDiskFull,
    DecoderFailed,
    EngineError,
    FileRefused,
)

log = logging.getLogger(__name__)


class Reader(Protocol):
    """What is needed of ocrengine.process.EngineProcess; a test's stand-in has the same shape."""

    @property
    def pages(self) -> int:
        """Pages it reads at the same time, each asked for by a thread of its own."""
        ...

    @property
    def peak_memory(self) -> int: ...

    def read_page(
        self,
        image: WorkingImage,
        *,
        detect_only: bool = False,
        tile_side: int | None = None,
        alone: bool = False,
        should_stop: Callable[[], bool] | None = None,
    ) -> PageResult: ...


@dataclass(frozen=True)
class Reading:
    """One page read: its images, its lines, what it took."""

    image: WorkingImage
    result: PageResult
    decode_seconds: float
    seconds: float
    peak_memory: int

    @property
    def stages(self) -> dict[str, float]:
        """Wall seconds by stage; "read" is all of the engine's, waiting for other pages too."""
        taken = {"decode": self.decode_seconds, **self.result.seconds, "read": self.seconds}
        return {stage: round(seconds, 3) for stage, seconds in taken.items()}


def read_page(
    lease: Lease, page: Page, folder: Path, reader: Reader, should_stop: Callable[[], bool]
) -> Reading:
    """Decode one page into `folder` and read it. Touches no database: a thread runs it.

    Raises FileRefused, files.StoredFileMissing, Cancelled, EngineError.
    """
    began = time.monotonic()
    image = _decode(page, folder, should_stop)
    started = time.monotonic()
    result = reader.read_page(
        image,
        detect_only=lease.detect_only,
        tile_side=rungs.tile_side_on(page.rung, settings.OCR_PROFILE.tile_side),
        alone=page.child_deaths > 0,
        should_stop=should_stop,
    )
    seconds = time.monotonic() - started
    return Reading(image, result, started - began, seconds, reader.peak_memory)


def settle(lease: Lease, page: Page, reading: Future[Reading], reader: Reader) -> None:
    """Store what was read, or why it was not. Never raises for the page's own faults.

    Raises DatabaseError while the database is away.
    """
    try:
        _store(lease, page, reading.result())
    except files.StoredFileMissing:
        leases.fail_page(lease, code="file_missing", params={})
    except FileRefused as refused:
        leases.fail_page(lease, code=refused.code, params=refused.params)
    except Cancelled:
        _stop(lease)
    except BundleError as error:
        log.error("bundle_missing detail=%s", error)
        leases.release(lease, detail=str(error), later=True)
    except DecoderDiskFull as error:
        _wait_for_room(lease, error)
    except EngineError as error:
        _count_death(lease, error, reader)
    except Exception as error:
        trouble = trouble_of(error)
        if isinstance(trouble, DatabaseAway):
            raise  # nothing can be written now; the lease ends by itself, no page is to blame
        if isinstance(trouble, DiskFull):
            _wait_for_room(lease, error)
        else:
            log.exception("page_raised page=%s", lease.page_id)
            leases.count_child_death(lease, code="internal_error")


def _wait_for_room(lease: Lease, error: Exception) -> None:
    log.error("disk_full detail=%s", error)
    leases.release(lease, detail=str(error), later=True)


def _count_death(lease: Lease, error: EngineError, reader: Reader) -> None:
    log.warning("page_died page=%s code=%s detail=%s", lease.page_id, error.code, error)
    # The decoder's memory is not the engine's: only the latter's peak says something here.
    peak = None if isinstance(error, DecoderFailed) else reader.peak_memory
    ending = Ending(str(error), peak, error.exit_status)
    leases.count_child_death(lease, code=error.code, ending=ending)


def _stop(lease: Lease) -> None:
    if leases.is_cancelled(lease):
        leases.cancel_page(lease)
    else:
        leases.release(lease, detail="stopped")


def _pixel_cap(page: Page) -> int:
    cap = settings.OCR_PROFILE.max_page_pixels
    return rungs.pixels_on(page.rung, width=page.width, height=page.height, pixel_cap=cap)


def _decode(page: Page, folder: Path, should_stop: Callable[[], bool]) -> WorkingImage:
    document = page.document
    with files.as_local_path(document.original_name) as path:
        return decode_page(
            path,
            document.kind,
            page.index,
            out_dir=folder,
            pixel_cap=_pixel_cap(page),
            limits=decode_limits(),
            should_stop=should_stop,
        )


def _store(lease: Lease, page: Page, reading: Reading) -> None:
    """Files first, then one transaction behind the fence; a lost lease leaves nothing behind."""
    result, view = reading.result, reading.image.view
    assert view is not None, "a page on a screen needs one"
    size = view.stat().st_size
    view_name = files.keep(view, "views", view.suffix)
    old_name, old_size = page.view_name, page.view_bytes
    with transaction.atomic():
        kept = leases.settle(
            lease,
            state=PageState.DONE,
            outcome=Outcome.DONE,
            width=result.width,
            height=result.height,
            receipt=_receipt(lease, page, reading),
            notes=_notes(lease, page, result),
            view_name=view_name,
            view_bytes=size,
            view_sha256=files.digest(view)[0],
            confidence=_mean_confidence(result),
            seconds=reading.seconds,
            error_code="",
            error_params={},
            ending=Ending(peak_memory=reading.peak_memory),
        )
        if kept:
            _replace_lines(page, result)
            quotas.change_view_storage(
                owner=page.document.owner, by_bytes=size - old_size, page_id=page.pk
            )
    files.discard([old_name if kept else view_name])
    if not kept:
        log.warning("result_discarded page=%s attempt=%d", lease.page_id, lease.attempt)


def _receipt(lease: Lease, page: Page, reading: Reading) -> dict[str, Any]:
    """The engine's, and what only we know: which try it was, and how far down the ladder."""
    tried = {"attempts": lease.attempt, "rung": page.rung, "seconds": reading.stages}
    return asdict(reading.result.receipt) | tried


def _notes(lease: Lease, page: Page, result: PageResult) -> list[str]:
    """What a reader of the text must know: codes, worded in documents/notes.py."""
    lighter = lease.bundle != page.document.job.bundle
    return [*result.receipt.notes, *(["lighter_bundle"] if lighter else [])]


def _mean_confidence(result: PageResult) -> float | None:
    """Weighted by characters: a long line counts for more than a page number."""
    characters = sum(len(line.text) for line in result.lines)
    if not characters:
        return None
    return sum(line.confidence * len(line.text) for line in result.lines) / characters


def _replace_lines(page: Page, result: PageResult) -> None:
    page.lines.all().delete()
    lines = Line.objects.bulk_create(
        Line(
            page=page,
            order=order,
            polygon=[[round(x, 1), round(y, 1)] for x, y in line.polygon],
            confidence=round(line.confidence, 4),
            machine_text=line.text,
            text=line.text,
        )
        for order, line in enumerate(result.lines)
    )
    LineRevision.objects.bulk_create(
        LineRevision(line=line, number=0, text=line.text, source=RevisionSource.MACHINE)
        for line in lines
    )
