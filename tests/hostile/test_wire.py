"""H144 to H156: bodies that no client library sends, over a socket to the web server that ships."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.product import ROOT, free_port

START_SECONDS = 60
ANSWER_SECONDS = 20
KIND = b"Content-Type: multipart/form-data; boundary=b"
PART = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
END = b"\r\n--b--\r\n"


@dataclass
class Web:
    address: tuple[str, int]
    token: str
    process: subprocess.Popen[bytes]
    data_dir: Path

    def resident(self) -> int:
        """Bytes of the largest of its processes."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        sizes = [Path(f"/proc/{pid}/statm").read_text().split()[1] for pid in children.split()]
        return max(int(size) for size in sizes) * 4096

    def post(self, *lines: bytes, body: bytes = b"", kind: bytes = KIND) -> socket.socket:
        """A connection on which that much of a request was sent."""
        line = socket.create_connection(self.address, ANSWER_SECONDS)
        who = b"Authorization: Bearer " + self.token.encode()
        head = [b"POST /api/v1/documents/ HTTP/1.1", b"Host: localhost", who, kind, *lines]
        with contextlib.suppress(ConnectionError):  # it may answer before it has heard everything
            line.sendall(b"\r\n".join(head) + b"\r\n\r\n" + body)
        return line

    def status(self, line: socket.socket) -> int:
        """Of the answer; 0 where the connection was ended without one."""
        with line:
            try:
                first = line.recv(64)
            except ConnectionError:
                return 0
        return int(first.split()[1]) if first.startswith(b"HTTP/") else 0


@pytest.fixture(scope="module")
def web(tmp_path_factory) -> Iterator[Web]:
    """gunicorn with an installation of its own; no workers."""
    data_dir, port = tmp_path_factory.mktemp("wire"), free_port()
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("OCR_", "DATABASE_"))}
    environment |= {"OCR_DATA_DIR": str(data_dir), "OCR_ADDRESS": f"127.0.0.1:{port}"}
    environment["DJANGO_SETTINGS_MODULE"] = "ocrsite.settings"
    ran = [
        subprocess.run([sys.executable, *command], cwd=ROOT, env=environment, check=True,
                       capture_output=True)
        for command in (["manage.py", "migrate", "-v", "0"], ["-m", "tests.scale.seed", "1"])
    ]  # fmt: skip
    token = json.loads(ran[1].stdout)[0]["token"]
    command = ["gunicorn", "--config=python:ocrsite.gunicorn_config", "--workers=1"]
    process = subprocess.Popen(
        [sys.executable, "-m", *command, f"--bind=127.0.0.1:{port}"], cwd=ROOT, env=environment
    )
    found = Web(("127.0.0.1", port), token, process, data_dir)
    try:
        wait_for(found)
        yield found
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(START_SECONDS)


def wait_for(web: Web) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            if web.status(web.post(b"Content-Length: 0")):
                return
        os.sched_yield()
    raise RuntimeError("gunicorn did not start")


def test_a_body_of_no_length_is_no_body(web):
    assert web.status(web.post()) == 400


def test_a_body_shorter_than_it_says_is_refused_or_waited_for_and_leaves_nothing(web):
    line = web.post(b"Content-Length: 5000", body=PART + b"x" * 100)
    line.shutdown(socket.SHUT_WR)
    assert web.status(line) in (0, 400)
    assert left(web) == []


def test_what_follows_a_body_is_not_part_of_it(web):
    body = PART + b"no picture" + END
    line = web.post(b"Content-Length: %d" % len(body), body=body + b"garbage\r\n\r\n" * 10)
    assert web.status(line) == 422


def test_a_body_that_ends_inside_its_file_is_refused_and_leaves_nothing(web):
    body = PART + b"\x89PNG\r\n\x1a\n" + b"x" * 100_000
    assert web.status(web.post(b"Content-Length: %d" % len(body), body=body)) == 400
    assert left(web) == []


@pytest.mark.parametrize("kind", [b"multipart/form-data", b"multipart/form-data; boundary="])
def test_a_form_without_its_boundary_is_refused(web, kind):
    body = PART + b"x" + END
    line = web.post(b"Content-Length: %d" % len(body), body=body, kind=b"Content-Type: " + kind)
    assert web.status(line) == 400


def test_a_body_in_chunks_that_never_end_is_cut_off_with_its_connection(web):
    line = web.post(b"Transfer-Encoding: chunked", body=b"64\r\n" + PART.ljust(100, b"x") + b"\r\n")
    with contextlib.suppress(OSError):  # it may have heard enough
        for _ in range(100):
            line.sendall(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
        line.shutdown(socket.SHUT_WR)
    assert web.status(line) in (0, 400, 413, 422)
    assert left(web) == []


@pytest.mark.parametrize(
    "lines",
    [
        (b"Content-Length: 5", b"Content-Length: 6"),
        (b"Content-Length: -1",),
        (b"Content-Length: 1e9",),
        (b"Content-Length: 5", b"Transfer-Encoding: chunked"),
        (b"Transfer-Encoding: gzip, chunked, identity",),
        (b"X-Long: " + b"x" * 20_000,),
        tuple(b"X-%d: x" % n for n in range(200)),
        (b"Content-Length: 99999999999999999999",),
    ],
    ids=lambda lines: lines[0][:30].decode(),
)
def test_a_head_that_contradicts_itself_is_refused(web, lines):
    assert web.status(web.post(*lines, body=b"hello")) in (0, 400, 413, 431, 501)


def test_slow_senders_cost_no_memory_and_one_thread_each(web):
    """A thread is left for others here. Whoever lets the world in sets a proxy before it, which
    waits for whole requests (docs/deploy.md): four senders would have all threads of a process."""
    before = web.resident()
    slow = []
    for _ in range(3):
        line = socket.create_connection(web.address, ANSWER_SECONDS)
        line.sendall(b"POST /api/v1/documents/ HTTP/1.1\r\nHost: local")
        slow.append(line)
    assert [web.status(web.post(b"Content-Length: 0")) for _ in range(10)] == [400] * 10
    assert web.resident() - before < 20 * 1024 * 1024
    for line in slow:
        line.close()


def left(web: Web) -> list[Path]:
    """Files of uploads that are over; a thread may be about to remove the last."""
    end = time.monotonic() + ANSWER_SECONDS
    while True:
        found = [
            path for path in web.data_dir.rglob("*") if "incoming" in path.parts and path.is_file()
        ]
        if not found or time.monotonic() > end:
            return found
        os.sched_yield()
