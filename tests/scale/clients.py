"""Clients of a running product: people in a browser and programs, each with one connection.

One process and one thread a client, everything prepared beforehand: on a machine of two cores a
costly client would measure itself. http.client sends a prepared body in one call.
"""

from __future__ import annotations

import http.client
import json
import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

BOUNDARY = "a-boundary-that-no-picture-holds"
SERIAL = b"serial-0000000000000000"
"""After the picture: the same bytes again would be offered the text of the first."""
CSRF = "c" * 32
POLL_SECONDS = 1.0
"""How often the page that watches a job asks (documents/static/documents/js/job.js)."""

Clock = Callable[[], float]


@dataclass
class Times:
    """Seconds that requests of one kind took, from the first byte out to the last byte in."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    wrong: list[str] = field(default_factory=list)
    """Answers that were not what a client of its kind hopes for."""

    def of(self, kind: str) -> dict[str, float]:
        found = sorted(self.seconds[kind])
        if not found:
            return {"requests": 0}
        shares = {"p50_ms": 0.50, "p95_ms": 0.95, "p99_ms": 0.99}
        last = len(found) - 1
        at = {name: round(found[round(share * last)] * 1000, 1) for name, share in shares.items()}
        return {"requests": len(found), **at, "max_ms": round(found[-1] * 1000, 1)}


def multipart(picture: bytes) -> bytes:
    head = (
        f"--{BOUNDARY}\r\n"
        'Content-Disposition: form-data; name="files"; filename="page.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n"
    )
    return head.encode() + picture + SERIAL + f"\r\n--{BOUNDARY}--\r\n".encode()


class Client:
    """One connection that is opened again when the server has closed it, as browsers do."""

    upload_path = ""

    def __init__(self, address: str, body: bytes, times: Times, headers: dict[str, str]) -> None:
        self.connection = http.client.HTTPConnection(address, timeout=60)
        self.body, self.times, self.headers = body, times, headers

    def upload(self) -> dict[str, str]:
        kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        body = self.body.replace(SERIAL, b"serial-" + os.urandom(8).hex().encode(), 1)
        status, answer, _ = self.ask("upload", "POST", self.upload_path, body, kind)
        return json.loads(answer) if status == 202 else {}

    def status(self, job: str, etag: str) -> str:
        """Ask how far a job is; the ETag of the answer."""
        known = {"If-None-Match": etag} if etag else {}
        _, _, answered = self.ask("status", "GET", self.status_path(job), None, known)
        return answered

    def status_path(self, job: str) -> str:
        raise NotImplementedError

    def open_job(self, job: str) -> None:
        """What follows an upload before the first status: nothing, for a program."""

    def ask(
        self, kind: str, method: str, path: str, body: bytes | None, more: dict[str, str]
    ) -> tuple[int, bytes, str]:
        start = time.perf_counter()
        try:
            self.connection.request(method, path, body, self.headers | more)
            answer = self.connection.getresponse()
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            self.connection.close()
            self.connection.request(method, path, body, self.headers | more)
            answer = self.connection.getresponse()
        content = answer.read()
        self.times.seconds[kind].append(time.perf_counter() - start)
        if answer.status not in (200, 202, 304):
            self.times.wrong.append(f"{kind} {answer.status}")
        return answer.status, content, answer.headers.get("ETag", "")


class Person(Client):
    """A browser at the web pages."""

    upload_path = "/upload/"

    def __init__(self, address: str, body: bytes, times: Times, account: dict[str, str]) -> None:
        cookies = f"sessionid={account['session']}; csrftoken={CSRF}"
        headers = {"Cookie": cookies, "X-CSRFToken": CSRF, "Accept": "application/json"}
        super().__init__(address, body, times, headers)

    def status_path(self, job: str) -> str:
        return f"/jobs/{job}/progress/"

    def open_job(self, job: str) -> None:
        self.ask("job page", "GET", f"/jobs/{job}/", None, {"Accept": "text/html"})


class Program(Client):
    """curl, or what others build."""

    upload_path = "/api/v1/documents/"

    def __init__(self, address: str, body: bytes, times: Times, account: dict[str, str]) -> None:
        super().__init__(address, body, times, {"Authorization": f"Bearer {account['token']}"})

    def status_path(self, job: str) -> str:
        return f"/api/v1/jobs/{job}/"


# --- What clients do ---------------------------------------------------------------------------


def work(client: Client, until: float, polls: int, dice: Random) -> None:
    """Upload, open the job, ask for its status once a second, upload the next: with pauses."""
    time.sleep(dice.uniform(0, polls * POLL_SECONDS))
    while time.perf_counter() < until:
        job = client.upload().get("job", "")
        if job:
            client.open_job(job)
        etag = ""
        for _ in range(polls):
            time.sleep(POLL_SECONDS * dice.uniform(0.9, 1.1))
            etag = client.status(job, etag) if job else ""


def hammer(client: Client, until: float) -> None:
    """Upload after upload without a pause, which nobody does."""
    while time.perf_counter() < until:
        client.upload()


def at_once(client: Client, start: threading.Barrier, rounds: int, pause: float) -> None:
    """Everybody uploads at the same moment, some times over."""
    for _ in range(rounds):
        time.sleep(pause)
        start.wait()
        client.upload()


def together(tasks: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=task) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
