"""An upload whose process is killed at each of its syncs and links, and whose disk fails at each.

Real processes, real calls: strace counts them and puts a SIGKILL, or an EIO, in the place of one.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.own_database import own_database
from tests.reliability.report import DOCS, Row, Trial, keep

ROOT = Path(__file__).resolve().parents[2]
CALLS = ("fsync", "fdatasync", "link")
"""What makes a file last, what makes SQLite's commit last, what gives a file its name."""
KILL, FAIL = "signal=SIGKILL", "error=EIO"
TWO_DAYS = 2 * 86_400
TRIAL = Trial(
    "Accepted means on disk",
    "python -m tests.reliability durable",
    "A process hands in one image. strace kills it in place of its first fsync, then another one"
    " in place of its second, and so on until one is not reached; the same for fdatasync and link."
    " Then each fsync fails once with EIO. After each, everything is aged by two days and swept,"
    " and `manage.py verify` looks at all rows, files and books.",
)


@dataclass
class Found:
    kills: int = 0
    failures: int = 0
    accepted: set[str] = field(default_factory=set)
    """Documents whose acceptance was told, by whoever lived or died."""
    told_in_failure: int = 0
    wrong: list[str] = field(default_factory=list)


@dataclass
class Installation:
    folder: Path
    environment: dict[str, str]
    orders: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run(sys.executable, "manage.py", *arguments)

    def hand_in(self, call: str, what: str, when: int) -> tuple[bool, str]:
        """Whether strace came to the call, and the page that was accepted, if one was told."""
        trace = self.folder / "trace"
        inject = f"inject={call}:{what}:when={when}"
        strace = ["strace", "-f", "-qq", "-o", str(trace), "-e", f"trace={call}", "-e", inject]
        submit = [sys.executable, "-m", "tests.processes.submit", str(next(self.orders))]
        done = self.run(*strace, *submit)
        return "INJECTED" in trace.read_text() or done.returncode < 0, done.stdout.strip()

    def faults(self) -> list[str]:
        """What is wrong once everything is two days old and was swept."""
        then = time.time() - TWO_DAYS
        for path in (self.folder / "files").rglob("*"):
            os.utime(path, times=(then, then))
        sweep = "from documents.services import retention as r; r.sweep_debris(); r.sweep_orphans()"
        swept = self.manage("shell", "--command", sweep)
        assert not swept.returncode, swept.stderr
        *findings, summary = self.manage("verify", "--json").stdout.splitlines()
        assert json.loads(summary)["findings"] == len(findings)
        return findings


def sweep_through(here: Installation, found: Found) -> None:
    for call in CALLS:
        for when in itertools.count(1):
            reached, page = here.hand_in(call, KILL, when)
            found.accepted |= {page} - {""}
            if not reached:
                break
            found.kills += 1
            found.wrong += here.faults()
    for when in itertools.count(1):
        reached, page = here.hand_in("fsync", FAIL, when)
        if not reached:
            break
        found.failures += 1
        found.told_in_failure += bool(page)
        found.wrong += here.faults()


def rows_of(found: Found, lost: int) -> list[Row]:
    wrong = len(found.wrong)
    return [
        Row(
            "Killed at any sync or link, an upload is there whole or not at all",
            "0 wrong",
            f"{found.kills} kills: {wrong} wrong",
            found.kills > 0 and not wrong,
        ),
        Row(
            "What was told to be accepted is there",
            "0 lost",
            f"{len(found.accepted)} told, {lost} lost",
            not lost,
        ),
        Row(
            "A disk that cannot sync is never an acceptance",
            "0 accepted",
            f"{found.failures} failures, {found.told_in_failure} accepted",
            found.failures > 0 and not found.told_in_failure,
        ),
    ]


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(prog=TRIAL.command)
    parser.add_argument("--docs", type=Path, default=DOCS, help="where the result is kept")
    options = parser.parse_args(argv)
    if shutil.which("strace") is None:
        sys.exit("strace is missing: install the package of that name.")
    began, found = time.monotonic(), Found()
    with tempfile.TemporaryDirectory() as folder, own_database(Path(folder)) as database:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("OCR_", "DJANGO_"))}
        mine = {"OCR_DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "tests.processes.settings"}
        here = Installation(Path(folder), {**kept, **mine, **database.environment})
        here.manage("migrate").check_returncode()
        sweep_through(here, found)
        query = "SELECT COUNT(*) FROM documents_page WHERE id = ?"
        lost = sum(database.row(query, page) == (0,) for page in found.accepted)
    for line in found.wrong:
        print(line)
    rows = rows_of(found, lost)
    for row in rows:
        print(f"{row.promise}: {row.measured}")
    vendor = "PostgreSQL" if database.url else "SQLite"
    keep(TRIAL, rows, database=vendor, seconds=time.monotonic() - began, docs=options.docs)
    sys.exit(not all(row.met for row in rows))
