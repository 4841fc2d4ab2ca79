"""Starts parts, watches over them, and leaves no process behind.

A part is one program in a session of its own, so that a terminal's Ctrl-C reaches only us and we
decide who is told what. A part is judged by what it achieves, not only by being alive, and it is
killed with everything it started: django-q2 leaves orphans, and gunicorn's workers have children.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from documents.lifelines import adopt_orphans, descendants, lifeline_to_me, reap_orphans

log = logging.getLogger(__name__)

LOOK_SECONDS = 3.0
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 5.0
"""A start takes two seconds of a processor: one in seven for a part that cannot stay up."""
STEADY_SECONDS = 60.0
"""After so long without trouble a part's next death counts as its first."""
KILL_SECONDS = 10.0


@dataclass
class Part:
    """One program under supervision."""

    name: str
    command: list[str]
    folder: Path
    grace_seconds: float
    """Between SIGTERM and SIGKILL."""
    is_frozen: Callable[[], bool] = lambda: False
    """Asked every few seconds while the part runs: does it still do its work?"""
    warm_up_seconds: float = 15.0
    """A part that was just started is not called frozen; every death in a row adds as much again,
    so that a slow machine gets there."""
    after_death: Callable[[], object] = lambda: None
    """Called once all its processes are gone, before it is started again."""

    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    deaths: int = 0
    start_at: float | None = None
    """When it is to be started; None while it runs."""

    def start(self) -> None:
        self.start_at = None
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(
            self.command,
            stdin=subprocess.DEVNULL,
            cwd=self.folder,
            start_new_session=True,
            preexec_fn=lifeline_to_me(),  # noqa: PLW1509  there are no threads here
        )

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def seconds_running(self) -> float:
        return time.monotonic() - self.started_at

    @property
    def is_warm(self) -> bool:
        return self.seconds_running > self.warm_up_seconds * (1 + self.deaths)

    def ask_to_stop(self) -> None:
        """Only the main process is told: SIGTERM to django-q2's whole group hangs it."""
        if self.process is not None:
            self.process.terminate()


def handle_stop_signals(handler: Callable[[int, FrameType | None], None]) -> None:
    """Ctrl-C counts even where a shell started us in the background, and so ignores it for us."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            signal.signal(number, handler)


class StopSignals:
    """Counts requests to stop; they, and a child's death, end `wait` at once."""

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> StopSignals:
        self._reader, self._writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._before = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        handle_stop_signals(self._on_signal)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        return self

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(self._before)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.close(self._reader)
        os.close(self._writer)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.count += 1

    def wait(self, seconds: float) -> None:
        select.select([self._reader], [], [], seconds)
        with suppress(BlockingIOError):
            os.read(self._reader, 4096)


class Supervisor:
    """Runs its parts until it is told to stop; then nothing of them is left."""

    def __init__(self, parts: list[Part]) -> None:
        self.parts = parts
        self._next_look = 0.0

    def run(self, *, is_ready: Callable[[], bool], announce: Callable[[], None]) -> None:
        """is_ready   asked again and again about the first part, while it runs
        announce   called once, when every part has been started

        Raises SystemExit when the first part ends before it is ready.
        """
        adopt_orphans()
        with StopSignals() as signals:
            try:
                self._start(signals, is_ready)
                if not signals.count:
                    announce()
                while not signals.count:
                    self._look_after_parts()
                    signals.wait(self._seconds_to_next_event())
            finally:
                self._stop(signals)

    def _start(self, signals: StopSignals, is_ready: Callable[[], bool]) -> None:
        """The others only when the first is ready: it need not share the processor with them."""
        first, *others = self.parts
        first.start()
        while not signals.count and not is_ready():
            if not first.is_running:
                raise SystemExit(f"The {first.name} part did not start; the lines above say why.")
            signals.wait(0.1)
        for part in [] if signals.count else others:
            part.start()

    # --- Watching -------------------------------------------------------------------------------

    def _look_after_parts(self) -> None:
        time_to_look = time.monotonic() >= self._next_look
        for part in self.parts:
            if part.start_at is not None:
                if time.monotonic() >= part.start_at:
                    part.start()
            elif not part.is_running:
                self._restart(part, "it ended")
            elif time_to_look and part.is_frozen() and part.is_warm:
                self._restart(part, "it does no work")
        if time_to_look:
            reap_orphans(except_for=self._main_pids())
            self._next_look = time.monotonic() + LOOK_SECONDS

    def _restart(self, part: Part, why: str) -> None:
        """Kill what is left of it, tidy up after it, start it again after a pause."""
        self._kill(part)
        part.after_death()
        part.deaths = 1 if part.seconds_running > STEADY_SECONDS else part.deaths + 1
        pause = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** (part.deaths - 1))
        part.start_at = time.monotonic() + pause
        log.warning("part_restarts name=%s why=%r pause=%.1f", part.name, why, pause)

    def _seconds_to_next_event(self) -> float:
        moments = [part.start_at for part in self.parts if part.start_at is not None]
        return max(0.0, min([*moments, self._next_look]) - time.monotonic())

    # --- Ending ---------------------------------------------------------------------------------

    def _stop(self, signals: StopSignals) -> None:
        """Ask each part in the way it understands, then kill whatever there still is."""
        for part in self.parts:
            part.ask_to_stop()
        asked_at = time.monotonic()
        while signals.count < 2 and any(part.is_running for part in self.parts):
            for part in self.parts:
                if part.is_running and time.monotonic() - asked_at > part.grace_seconds:
                    self._kill(part)
            signals.wait(0.1)
        for part in self.parts:
            self._kill(part)
        for part in self.parts:
            part.after_death()

    def _kill(self, part: Part) -> None:
        """SIGKILL to all that is not another running part's, until nothing is left of it.

        Orphans are among them: they are ours by adoption, and nobody else will end them.
        """
        give_up_at = time.monotonic() + KILL_SECONDS
        while victims := self._family_and_orphans(part):
            for pid in victims:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            if time.monotonic() > give_up_at:
                log.error("part_unkillable name=%s pids=%s", part.name, sorted(victims))
                break
            time.sleep(0.02)
        if part.process is not None:
            with suppress(ProcessLookupError, PermissionError):  # where there is no /proc
                os.killpg(part.process.pid, signal.SIGKILL)
            with suppress(subprocess.TimeoutExpired):
                part.process.wait(timeout=KILL_SECONDS)
        reap_orphans(except_for=self._main_pids())

    def _family_and_orphans(self, part: Part) -> set[int]:
        victims = descendants(os.getpid())
        for other in self.parts:
            if other is not part and other.process is not None and other.is_running:
                victims -= {other.process.pid, *descendants(other.process.pid)}
        return victims

    def _main_pids(self) -> set[int]:
        return {part.process.pid for part in self.parts if part.process is not None}
