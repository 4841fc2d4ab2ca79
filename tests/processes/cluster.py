"""What a test may do to a running cluster, and see of it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from documents.lifelines import descendants
from documents.services.leases import process_start_ticks
from tests.own_database import OwnDatabase, own_database
from tests.processes.looks import parent_of, title_of, wait_until

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 30
STOP_SECONDS = 30
TITLES = ("idle", "pusher", "monitor")


@dataclass
class Cluster:
    process: subprocess.Popen[bytes]
    folder: Path
    environment: dict[str, str]
    database: OwnDatabase

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def family(self) -> dict[int, int | None]:
        """Every process below the supervisor, with what tells it from a later one of its number."""
        return {pid: process_start_ticks(pid) for pid in descendants(self.process.pid)}

    def role(self, name: str) -> list[int]:
        """Processes of the cluster: main, sentinel, idle, busy, pusher, monitor."""
        cluster = [pid for pid in self.family() if title_of(pid).startswith("qcluster")]
        if name == "main":
            return [pid for pid in cluster if parent_of(pid) == self.process.pid]
        mains = self.role("main")
        if name == "sentinel":
            return [pid for pid in cluster if parent_of(pid) in mains]
        if name == "busy":
            others = {*mains, *self.role("sentinel")}
            known = [pid for pid in cluster if title_of(pid).endswith(TITLES)]
            return [pid for pid in cluster if pid not in others and pid not in known]
        return [pid for pid in cluster if title_of(pid).endswith(name)]

    def is_complete(self) -> bool:
        """All its processes are there; its workers may be at work already."""
        workers = self.role("idle") or self.role("busy")
        return all(map(self.role, ("main", "sentinel", "pusher", "monitor"))) and bool(workers)

    def submit(self, order: int) -> str:
        """The id of a page that tells the engine so."""
        command = [sys.executable, "-m", "tests.processes.submit", str(order)]
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def page(self, page_id: str) -> tuple[str, int]:
        """Its state and how often it was tried."""
        query = "SELECT state, attempts FROM documents_page WHERE id = ?"
        state, attempts = self.database.row(query, page_id)
        return state, attempts

    def wait_for_page(self, page_id: str, state: str, attempts: int, seconds: float) -> float:
        try:
            return wait_until(lambda: self.page(page_id) == (state, attempts), seconds, "the page")
        except AssertionError as error:
            raise AssertionError(f"{error} is {self.page(page_id)}\n{self.log}") from None

    def stop(self, number: int = signal.SIGINT) -> float:
        """Seconds until the supervisor was gone."""
        start = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(STOP_SECONDS)
        return time.monotonic() - start


def left_of(family: dict[int, int | None]) -> list[str]:
    """Which of those processes still live, by what they are called."""
    return [title_of(p) for p, t in family.items() if t and process_start_ticks(p) == t]


@contextlib.contextmanager
def running_cluster(folder: Path, *, workers: int = 1) -> Iterator[Cluster]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("OCR_", "DJANGO_"))}
    environment |= {"OCR_DATA_DIR": str(folder / "data"), "OCR_WORKERS": str(workers)}
    environment |= {"DJANGO_SETTINGS_MODULE": "tests.processes.settings"}
    with own_database(folder / "data") as database:
        environment |= database.environment
        cluster = Cluster(_supervise(folder, environment), folder, environment, database)
        try:
            wait_until(cluster.is_complete, START_SECONDS, f"the cluster runs\n{cluster.log}")
            yield cluster
        finally:
            _make_sure_it_is_gone(cluster)


def _supervise(folder: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    with (folder / "log").open("wb") as log:
        command = [sys.executable, "-m", "tests.processes.supervise"]
        return subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )


def _make_sure_it_is_gone(cluster: Cluster) -> None:
    if cluster.process.poll() is None:
        family = cluster.family()
        cluster.process.kill()
        cluster.process.wait()
        wait_until(lambda: not left_of(family), 5, "everything died with the supervisor")
