"""The whole product for a long time: what it holds at the end that it did not hold at first.

`make soak`. Two products, one after the other: one reads stub pages while clients ask for pages and
statuses, one reads real pages of 200 shapes with its own engine.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from PIL import Image

from ocrengine.profiles import MB
from tests.processes.looks import title_of, wait_until
from tests.reliability import report
from tests.reliability.report import Row, Trial

LOOK_SECONDS = 5.0
WARM_UP_REQUESTS = 100
"""Of each of eight at once, so that every thread of the web server has met the database: each keeps
two files of SQLite open."""
REQUESTS = ("/api/v1/documents/", "/api/v1/jobs/", "/api/v1/account/", "/healthz")
HOW = (
    "Every five seconds the resident memory of all its processes, decoders and\n"
    "short-lived children included, is added up. Growth is the middle of the last fifth\n"
    "less the middle of the second fifth. Open files are those of supervisor, web server\n"
    "and cluster when nothing is to be done."
)
STUB = Trial(
    "Soak: stub pages and requests",
    "make soak",
    "The product as it ships, profile `low_memory`, reads stub pages (20 to 60 ms each)\n"
    "while two programs ask for lists, jobs, the account and the health page without\n"
    f"pause. {HOW}",
)
REAL = Trial(
    "Soak: real pages",
    "make soak",
    "The product as it ships, profile `low_memory`, reads real pages of 200 shapes with\n"
    f"the bundle `accurate`. {HOW}",
)


def main(argv: list[str]) -> None:
    asked = arguments(argv)
    parts = [PARTS[name] for name in asked.parts.split(",")]
    kept = [soaked(trial, run, asked) for trial, run in parts]
    sys.exit(0 if all(kept) else 1)


def soaked(trial: Trial, run: Callable[..., list[Row]], asked: argparse.Namespace) -> bool:
    """Whether every promise was kept."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        rows = run(Path(name) / "product", asked)
    for row in rows:
        print(f"{'met' if row.met else 'NOT MET'}: {row.promise}: {row.measured}", flush=True)
    report.keep(trial, rows, seconds=time.monotonic() - started, docs=asked.docs)
    return all(row.met for row in rows)


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.reliability soak")
    parser.add_argument("--parts", default="stub,real")
    parser.add_argument("--stub-pages", type=int, default=20_000)
    parser.add_argument("--real-pages", type=int, default=2000)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--docs", type=Path, default=report.DOCS)
    return parser.parse_args(argv)


# --- Looking at it -----------------------------------------------------------------------------


@dataclass
class Watch:
    """What a product holds, looked at again and again."""

    root: int
    held: list[int] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def look_again_and_again(self) -> None:
        while not self.over.wait(LOOK_SECONDS):
            self.held.append(anonymous_bytes(self.root))

    def levels(self) -> tuple[int, int]:
        """Bytes in the second fifth and in the last one."""
        fifth = max(1, len(self.held) // 5)
        return int(median(self.held[fifth : 2 * fifth])), int(median(self.held[-fifth:]))


@contextmanager
def watching(root: int) -> Iterator[Watch]:
    watch = Watch(root)
    thread = threading.Thread(target=watch.look_again_and_again)
    thread.start()
    try:
        yield watch
    finally:
        watch.over.set()
        thread.join()


def family(root: int) -> list[int]:
    from documents.lifelines import descendants

    return [root, *descendants(root)]


def anonymous_bytes(root: int) -> int:
    """Resident and shared memory of all processes, files left out; each page once per process."""
    total = 0
    for pid in family(root):
        try:
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        except OSError:
            continue
        figures = dict(line.split(":", 1) for line in lines if ":" in line)
        for name in ("RssAnon", "RssShmem"):
            total += int(figures.get(name, "0 kB").split()[0]) * 1024
    return total


def open_files(root: int) -> int:
    """Of the processes that stay: decoders and engine children come and go."""
    total = 0
    for pid in family(root):
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            if b"ocrengine" not in command and b"forkserver" not in command:
                total += len(list(Path(f"/proc/{pid}/fd").iterdir()))
        except OSError:
            continue
    return total


def left_behind(data_dir: Path) -> int:
    """Files on their way in or out that nobody will come back for."""
    folders = [data_dir / "files" / name for name in ("incoming", "work")]
    return sum(1 for folder in folders if folder.exists() for _ in folder.iterdir())


def rows_of(what: str, watch: Watch, before: int, after: int, data_dir: Path) -> list[Row]:
    start, end = watch.levels()
    grown, left = (end - start) // MB, left_behind(data_dir)
    return [
        Row(f"{what}: memory grows", "under 64 MB",
            f"{grown} MB ({start // MB} to {end // MB} MB, {max(watch.held) // MB} at most)",
            grown < 64),
        Row(f"{what}: open files when idle", "none more", f"{before} before, {after} after",
            after <= before),
        Row(f"{what}: temporary files", "0", str(left), left == 0),
    ]  # fmt: skip


# --- Stub pages and requests -------------------------------------------------------------------


def soak_stub_pages(folder: Path, asked: argparse.Namespace) -> list[Row]:
    from tests.e2e.product import running_product

    folder.mkdir()
    settings = {
        "DJANGO_SETTINGS_MODULE": "tests.reliability.settings",
        "OCR_PROFILE": "low_memory",
        "OCR_API_REQUESTS_PER_MINUTE": "1000000000",
        "OCR_PAGES_PER_MONTH": "1000000",
        "OCR_STORAGE_PER_USER": "20GB",
    }
    with running_product(folder, **settings) as product:
        program = Program(product)
        program.warm_up(stub_files(500, 0))
        before = quiet_open_files(product.process.pid)
        with watching(product.process.pid) as watch:
            askers = [program.asking(asked.requests // 2) for _ in range(2)]
            for start in range(0, asked.stub_pages, 2000):
                program.hand_in(stub_files(min(2000, asked.stub_pages - start), start + 500), start)
                program.wait()
            for asker in askers:
                asker.join()
        after = quiet_open_files(product.process.pid)
        rows = rows_of("stub pages and requests", watch, before, after, product.data_dir)
        done, wrong = program.pages_done(), sum(program.wrong.values())
    rows.append(
        Row("stub pages are read", f"{asked.stub_pages + 500}", str(done),
            done == asked.stub_pages + 500)
    )  # fmt: skip
    rows.append(
        Row("requests are answered", f"{asked.requests}, 0 wrong",
            f"{program.answered}, {wrong} wrong", wrong == 0)
    )  # fmt: skip
    return rows


def stub_files(count: int, first: int) -> Iterator[bytes]:
    """Files of 500 pages at most, no two alike."""
    from tests.reliability.installation import PAGES_PER_FILE, tiff_of

    for start in range(first, first + count, PAGES_PER_FILE):
        pages = range(start, min(start + PAGES_PER_FILE, first + count))
        yield tiff_of([(n // 65536, n // 256 % 256, n % 256) for n in pages])


def quiet_open_files(root: int) -> int:
    """Once the fork servers have gone, which they do when nobody asks for half a minute. The fewest
    of many looks: supervisor and cluster look around every few seconds, with files open meanwhile.
    """
    time.sleep(45)
    looks = []
    for _ in range(100):
        looks.append(open_files(root))
        time.sleep(0.1)
    return min(looks)


def replace_a_worker(root: int) -> None:
    """As each is after some hundred tasks: who comes later also holds the ends of the pipes that
    older siblings were given at their start, and never more than those."""

    def idle() -> set[int]:
        return {pid for pid in family(root) if title_of(pid).endswith("idle")}

    wait_until(idle, 60, "a worker")
    first = idle()
    os.kill(min(first), signal.SIGKILL)
    wait_until(lambda: idle() - first, 60, "another worker")


class Program:
    """Somebody's program with a token: hands in, waits, and asks."""

    def __init__(self, product: Any) -> None:
        from documents.management.under_limit import LET_IN
        from tests.e2e.product import shell

        self._product, self._shell = product, shell
        self._address = urlsplit(product.url).netloc
        self._token = shell(product, LET_IN)
        self.answered = 0
        self.wrong: dict[int, int] = {}
        self._jobs: list[str] = []

    def ask(self, connection: Any, method: str, path: str, body: Any = None, **more: str) -> Any:
        headers = {"Authorization": f"Bearer {self._token}", **more}
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()

    def connection(self) -> Any:
        import http.client

        return http.client.HTTPConnection(self._address, timeout=120)

    def hand_in(self, contents: Iterator[bytes], name: object) -> None:
        for number, content in enumerate(contents):
            self.hand_in_one(f"{name}-{number}", content)

    def hand_in_one(self, name: str, content: bytes) -> None:
        form = (
            b'--frontier\r\nContent-Disposition: form-data; name="files"; filename="%s"\r\n\r\n%s'
            b"\r\n--frontier--\r\n" % (name.encode(), content)
        )
        kind = {"Content-Type": "multipart/form-data; boundary=frontier"}
        status, body = self.ask(self.connection(), "POST", "/api/v1/documents/", form, **kind)
        if status != 202:
            raise RuntimeError(f"{name}: {status} {body[:300]!r}")
        self._jobs.append(json.loads(body)["job"])

    def warm_up(self, contents: Iterator[bytes]) -> None:
        """So that what is opened once is open."""
        replace_a_worker(self._product.process.pid)
        self.hand_in(contents, "warm-up")
        for asker in [self.asking(WARM_UP_REQUESTS) for _ in range(8)]:
            asker.join()
        self.wait()

    def wait(self) -> None:
        """Until everything that was handed in is read."""
        while self._jobs:
            status, body = self.ask(self.connection(), "GET", f"/api/v1/jobs/{self._jobs[0]}/")
            if status == 200 and not json.loads(body)["pages"]["open"]:
                self._jobs.pop(0)
            else:
                time.sleep(1)

    def asking(self, count: int) -> threading.Thread:
        thread = threading.Thread(target=self._ask_often, args=(count,))
        thread.start()
        return thread

    def _ask_often(self, count: int) -> None:
        import http.client

        connection = self.connection()
        for number in range(count):
            path = REQUESTS[number % len(REQUESTS)]
            try:
                status, _ = self.ask(connection, "GET", path)
            except (OSError, http.client.HTTPException):  # closed between two requests
                connection = self.connection()
                status, _ = self.ask(connection, "GET", path)
            self.answered += 1
            if status != 200:
                self.wrong[status] = self.wrong.get(status, 0) + 1

    def pages_done(self) -> int:
        code = "from documents.models import Page; print(Page.objects.filter(state='done').count())"
        return int(self._shell(self._product, code))


# --- Real pages --------------------------------------------------------------------------------


def soak_real_pages(folder: Path, asked: argparse.Namespace) -> list[Row]:
    from tests.e2e.product import running_product

    folder.mkdir()
    settings = {"OCR_PROFILE": "low_memory", "OCR_BUNDLE": "accurate"}
    settings["OCR_API_REQUESTS_PER_MINUTE"] = "1000000000"
    with running_product(folder, **settings) as product:
        program = Program(product)
        program.warm_up(real_files(folder, 5))
        before = quiet_open_files(product.process.pid)
        with watching(product.process.pid) as watch:
            for number, content in enumerate(real_files(folder, asked.real_pages)):
                program.hand_in_one(f"page-{number}.png", content)
                if number % 50 == 49:
                    program.wait()
            program.wait()
        after = quiet_open_files(product.process.pid)
        rows = rows_of("real pages of 200 shapes", watch, before, after, product.data_dir)
        done = program.pages_done()
    wanted = asked.real_pages + 5
    rows.append(Row("real pages are read", str(wanted), str(done), done == wanted))
    return rows


def real_files(folder: Path, count: int) -> Iterator[bytes]:
    """Pages of 200 shapes; a pixel makes each a file of its own."""
    import numpy as np

    from ocrengine.benchmarks.drift import write_shapes

    shapes = write_shapes(folder)
    for number in range(count):
        pixels = np.load(shapes[number % len(shapes)].path)
        pixels[0, 0] = (number // 65536, number // 256 % 256, number % 256 ^ (count & 1))
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
        yield buffer.getvalue()


PARTS = {"stub": (STUB, soak_stub_pages), "real": (REAL, soak_real_pages)}
