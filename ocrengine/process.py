"""The engine at arm's length: a long-lived child that reads, and the client that may kill it.

Standard library only. One line of JSON asks, one answers. While the child reads, the client looks
at it a few times a second: wall clock, resident memory, and whether the caller still wants the
page. A child is replaced after it was killed, and after a number of pages.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

from ocrengine.decoder.client import WorkingImage
from ocrengine.errors import (
    BundleError,
    Cancelled,
    EngineCrashed,
    EngineError,
    EngineTimeout,
    OutOfMemory,
)
from ocrengine.memory import memory_of, peak_memory_of, usable_cores
from ocrengine.profiles import EngineProfile
from ocrengine.types import PageResult

POLL_SECONDS = 0.2
START_SECONDS = 60.0
ORDINARY_PIXELS = 10_000_000
"""A page of A4 at 300 dots per inch, and a little."""
DEFAULT_ENGINE = "ocrengine.engine:Engine"
_ROOT = str(Path(__file__).resolve().parent.parent)


_spawners: dict[int, ThreadPoolExecutor] = {}
"""This process's own thread that starts children, by process: a fork leaves it behind."""


def _spawn(command: list[str], **options: Any) -> subprocess.Popen[bytes]:
    """Popen from a thread that lives as long as this process. A child asks to be killed when its
    parent dies, and the kernel takes the thread that started it for its parent."""
    pid = os.getpid()
    if pid not in _spawners:
        _spawners[pid] = ThreadPoolExecutor(1, thread_name_prefix="spawner")
    return _spawners[pid].submit(lambda: subprocess.Popen(command, **options)).result()


class EngineProcess:
    """Reads pages in a child of its own. Not for use by several threads at once."""

    def __init__(
        self, profile: EngineProfile, bundle: str = "accurate", *, engine: str = DEFAULT_ENGINE
    ) -> None:
        """engine   'module:class' that the child builds; only tests name another"""
        self.profile, self.bundle, self._engine = profile, bundle, engine
        self._child: subprocess.Popen[bytes] | None = None
        self._buffer = b""
        self._pages_read = 0
        self._peak = 0

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    @property
    def peak_memory(self) -> int:
        """Highest resident bytes of the current or last child."""
        if self._child:
            self._peak = peak_memory_of(self._child.pid) or self._peak
        return self._peak

    def read_page(
        self,
        image: WorkingImage,
        *,
        detect_only: bool = False,
        tile_side: int | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> PageResult:
        """Read one working image.

        Raises OutOfMemory, EngineTimeout, EngineCrashed, Cancelled, BundleError; after any of
        them the child is gone, and the next call starts another.
        """
        if self._child is None:
            self._start(should_stop)
        order = {
            "path": str(image.path),
            "source_size": [image.source_width, image.source_height],
            "notes": list(image.notes),
            "detect_only": detect_only,
            "tile_side": tile_side,
        }
        self._send(order)
        answer = self._receive(self._seconds_for(image), should_stop)
        self._pages_read += 1
        if "error" in answer:
            self._raise(answer)
        result = PageResult.from_dict(answer["result"])
        if self._pages_read >= self.profile.recycle_pages:
            self.close()
        return result

    def _seconds_for(self, image: WorkingImage) -> float:
        """The profile's limit is for an ordinary page; a larger one may take longer in step."""
        return self.profile.page_seconds * max(1.0, image.width * image.height / ORDINARY_PIXELS)

    def close(self) -> None:
        """End the child; harmless when there is none."""
        if self._child is None:
            return
        self._peak = self.peak_memory
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child.pid, signal.SIGKILL)
        self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe:
                with contextlib.suppress(OSError):
                    pipe.close()
        self._child, self._buffer, self._pages_read = None, b"", 0

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

    def _start(self, should_stop: Callable[[], bool] | None) -> None:
        order = {"profile": asdict(self.profile), "bundle": self.bundle, "engine": self._engine}
        code = (
            "import sys; sys.path.insert(0, sys.argv[1]); from ocrengine.child import main; main()"
        )
        self._child = _spawn(
            [sys.executable, "-I", "-c", code, _ROOT, json.dumps(order), str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=child_environment(self.profile),
            cwd="/",
            close_fds=True,
            start_new_session=True,
        )
        answer = self._receive(START_SECONDS, should_stop)
        if "error" in answer:
            self._raise(answer)

    def _send(self, order: dict[str, Any]) -> None:
        assert self._child is not None
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(json.dumps(order).encode() + b"\n")
            self._child.stdin.flush()
        except OSError:
            self._died()

    def _receive(self, seconds: float, should_stop: Callable[[], bool] | None) -> dict[str, Any]:
        """The child's next line, while watching over it."""
        assert self._child is not None
        assert self._child.stdout is not None
        deadline = time.monotonic() + seconds
        pipe = self._child.stdout.fileno()
        while b"\n" not in self._buffer:
            readable, _, _ = select.select([pipe], [], [], POLL_SECONDS)
            if readable:
                piece = os.read(pipe, 1 << 20)
                if not piece:
                    self._died()
                self._buffer += piece
                continue
            self._watch(deadline, seconds, should_stop)
        line, _, self._buffer = self._buffer.partition(b"\n")
        try:
            answer: dict[str, Any] = json.loads(line)
        except ValueError:
            self.close()
            raise EngineCrashed("the engine child answered nonsense") from None
        return answer

    def _watch(
        self, deadline: float, seconds: float, should_stop: Callable[[], bool] | None
    ) -> None:
        assert self._child is not None
        if time.monotonic() > deadline:
            self.close()
            raise EngineTimeout(f"over {seconds:.0f} s")
        used = memory_of(self._child.pid)
        if used > self.profile.memory_ceiling:
            self.close()
            raise OutOfMemory(f"{used} bytes resident, {self.profile.memory_ceiling} allowed")
        if should_stop is not None and should_stop():
            self.close()
            raise Cancelled

    def _died(self) -> None:
        """The pipe broke: say how the child ended."""
        assert self._child is not None
        status = self._child.wait()
        self.close()
        if status == -signal.SIGKILL:
            # Nobody else sends SIGKILL to it but the kernel, when memory runs out.
            raise OutOfMemory("killed by the system")
        raise EngineCrashed(f"ended with status {status}")

    def _raise(self, answer: dict[str, Any]) -> None:
        self.close()
        kinds: dict[str, type[EngineError]] = {
            error.code: error for error in (OutOfMemory, BundleError)
        }
        raise kinds.get(answer["error"], EngineCrashed)(answer["detail"])


def child_environment(profile: EngineProfile) -> dict[str, str]:
    """All that the engine child is told: caches capped before the libraries read their values."""
    threads = profile.threads or max(1, usable_cores() // max(1, profile.pages_in_flight))
    return {
        "OMP_NUM_THREADS": str(threads),
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
