"""One engine child's life: started, asked, watched over, ended.

Standard library only. One line of JSON asks, one answers, and a number says which. While pages are
being read, a thread looks at the child a few times a second: wall clock, resident memory, and
whether the callers still want their pages.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from ocrengine.errors import (
    BundleError,
    Cancelled,
    EngineCrashed,
    EngineError,
    EngineTimeout,
    OutOfMemory,
)
from ocrengine.memory import memory_of, peak_memory_of
from ocrengine.spawning import spawn

POLL_SECONDS = 0.2
READY = 0
"""The number of what a child says first, unasked."""
Answer = dict[str, Any]
ShouldStop = Callable[[], bool]


class DiedWithOthers(Exception):
    """The child ended with several pages in hand, and this one need not have been the cause."""


@dataclass
class _Waiting:
    """One who asked."""

    answer: Future[Answer]
    seconds: float
    deadline: float
    should_stop: ShouldStop | None


class RunningChild:
    """A child process that answers. Several threads may ask at the same time."""

    def __init__(self, command: Sequence[str], env: dict[str, str], memory_ceiling: int) -> None:
        """memory_ceiling   anonymous resident bytes at which it is killed"""
        self._ceiling = memory_ceiling
        self._process = spawn(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=env,
            cwd="/",
            close_fds=True,
            start_new_session=True,
        )
        self.pid = self._process.pid
        self.ended = False
        self.peak = 0
        """Highest resident bytes, known when it has ended."""
        self._waiting: dict[int, _Waiting] = {}
        self._number = READY
        self._heard = b""
        self._changed = threading.Condition()
        self._listener = threading.Thread(target=self._listen, daemon=True, name="engine-listener")
        self._listener.start()

    def hear_first(self, seconds: float, should_stop: ShouldStop | None) -> Answer:
        """What it says by itself when it is ready, or why it cannot be."""
        return self._expect(READY, seconds, should_stop).result()

    def ask(self, order: Answer, seconds: float, should_stop: ShouldStop | None = None) -> Answer:
        """The answer to one order. Pages that were asked for before may be in front: their time
        is granted too.

        Raises EngineTimeout, OutOfMemory, EngineCrashed, Cancelled, DiedWithOthers: after any of
        them the child has ended.
        """
        with self._changed:
            self._number += 1
            number = self._number
        answer = self._expect(number, seconds, should_stop)
        line = json.dumps({**order, "number": number}).encode() + b"\n"
        with contextlib.suppress(OSError), self._changed:  # the listener says how it ended
            if not self.ended:
                assert self._process.stdin is not None
                self._process.stdin.write(line)
                self._process.stdin.flush()
        return answer.result()

    def end(self) -> None:
        """Kill it, and whatever it started. Who still waits is told."""
        self._end(EngineCrashed("ended while it was reading"), blamed=self._waiting)

    def retire(self) -> None:
        """Kill it after an answer that makes it doubtful. Who still waits is not to blame."""
        self._end(EngineCrashed("retired"), blamed=())

    # --- Listening ------------------------------------------------------------------------------

    def _expect(
        self, number: int, seconds: float, should_stop: ShouldStop | None
    ) -> Future[Answer]:
        answer: Future[Answer] = Future()
        with self._changed:
            granted = seconds + sum(one.seconds for one in self._waiting.values())
            deadline = time.monotonic() + granted
            if self.ended:
                answer.set_exception(EngineCrashed("ended before it was asked"))
            else:
                self._waiting[number] = _Waiting(answer, seconds, deadline, should_stop)
                self._changed.notify_all()
        return answer

    def _listen(self) -> None:
        """Until the child has ended; sleeps while nobody waits. Only this thread closes the pipes:
        a descriptor closed under another thread's hands may be somebody else's file by then."""
        try:
            while self._somebody_waits():
                self._hear()
                self._watch()
        except Exception as error:
            self._end(EngineCrashed(f"not listened to any more: {error}"), blamed=self._waiting)
        finally:
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe:
                    with contextlib.suppress(OSError):
                        pipe.close()

    def _somebody_waits(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self.ended)
            return not self.ended

    def _hear(self) -> None:
        assert self._process.stdout is not None
        pipe = self._process.stdout.fileno()
        if not select.select([pipe], [], [], POLL_SECONDS)[0]:
            return
        piece = os.read(pipe, 1 << 20)
        if not piece:
            self._died()
        *lines, self._heard = (self._heard + piece).split(b"\n")
        for line in lines:
            self._deliver(line)

    def _deliver(self, line: bytes) -> None:
        try:
            answer: Answer = json.loads(line)
            number = answer.pop("number")
        except (ValueError, KeyError, AttributeError):
            self._end(EngineCrashed("the engine child answered nonsense"), blamed=None)
            return
        with self._changed:
            waiting = self._waiting.pop(number, None)
        if waiting:
            waiting.answer.set_result(answer)

    def _watch(self) -> None:
        now = time.monotonic()
        for number, one in list(self._waiting.items()):
            if now > one.deadline:
                self._end(EngineTimeout(f"over {one.seconds:.0f} s"), blamed=(number,))
            elif one.should_stop is not None and one.should_stop():
                self._end(Cancelled(), blamed=(number,))
        used = memory_of(self.pid)
        if used > self._ceiling:
            error = OutOfMemory(f"{used} bytes resident, {self._ceiling} allowed")
            self._end(error, blamed=None)

    def _died(self) -> None:
        """The pipe broke: say how the child ended."""
        status = self._process.wait()
        if status == -signal.SIGKILL:
            # Nobody else sends SIGKILL to it but the kernel, when memory runs out.
            self._end(OutOfMemory("killed by the system"), blamed=None)
        else:
            self._end(EngineCrashed(f"ended with status {status}"), blamed=None)

    def _end(self, error: EngineError, blamed: Collection[int] | None) -> None:
        """blamed   the orders for whose sake it ends; None: the one that was alone with it, if one
        was. The others may be asked for again."""
        with self._changed:
            if self.ended:
                return
            self.ended = True
            self.peak = peak_memory_of(self.pid)
            error.exit_status = self._kill()
            waiting, self._waiting = self._waiting, {}
            self._changed.notify_all()
        if blamed is None:
            blamed = waiting if len(waiting) == 1 else ()
        for number, one in waiting.items():
            one.answer.set_exception(error if number in blamed else DiedWithOthers())

    def _kill(self) -> int:
        """How it ended."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        return self._process.wait()


def raise_for(answer: Answer) -> None:
    """Raise what the child says went wrong; nothing when it does not say so."""
    if "error" in answer:
        kinds: dict[str, type[EngineError]] = {
            error.code: error for error in (OutOfMemory, BundleError)
        }
        raise kinds.get(answer["error"], EngineCrashed)(answer["detail"])
