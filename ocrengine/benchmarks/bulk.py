"""Many invoices: the loop that one writes first, the same runtime one by one, and our way.

All read the same files in turns of a few, so that a busy machine hurts all alike.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ocrengine.benchmarks.accuracy import cpu_of
from ocrengine.decoder.client import children_usage
from ocrengine.folder import read_files
from ocrengine.memory import usable_cores
from ocrengine.process import EngineProcess
from ocrengine.profiles import EngineProfile

TURN = 10
"""Files that one contender reads before the next one's turn."""
Texts = list[str]


@dataclass
class Bulk:
    """One contender over all files."""

    pages: int = 0
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_pss: int = 0
    """Bytes of all processes that recognise, each shared page counted in parts."""
    texts: list[Texts] = field(default_factory=list)

    @property
    def utilisation(self) -> float:
        return self.cpu_seconds / max(self.wall_seconds * usable_cores(), 1e-9)


class Contender(Protocol):
    name: str

    def pids(self) -> list[int]: ...
    def cpu(self) -> float:
        """Processor seconds so far of every process involved."""
        ...

    def read(self, paths: Sequence[Path]) -> list[Texts]: ...
    def close(self) -> None: ...


class Naive:
    """Our weights in one process, at the runtime's own threads."""

    def __init__(self, name: str, bundle: str, precision: str) -> None:
        self.name = name
        command = [sys.executable, "-m", "ocrengine.benchmarks.naive", bundle, precision]
        self._child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def pids(self) -> list[int]:
        return [self._child.pid]

    def cpu(self) -> float:
        return cpu_of(self._child.pid)

    def read(self, paths: Sequence[Path]) -> list[Texts]:
        return [self._ask(path) for path in paths]

    def _ask(self, path: Path) -> Texts:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(f"{path}\n")
        self._child.stdin.flush()
        answer: Texts = json.loads(self._child.stdout.readline())
        return answer

    def close(self) -> None:
        self._child.kill()
        self._child.wait()


class Ours:
    """Engine children, each page decoded in a child of its own."""

    def __init__(
        self,
        name: str,
        profile: EngineProfile,
        bundle: str,
        processes: int,
        *,
        at_once: int | None = None,
    ) -> None:
        """at_once   pages in hand at a time; None: as many as the engines take"""
        self.name, self._at_once = name, at_once
        self._engines = [EngineProcess(profile, bundle) for _ in range(processes)]

    def pids(self) -> list[int]:
        return [engine.pid for engine in self._engines if engine.pid]

    def cpu(self) -> float:
        return children_usage()[0] + sum(map(cpu_of, self.pids())) + time.process_time()

    def read(self, paths: Sequence[Path]) -> list[Texts]:
        pages = list(read_files(paths, self._engines, at_once=self._at_once))
        for page in pages:
            if page.error:
                raise page.error
        return [[line.text for line in page.result.lines] for page in pages if page.result]

    def close(self) -> None:
        for engine in self._engines:
            engine.close()


ONE_BY_ONE = "ours, one page and one line at a time"


def contenders(profile: EngineProfile, bundle: str) -> list[Contender]:
    """The naive loop in torch and in our runtime; ours, without and with all it does at once."""
    cores = usable_cores()
    several = profile.override(workers=cores, slots=1, threads=1)
    return [
        Naive("naive loop, torch fp32", bundle, "fp32"),
        Naive("naive loop, ONNX Runtime INT8", bundle, "int8"),
        Ours(ONE_BY_ONE, several.override(batch_pixels=1), bundle, 1, at_once=1),
        Ours(f"ours, {cores} processes", several, bundle, cores),
    ]


def measure(paths: Sequence[Path], reading: Sequence[Contender]) -> dict[str, Bulk]:
    """Contender -> what it took; loading is not counted."""
    measured = {contender.name: Bulk() for contender in reading}
    for contender in reading:
        contender.read(paths[:2])
    for start in range(0, len(paths), TURN):
        for contender in reading:
            _take_turn(contender, paths[start : start + TURN], measured[contender.name])
    return measured


def _take_turn(contender: Contender, paths: Sequence[Path], row: Bulk) -> None:
    with _Watch(contender.pids(), row):
        started, cpu = time.monotonic(), contender.cpu()
        texts = contender.read(paths)
        row.wall_seconds += time.monotonic() - started
        row.cpu_seconds += contender.cpu() - cpu
    row.pages += len(paths)
    row.texts += texts


class _Watch(contextlib.AbstractContextManager["_Watch"]):
    """Notes the highest PSS of some processes meanwhile, twice a second."""

    def __init__(self, pids: list[int], row: Bulk) -> None:
        self._pids, self._row, self._over = pids, row, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> _Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.5):
            self._row.peak_pss = max(self._row.peak_pss, sum(map(pss_of, self._pids)))


def pss_of(pid: int) -> int:
    """Proportional set size in bytes (proc(5), smaps_rollup); 0 when the process is gone."""
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:"))
    except (OSError, StopIteration):
        return 0


def same_lines(ours: Bulk, theirs: Bulk) -> float:
    """Share of the lines of either that both have, page by page."""
    shared = counted = 0
    for mine, its in zip(ours.texts, theirs.texts, strict=True):
        left = list(its)
        for text in mine:
            if text in left:
                left.remove(text)
                shared += 2
        counted += len(mine) + len(its)
    return shared / counted if counted else 1.0


def figures(row: Bulk) -> dict[str, float]:
    """What bulk.jsonl keeps of a row: all but the texts."""
    return {name: value for name, value in vars(row).items() if name != "texts"}


def table(measured: dict[str, Bulk]) -> str:
    """Markdown; speeds against the first row, texts against ours one by one."""
    first = next(iter(measured.values()))
    one_by_one = measured.get(ONE_BY_ONE, first)
    lines = [
        "| way | pages a second | times the first | CPU s a page | utilisation | peak PSS MB"
        " | lines as one by one |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, row in measured.items():
        lines.append(
            f"| {name} | {row.pages / row.wall_seconds:.2f}"
            f" | {first.wall_seconds / row.wall_seconds:.2f} | {row.cpu_seconds / row.pages:.3f}"
            f" | {row.utilisation:.0%} | {row.peak_pss // 2**20}"
            f" | {same_lines(row, one_by_one):.2%} |"
        )
    return "\n".join(lines)
