"""What the supervisor runs: the web server and the workers, and how each is seen to be frozen."""

from __future__ import annotations

import http.client
import logging
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus

from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone
from django_q.models import OrmQ

from documents.address import Address
from documents.services import healing
from documents.supervisor import Part

log = logging.getLogger(__name__)

WEB_GRACE_SECONDS = 10.0
WORKERS_GRACE_SECONDS = 5.0
WEB_SILENCE_SECONDS = 120.0
"""Long: four slow uploads can keep every thread of a small installation busy for a while."""
WEB_LOOK_SECONDS = 20.0
NO_ANSWER = 0


def web_part(address: Address) -> Part:
    workers = 1 if settings.OCR_PROFILE.name == "low_memory" else 2
    command = ["gunicorn", "--config=python:ocrsite.gunicorn_config"]
    return Part(
        "web",
        [sys.executable, "-m", *command, f"--bind={address}", f"--workers={workers}"],
        folder=settings.BASE_DIR,
        grace_seconds=WEB_GRACE_SECONDS,
        is_frozen=SilentFor(
            WEB_SILENCE_SECONDS,
            lambda: answer_of(address, "/healthz")[0] == NO_ANSWER,
            every_seconds=WEB_LOOK_SECONDS,
        ),
    )


def workers_part() -> Part:
    return Part(
        "workers",
        [sys.executable, "manage.py", "qcluster"],
        folder=settings.BASE_DIR,
        grace_seconds=WORKERS_GRACE_SECONDS,
        # Two looks in a row: a machine that wakes from sleep finds pages overdue, and is not ill.
        is_frozen=SilentFor(1.0, lambda: patiently(queue_is_stuck) is True),
        after_death=lambda: patiently(hand_back_work),
    )


@dataclass
class SilentFor:
    """True once `is_silent`, asked at most every so often, has been true for that many seconds."""

    seconds: float
    is_silent: Callable[[], bool]
    every_seconds: float = 0.0
    asked_at: float = field(default=-math.inf, init=False)
    since: float | None = field(default=None, init=False)

    def __call__(self) -> bool:
        now = time.monotonic()
        if now - self.asked_at < self.every_seconds:
            return False
        self.asked_at = now
        if not self.is_silent():
            self.since = None
            return False
        if self.since is None:
            self.since = now
        return now - self.since >= self.seconds


def web_is_ready(address: Address) -> bool:
    """True once the first page is served: for a stranger that is where "/" sends people."""
    status, location = answer_of(address, "/")
    if location.startswith("/"):
        status, _ = answer_of(address, location)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("first_page_broken status=%s", status)
    return status != NO_ANSWER


def answer_of(address: Address, path: str) -> tuple[int, str]:
    """Status and Location of an answer; the status is NO_ANSWER when nothing answers."""
    probe = http.client.HTTPConnection(address.reachable_host, address.port, timeout=5)
    try:
        probe.request("GET", path, headers={"Host": "localhost"})
        answer = probe.getresponse()
        return answer.status, answer.headers.get("Location", "")
    except (OSError, http.client.HTTPException):
        return NO_ANSWER, ""
    finally:
        probe.close()


def queue_is_stuck() -> bool:
    """A page is due and nobody takes it. Pages of workers that vanished are made due first, and
    workers are woken for what waits."""
    healing.reap()
    healing.nudge()
    return healing.queue_is_silent()


def hand_back_work() -> None:
    """The cluster is gone: its pages and its doorbells can go to the next one at once."""
    healing.release_leases_of_host()
    # django-q2 took these into the memory of processes that no longer exist, and would deliver
    # them again only after `retry`. A bell that rings twice does no harm.
    OrmQ.objects.filter(lock__gt=timezone.now()).update(lock=timezone.now())
    healing.tick()


def patiently(ask: Callable[[], bool | None]) -> bool | None:
    """The database may be away for a moment; the supervisor outlives that."""
    try:
        return ask()
    except DatabaseError:
        log.exception("database_unavailable")
        return None
    finally:
        connection.close()
