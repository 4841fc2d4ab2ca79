"""The engine child's main: build the engine, then answer one line per line until the pipe closes;
several pages at a time, each in a thread of its own.

No Django, no database, nothing of the parent's environment. Library chatter goes to standard
error; the answers' pipe is moved out of its reach first.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import os
import resource
import select
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TextIO

from ocrengine.errors import EngineError
from ocrengine.memory import trim
from ocrengine.profiles import EngineProfile

PR_SET_PDEATHSIG = 1
READY = 0
"""The number of what is said unasked, when the engine is there."""
TRIM_EVERY = 10
IDLE_SECONDS = 10.0
NEXT_DAY = 86_400.0
NO_MEMORY = ("Insufficient memory", "bad_alloc", "bad allocation", "allocate memory")
"""How OpenCV, C++ libraries, ONNX Runtime and torch say it, who raise no MemoryError."""


def main() -> None:
    order, parent = json.loads(sys.argv[2]), int(sys.argv[3])
    answers = _Answers(os.fdopen(os.dup(1), "w", encoding="utf-8"))
    os.dup2(2, 1)
    profile = EngineProfile(**order["profile"])
    _settle_in(profile, parent)
    try:
        engine = _build(order["engine"], profile, order["bundle"])
    except Exception as error:
        answers.give(READY, _failure(error))
        return
    if not _is_on_a_gpu(engine):
        _limit_data(profile.memory_ceiling)
    answers.give(READY, {})
    with ThreadPoolExecutor(profile.slots + 1, thread_name_prefix="page") as pages:
        for line in _orders():
            pages.submit(_read_one, engine, json.loads(line), answers)


class _Answers:
    """The pipe to the parent. Threads take turns; memory is given back every few answers."""

    def __init__(self, pipe: TextIO) -> None:
        self._pipe, self._lock, self._count = pipe, threading.Lock(), 0

    def give(self, number: int, answer: dict[str, Any]) -> None:
        line = json.dumps({**answer, "number": number}) + "\n"
        with self._lock:
            self._pipe.write(line)
            self._pipe.flush()
            self._count += 1
            if self._count % TRIM_EVERY == 0:
                trim()


def _orders() -> Iterator[bytes]:
    """One line at a time; freed memory goes back when none has come for a while."""
    heard, patience = b"", IDLE_SECONDS
    while True:
        if not select.select([0], [], [], patience)[0]:
            trim()
            patience = NEXT_DAY
            continue
        patience = IDLE_SECONDS
        piece = os.read(0, 1 << 16)
        if not piece:
            return
        *lines, heard = (heard + piece).split(b"\n")
        yield from lines


def _read_one(engine: Any, order: dict[str, Any], answers: _Answers) -> None:
    answers.give(order["number"], _read(engine, order))


def _settle_in(profile: EngineProfile, parent: int) -> None:
    """Die with the parent, step back for others, and be the one the kernel picks."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)  # it died before the line above
    os.nice(profile.niceness)
    # Linux may share the processor between sessions first, and then only a session's figure counts.
    with contextlib.suppress(OSError), open("/proc/self/autogroup", "w") as file:
        file.write(str(profile.niceness))
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("500")


def _is_on_a_gpu(engine: Any) -> bool:
    """A driver maps far more than it uses."""
    device = getattr(engine, "device", None)
    return device is not None and device.name != "cpu"


def _limit_data(ceiling: int) -> None:
    """Let no page take, in one leap, more than a child may hold: who looks at it from outside does
    so five times a second, and then it may be the kernel that has chosen. Beyond this a library is
    refused memory, and says so."""
    with open("/proc/self/status") as status:
        now = next(int(line.split()[1]) for line in status if line.startswith("VmData")) * 1024
    limit = min(now + ceiling, sys.maxsize)  # a benchmark's ceiling may be none at all
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _build(name: str, profile: EngineProfile, bundle: str) -> Any:
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)(profile, bundle)


def _read(engine: Any, order: dict[str, Any]) -> dict[str, Any]:
    import numpy as np  # noqa: PLC0415  after the environment's caps are in force

    try:
        image = np.load(order["path"], mmap_mode="r")
        result = engine.read(
            image,
            source_size=tuple(order["source_size"]),
            notes=tuple(order["notes"]),
            detect_only=order["detect_only"],
            tile_side=order["tile_side"],
        )
    except Exception as error:
        return _failure(error)
    return {"result": result.to_dict()}


def _failure(error: Exception) -> dict[str, Any]:
    if isinstance(error, EngineError):
        return {"error": error.code, "detail": str(error)}
    text = f"{type(error).__name__}: {error}"[:300]
    is_memory = isinstance(error, MemoryError) or any(word in text for word in NO_MEMORY)
    return {"error": "out_of_memory" if is_memory else "engine_crashed", "detail": text}
