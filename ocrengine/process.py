"""The engine at arm's length: a long-lived child that reads, and the client that may kill it.

Standard library only. A child reads several pages side by side, so that their lines are read
together; when it ends over them, each is read again alone, and only a page that ends a child by
itself is blamed. A child is replaced after that, and after a number of pages.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import TracebackType

from ocrengine.decoder.client import WorkingImage
from ocrengine.memory import peak_memory_of, threads_per_page
from ocrengine.profiles import EngineProfile
from ocrengine.running_child import Answer, DiedWithOthers, RunningChild, raise_for
from ocrengine.types import PageResult

START_SECONDS = 60.0
ORDINARY_PIXELS = 10_000_000
"""A page of A4 at 300 dots per inch, and a little."""
DEFAULT_ENGINE = "ocrengine.engine:Engine"
_ROOT = str(Path(__file__).resolve().parent.parent)


class EngineProcess:
    """Reads pages in a child of its own; up to `pages` of them are asked for at the same time, by
    threads of the caller's."""

    def __init__(
        self, profile: EngineProfile, bundle: str = "accurate", *, engine: str = DEFAULT_ENGINE
    ) -> None:
        """engine   'module:class' that the child builds; only tests name another"""
        self.profile, self.bundle, self._engine = profile, bundle, engine
        self.pages = profile.slots + 1
        """Pages it takes at the same time: one more than compute, to have the next one's lines."""
        self._child: RunningChild | None = None
        self._pages_read = 0
        self._peak = 0
        self._places = _Places(self.pages)

    @property
    def pid(self) -> int | None:
        child = self._child
        return None if child is None or child.ended else child.pid

    @property
    def peak_memory(self) -> int:
        """Highest resident bytes of the current or last child."""
        child = self._child
        if child is not None:
            self._peak = (child.peak if child.ended else peak_memory_of(child.pid)) or self._peak
        return self._peak

    def read_page(
        self,
        image: WorkingImage,
        *,
        detect_only: bool = False,
        tile_side: int | None = None,
        alone: bool = False,
        should_stop: Callable[[], bool] | None = None,
    ) -> PageResult:
        """Read one working image.

        alone   with no other page beside it: one that ended a child before may do it again, and
                the others would have to be read once more

        Raises OutOfMemory, EngineTimeout, EngineCrashed, Cancelled, BundleError; after any of
        them the child is gone, and the next call starts another.
        """
        order = {
            "path": str(image.path),
            "source_size": [image.source_width, image.source_height],
            "notes": list(image.notes),
            "detect_only": detect_only,
            "tile_side": tile_side,
        }
        seconds = self._seconds_for(image)
        try:
            alone = alone or self._pages_read >= self.profile.recycle_pages
            with self._places.one(alone=alone):
                return self._read(order, seconds, should_stop)
        except DiedWithOthers:
            with self._places.one(alone=True):
                return self._read(order, seconds, should_stop)

    def _read(
        self, order: Answer, seconds: float, should_stop: Callable[[], bool] | None
    ) -> PageResult:
        child = self._living_child(should_stop)
        answer = child.ask(order, seconds, should_stop)
        self._pages_read += 1
        if "error" in answer:
            child.retire()
        raise_for(answer)
        return PageResult.from_dict(answer["result"])

    def _seconds_for(self, image: WorkingImage) -> float:
        """The profile's limit is for an ordinary page; a larger one may take longer in step."""
        return self.profile.page_seconds * max(1.0, image.width * image.height / ORDINARY_PIXELS)

    def close(self) -> None:
        """End the child; harmless when there is none."""
        if self._child is not None:
            self._child.end()
            self._peak = self.peak_memory
        self._child, self._pages_read = None, 0

    def __enter__(self) -> EngineProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # --- The child ------------------------------------------------------------------------------

    def _living_child(self, should_stop: Callable[[], bool] | None) -> RunningChild:
        """The child; another one when it has ended, or has read its pages and has no other."""
        with self._places.starting:
            if self._places.is_alone and self._pages_read >= self.profile.recycle_pages:
                self.close()
            if self._child is None or self._child.ended:
                self.close()
                self._child = self._start(should_stop)
            return self._child

    def _start(self, should_stop: Callable[[], bool] | None) -> RunningChild:
        order = {"profile": asdict(self.profile), "bundle": self.bundle, "engine": self._engine}
        code = (
            "import sys; sys.path.insert(0, sys.argv[1]); from ocrengine.child import main; main()"
        )
        child = RunningChild(
            [sys.executable, "-I", "-c", code, _ROOT, json.dumps(order), str(os.getpid())],
            child_environment(self.profile),
            self.profile.memory_ceiling,
        )
        answer = child.hear_first(START_SECONDS, should_stop)
        if "error" in answer:
            child.end()
        raise_for(answer)
        return child


class _Places:
    """Who may be with the child: so many at the same time, or one alone, who goes first."""

    def __init__(self, count: int) -> None:
        self._free = self._count = count
        self._loners = 0
        self._changed = threading.Condition()
        self.is_alone = False
        self.starting = threading.Lock()

    @contextmanager
    def one(self, *, alone: bool) -> Iterator[None]:
        with self._changed:
            self._enter(alone)
        try:
            yield
        finally:
            with self._changed:
                self._free += self._count if self.is_alone else 1
                self.is_alone = False
                self._changed.notify_all()

    def _enter(self, alone: bool) -> None:
        if not alone:
            self._changed.wait_for(lambda: self._free and not self._loners)
            self._free -= 1
            return
        self._loners += 1
        try:
            self._changed.wait_for(lambda: self._free == self._count)
        finally:
            self._loners -= 1
        self._free, self.is_alone = 0, True


def child_environment(profile: EngineProfile) -> dict[str, str]:
    """All that the engine child is told: caches capped before the libraries read their values."""
    return {
        "OMP_NUM_THREADS": str(threads_per_page(profile)),
        # A cache entry per shape is how CPU OCR "leaks" (measured: 280 -> 868 MB in 150 shapes).
        "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "16",
        "LRU_CACHE_CAPACITY": "16",
        # Buffers are used again instead of being mapped, and zeroed, anew for every layer: that was
        # half of a page's processor time. Huge pages where the kernel has them.
        "GLIBC_TUNABLES": (
            "glibc.malloc.hugetlb=1:glibc.malloc.arena_max=2"
            f":glibc.malloc.mmap_threshold={profile.kept_bytes // 8}"
            f":glibc.malloc.trim_threshold={profile.kept_bytes}"
        ),
        "LANG": "C.UTF-8",
    }
