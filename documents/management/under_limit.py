"""The whole product under a hard memory limit: started, handed pages through its API, looked at.

Web, queue, workers and all their children are inside the limit; who hands in and waits is not.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean
from typing import Any

from documents.lifelines import descendants
from ocrengine.benchmarks.memory_group import MemoryGroup, inside
from ocrengine.benchmarks.mixed import Drawn, share_found

READY_SECONDS = 120
STOP_SECONDS = 30
PATIENCE_SECONDS = 20
"""Times pages: what is not read by then is not waited for."""
FILES_PER_UPLOAD = 5
TICKS = os.sysconf("SC_CLK_TCK")
BOUNDARY = "a-boundary-that-no-picture-holds"

LET_IN = """
from django.contrib.auth.models import User
from documents.models import Scope
from documents.services.tokens import create_token
print(create_token(owner=User.objects.get(), name="benchmark", scope=Scope.WRITE)[1])
"""
TELL_ATTEMPTS = """
import json
from documents.models import Attempt
ended = Attempt.objects.exclude(ended_at=None)
print(json.dumps([
    [str(a.page_id), (a.ended_at - a.started_at).total_seconds(), a.outcome, a.error_code]
    for a in ended
]))
"""


@dataclass(frozen=True)
class Trial:
    """Under which conditions."""

    profile: str
    bundle: str
    limit: int
    """bytes"""
    cores: int


@dataclass
class Outcome:
    """What came of it."""

    pages: int = 0
    done: int = 0
    wall_seconds: float = 0.0
    """From the first upload to the last page's end"""
    cpu_seconds: float = 0.0
    """Of every process of the product, in that time"""
    others_cpu_seconds: float = 0.0
    """Of whatever else ran on this machine, who hands in and waits included"""
    page_seconds: list[float] = field(default_factory=list)
    """Of each page, decoding to storing, all its attempts together"""
    peak: int = 0
    peak_anonymous: int = 0
    peak_idle: int = 0
    """Anonymous bytes before the first upload"""
    kills: int = 0
    deaths: dict[str, int] = field(default_factory=dict)
    """Attempts that ended without a result, by reason"""
    failures: dict[str, int] = field(default_factory=dict)
    """Pages that were not read, by reason"""
    reduced: int = 0
    """Pages read at less than their own size"""
    found: float = 0.0
    """Share of the words on pages that were read, found in their text"""


class NotStarted(Exception):
    """The product did not come up; its log is the message."""


class Product:
    """One that runs in a group, with data of its own, and what a program may ask of it."""

    def __init__(self, base: Path, folder: Path, group: MemoryGroup, trial: Trial) -> None:
        self.base, self.log = base, folder / "log"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._environment = {
            "OCR_DATA_DIR": str(folder / "data"),
            "OCR_ADDRESS": f"127.0.0.1:{self.port}",
            "OCR_PROFILE": trial.profile,
            "OCR_BUNDLE": trial.bundle,
            "OCR_JOBS_PER_USER": "10000",
            "OCR_API_REQUESTS_PER_MINUTE": "100000",
            "PATH": "/usr/local/bin:/usr/bin:/bin",
        }
        command = inside(group, trial.cores, self._manage("up"))
        with self.log.open("w") as out:
            self.process = subprocess.Popen(
                command, cwd=base, stdout=out, stderr=out, start_new_session=True
            )

    def _manage(self, *arguments: str) -> list[str]:
        """Of what the caller's environment holds, nothing counts."""
        settings = [f"{name}={value}" for name, value in self._environment.items()]
        return ["env", "-i", *settings, sys.executable, "manage.py", *arguments]

    def wait_until_ready(self) -> None:
        end = time.monotonic() + READY_SECONDS
        while "running on" not in self.log.read_text():
            if time.monotonic() > end or self.process.poll() is not None:
                raise NotStarted(self.log.read_text())
            time.sleep(0.2)
        self._token = self.shell(LET_IN).strip()

    def shell(self, code: str) -> str:
        """What these lines print, run beside the product and outside its limit."""
        command = self._manage("shell", "-v", "0", "-c", code)
        done = subprocess.run(command, cwd=self.base, check=True, stdout=subprocess.PIPE, text=True)
        return done.stdout

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Status and body of an answer; asks again for a while when there is none."""
        headers = {"Authorization": f"Bearer {self._token}"}
        if body is not None:
            headers["Content-Type"] = f"multipart/form-data; boundary={BOUNDARY}"
        end = time.monotonic() + READY_SECONDS
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=READY_SECONDS)
            try:
                connection.request(method, f"/api/v1/{path}", body, headers)
                answer = connection.getresponse()
                return answer.status, answer.read()
            except (OSError, http.client.HTTPException):
                if time.monotonic() > end:
                    raise
                time.sleep(0.5)
            finally:
                connection.close()

    def get(self, path: str) -> Any:
        status, body = self.ask("GET", path)
        if status != http.HTTPStatus.OK:
            raise NotStarted(f"GET {path}: {status} {body[:200]!r}")
        return json.loads(body)

    @property
    def cpu_seconds(self) -> float:
        """Of all its processes, ended ones included."""
        return sum(map(_cpu_seconds_of, [self.process.pid, *descendants(self.process.pid)]))

    def stop(self) -> None:
        """As Ctrl-C stops it; its processes die with it where that is not enough."""
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _cpu_seconds_of(pid: int) -> float:
    """A process and those children of it that were waited for; 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / TICKS


def _busy_seconds() -> float:
    """What all processors of this machine have worked: proc(5), stat."""
    user, nice, system, _, _, *interrupts = Path("/proc/stat").read_text().split()[1:9]
    return sum(map(int, (user, nice, system, *interrupts))) / TICKS


def run(trial: Trial, drawn: Sequence[Drawn], base: Path, folder: Path) -> Outcome:
    """Raises GroupUnavailable, NotStarted."""
    with MemoryGroup(trial.limit) as group:
        product = Product(base, folder, group, trial)
        try:
            product.wait_until_ready()
            outcome = _read_all(product, drawn, group)
        finally:
            product.stop()
        outcome.peak, outcome.peak_anonymous = group.peak, group.peak_anonymous
        outcome.kills = group.kills
    return outcome


def _read_all(product: Product, drawn: Sequence[Drawn], group: MemoryGroup) -> Outcome:
    outcome = Outcome(pages=sum(len(file.words) for file in drawn), peak_idle=group.peak_anonymous)
    cpu, busy, start = product.cpu_seconds, _busy_seconds(), time.monotonic()
    handed_in, jobs = _hand_in(product, drawn)
    _wait_for(product, jobs, start + PATIENCE_SECONDS * outcome.pages)
    outcome.wall_seconds = time.monotonic() - start
    outcome.cpu_seconds = product.cpu_seconds - cpu
    outcome.others_cpu_seconds = max(0.0, _busy_seconds() - busy - outcome.cpu_seconds)
    _look_at_pages(product, drawn, handed_in, outcome)
    _look_at_attempts(product, outcome)
    return outcome


def _hand_in(product: Product, drawn: Sequence[Drawn]) -> tuple[dict[str, str], list[str]]:
    """File name -> document, and the jobs"""
    documents, jobs = {}, []
    for start in range(0, len(drawn), FILES_PER_UPLOAD):
        files = [file.path for file in drawn[start : start + FILES_PER_UPLOAD]]
        status, body = product.ask("POST", "documents/", form_of(files))
        if status == http.HTTPStatus.ACCEPTED:
            answer = json.loads(body)
            jobs.append(answer["job"])
            documents |= {accepted["name"]: accepted["id"] for accepted in answer["accepted"]}
    return documents, jobs


def form_of(files: Sequence[Path]) -> bytes:
    parts = []
    for path in files:
        parts.append(
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="files";'
            f' filename="{path.name}"\r\nContent-Type: application/octet-stream\r\n\r\n'.encode()
        )
        parts += [path.read_bytes(), b"\r\n"]
    return b"".join([*parts, f"--{BOUNDARY}--\r\n".encode()])


def _wait_for(product: Product, jobs: Sequence[str], end: float) -> None:
    for job in jobs:
        while product.get(f"jobs/{job}/")["pages"]["open"] and time.monotonic() < end:
            time.sleep(1)


def _look_at_pages(
    product: Product, drawn: Sequence[Drawn], documents: dict[str, str], outcome: Outcome
) -> None:
    found: list[float] = []
    failures: Counter[str] = Counter()
    for file in drawn:
        document = documents.get(file.path.name)
        if document is None:
            failures["refused"] += len(file.words)
            continue
        pages = product.get(f"documents/{document}/pages/")["results"]
        for page, words in zip(pages, file.words, strict=True):
            if page["state"] != "done":
                failures[page["problem"]["code"] if page["problem"] else page["state"]] += 1
                continue
            address = f"documents/{document}/pages/{page['number']}/text/"
            found.append(share_found(words, product.ask("GET", address)[1].decode()))
            outcome.reduced += "reduced" in page["notes"]
    outcome.done, outcome.failures = len(found), dict(failures)
    outcome.found = mean(found) if found else 0.0


def _look_at_attempts(product: Product, outcome: Outcome) -> None:
    seconds: Counter[str] = Counter()
    deaths: Counter[str] = Counter()
    for page, took, ended, code in json.loads(product.shell(TELL_ATTEMPTS)):
        seconds[page] += took
        if ended != "done":
            deaths[code or ended] += 1
    outcome.page_seconds = [round(took, 3) for took in seconds.values()]
    outcome.deaths = dict(deaths)
