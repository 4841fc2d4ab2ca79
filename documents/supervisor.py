"""Starts web and workers, watches over them, and leaves no process behind.

django-q2's cluster can die in ways it does not notice: killed parents leave orphans, a killed
idle worker can freeze the queue while everything looks alive, and SIGTERM to its group hangs it.
So each part runs in a session of its own, is judged by what it achieves, and is killed as a group.
"""

from __future__ import annotations

import http.client
import logging
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection

from documents.lifelines import adopt_orphans, descendants, reap_zombies
from documents.services import jobs

log = logging.getLogger(__name__)

BEAT_SECONDS = 1.0
QUEUE_LOOK_SECONDS = 5.0
WEB_GRACE_SECONDS = 10.0
WORKER_GRACE_SECONDS = 3.0
START_GRACE_SECONDS = 20.0
"""A cluster that has just been started is given this long to make its first claim."""
MAX_BACKOFF_SECONDS = 30.0


@dataclass
class Part:
    """One program under supervision."""

    name: str
    command: list[str]
    grace_seconds: float
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    failures: int = 0
    not_before: float = 0.0

    def start(self) -> None:
        self.process = subprocess.Popen(
            self.command,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **self.environment},
            start_new_session=True,
        )
        self.started_at = time.monotonic()

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """The whole family at once: every group it may have made is found by parentage."""
        if self.process is None:
            return
        for pid in {self.process.pid, *descendants(self.process.pid)}:
            _signal(pid, signal.SIGKILL)
        self.process.wait()


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        pass


def web_part() -> Part:
    workers = 1 if settings.OCR_PROFILE.name == "low_memory" else 2
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "ocrsite.wsgi:application",
        f"--bind={settings.OCR_ADDRESS}",
        f"--workers={workers}",
        "--worker-class=gthread",
        "--threads=4",
        "--timeout=120",
        "--graceful-timeout=8",
        "--max-requests=2000",
        "--max-requests-jitter=200",
        "--limit-request-line=4094",
        "--log-level=warning",
        "--no-control-socket",
    ]
    return Part("web", command, WEB_GRACE_SECONDS)


def worker_part() -> Part:
    manage = str(settings.BASE_DIR / "manage.py")
    return Part("workers", [sys.executable, manage, "qcluster"], WORKER_GRACE_SECONDS)


class Supervisor:
    """Runs until it is told to stop; then nothing of it is left."""

    def __init__(self, parts: list[Part], *, announce: Any = None) -> None:
        self.parts = parts
        self.announce = announce
        self._stop_signals = 0
        self._next_queue_look = 0.0

    def run(self) -> None:
        adopt_orphans()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        try:
            for part in self.parts:
                part.start()
            self._wait_for_web()
            while not self._stop_signals:
                self._look_after_parts()
                self._look_after_queue()
                time.sleep(BEAT_SECONDS)
        finally:
            self._stop_everything()

    def _on_signal(self, number: int, frame: Any) -> None:
        self._stop_signals += 1

    def _wait_for_web(self) -> None:
        """Say the address only once it answers."""
        web = next((part for part in self.parts if part.name == "web"), None)
        while web is not None and not self._stop_signals:
            if answers(settings.OCR_ADDRESS):
                break
            if not web.is_running:
                raise SystemExit(
                    f"The web server did not start on {settings.OCR_ADDRESS}; see above."
                )
            time.sleep(0.1)
        if self.announce and not self._stop_signals:
            self.announce()

    def _look_after_parts(self) -> None:
        now = time.monotonic()
        for part in self.parts:
            if part.is_running:
                if now - part.started_at > 60:
                    part.failures = 0
            elif part.process is not None and not part.not_before:
                self._schedule_restart(part, "ended")
            elif part.not_before and now >= part.not_before:
                part.not_before = 0.0
                part.start()

    def _schedule_restart(self, part: Part, why: str) -> None:
        """Kill what is left of it, hand back what it held, start it again after a pause."""
        part.kill()
        reap_zombies()
        if part.name == "workers":
            _patiently(jobs.reap)
        pause = min(MAX_BACKOFF_SECONDS, 0.5 * 2**part.failures)
        part.failures += 1
        part.not_before = time.monotonic() + pause
        log.warning("part_restarts name=%s why=%s pause=%.1f", part.name, why, pause)

    def _look_after_queue(self) -> None:
        """A cluster is alive when pages are claimed, whatever its processes look like."""
        now = time.monotonic()
        if now < self._next_queue_look:
            return
        self._next_queue_look = now + QUEUE_LOOK_SECONDS
        workers = next((part for part in self.parts if part.name == "workers"), None)
        if workers is None or not workers.is_running:
            return
        if now - workers.started_at < START_GRACE_SECONDS:
            return
        if _patiently(jobs.queue_is_silent):
            self._schedule_restart(workers, "silent")

    def _stop_everything(self) -> None:
        """Ask nicely, each in the way it understands; then kill every descendant there is."""
        for part in self.parts:
            if part.is_running and part.process:
                _signal(part.process.pid, signal.SIGTERM)  # the main process only: see above
        start = time.monotonic()
        while any(part.is_running for part in self.parts) and self._stop_signals < 2:
            waited = time.monotonic() - start
            late = [p for p in self.parts if p.is_running and waited > p.grace_seconds]
            for part in late:
                part.kill()
            time.sleep(0.05)
        while left := descendants(os.getpid()):
            for pid in left:
                _signal(pid, signal.SIGKILL)
            reap_zombies()
            time.sleep(0.02)
        reap_zombies()
        _patiently(jobs.release_leases_of_host)


def _patiently(ask: Any) -> Any:
    """The database may be away for a moment; the supervisor outlives that."""
    try:
        return ask()
    except DatabaseError:
        log.exception("database_unavailable")
        return None
    finally:
        connection.close()


def answers(address: str) -> bool:
    """True when the web server answers on that address."""
    host, _, port = address.rpartition(":")
    host = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "[::]": "::1"}.get(host, host)  # noqa: S104
    probe = http.client.HTTPConnection(host.strip("[]"), int(port), timeout=2)
    try:
        probe.request("GET", "/healthz", headers={"Host": "localhost"})
        return probe.getresponse().status < 500
    except OSError:
        return False
    finally:
        probe.close()
