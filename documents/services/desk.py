"""The pages that one worker has in hand: some computed, the next one decoded meanwhile.

Decoding and reading run in threads and touch no database; claims, heartbeats and results are the
worker's own thread's.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from contextvars import copy_context
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from django.conf import settings
from django.db import DatabaseError, connection

from documents import correlation, files
from documents.models import Page
from documents.services import leases, recognition
from documents.services.leases import Lease
from documents.services.recognition import Reader, Reading

log = logging.getLogger(__name__)
LOOK_SECONDS = 1.0
"""Between two looks at whether a page is still wanted."""


@dataclass
class _InHand:
    """One page from its claim to its end."""

    lease: Lease
    page: Page
    belongings: ExitStack
    folder: Path
    reader: Reader | None = None
    """Set when it is begun; until then pages of another bundle are being read."""
    reading: Future[Reading] | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    next_beat: float = 0.0

    def is_done(self) -> bool:
        return self.reading is not None and self.reading.done()


class Desk:
    """Take pages, attend to them; leave none behind."""

    def __init__(
        self, worker: str, reader_for: Callable[[str], Reader], threads: Executor | None = None
    ) -> None:
        """reader_for   bundle -> what reads with it, once nothing is read with another
        threads      where pages are read; tests bring their own
        """
        self._worker, self._reader_for = worker, reader_for
        self._threads = threads or ThreadPoolExecutor(
            settings.OCR_PROFILE.slots + 1, thread_name_prefix="page"
        )
        self._in_hand: list[_InHand] = []

    def __len__(self) -> int:
        return len(self._in_hand)

    @property
    def room(self) -> int:
        """Pages that may be taken now: none while one waits for those of another bundle."""
        if not self._in_hand:
            return 1
        reader = self._in_hand[-1].reader
        return 0 if reader is None else max(0, reader.pages - len(self._in_hand))

    def take(self, lease: Lease) -> None:
        """Have a leased page read; one deleted since it was claimed is forgotten."""
        found = Page.objects.select_related("document__owner", "document__job")
        page = found.filter(pk=lease.page_id).first()
        if page is None:
            return  # the lease went with the row
        belongings = ExitStack()
        folder = belongings.enter_context(files.work_folder(lease.token.hex))
        self._in_hand.append(_InHand(lease, page, belongings, folder))
        self._begin()

    def attend(self, seconds: float = LOOK_SECONDS) -> None:
        """Settle what has been read; wait at most that long for something to settle. Keep the
        leases of the rest alive, and stop what nobody wants any more."""
        readings = [one.reading for one in self._in_hand if one.reading]
        wait(readings, timeout=seconds, return_when=FIRST_COMPLETED)
        for one in [one for one in self._in_hand if one.is_done()]:
            self._settle(one)
        for one in self._in_hand:
            self._look_after(one)
        self._begin()

    def finish(self) -> None:
        while self._in_hand:
            self.attend()

    def __enter__(self) -> Desk:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Whatever is still in hand is given back unread: we were stopped, or something broke."""
        for one in self._in_hand:
            one.stop.set()
        self._threads.shutdown()
        if isinstance(error, DatabaseError):
            connection.close()  # the next use opens another
        for one in self._in_hand:
            with contextlib.suppress(DatabaseError):
                leases.release(one.lease, detail="stopped")
            one.belongings.close()
        self._in_hand.clear()

    def _begin(self) -> None:
        """Start what can be: an engine has one bundle at a time."""
        for one in self._in_hand:
            bundles = {other.lease.bundle for other in self._in_hand if other.reader}
            if one.reader is None and bundles <= {one.lease.bundle}:
                one.reader = self._reader_for(one.lease.bundle)
                with correlation.working_on(job=one.page.document.job_id, page=one.page.pk):
                    one.reading = self._threads.submit(
                        copy_context().run,
                        recognition.read_page,
                        one.lease,
                        one.page,
                        one.folder,
                        one.reader,
                        one.stop.is_set,
                    )

    def _settle(self, one: _InHand) -> None:
        assert one.reading is not None
        assert one.reader is not None
        with correlation.working_on(job=one.page.document.job_id, page=one.page.pk):
            recognition.settle(one.lease, one.page, one.reading, one.reader)
        self._in_hand.remove(one)
        one.belongings.close()

    def _look_after(self, one: _InHand) -> None:
        """The lease's pulse: it looks at the database once a second and writes more rarely."""
        if one.stop.is_set():
            return
        wanted = not leases.is_cancelled(one.lease)
        now = time.monotonic()
        if now >= one.next_beat:
            one.next_beat = now + settings.OCR_JOB_LIMITS.heartbeat_seconds
            peak = one.reader.peak_memory if one.reader else 0
            leases.beat(self._worker, page_id=one.lease.page_id, memory_bytes=peak)
            wanted = leases.extend_lease(one.lease) and wanted
        if not wanted:
            one.stop.set()
