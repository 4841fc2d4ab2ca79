"""How many engines, with how many pages and threads each, read most pages on this machine?

Every way to divide the cores that fits into memory is tried with the same rendered invoices.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from ocrengine.benchmarks import bulk
from ocrengine.benchmarks.invoices import write_invoices
from ocrengine.profiles import EngineProfile

PAGES = 20
CLOSE = 0.95
"""Fewer processes are better when they read at least that share of the most pages a second."""


@dataclass(frozen=True)
class Division:
    """So many engines, pages computed by each, threads of each page; and what was measured."""

    processes: int
    slots: int
    threads: int
    pages_per_second: float
    cpu_seconds: float
    """A page"""
    memory: int
    """Bytes of all engines at their peak, shared pages counted in parts"""


def divisions(cores: int) -> list[tuple[int, int, int]]:
    """Processes, slots and threads that use all cores: 2 -> (1, 1, 2), (1, 2, 1), (2, 1, 1)"""
    shares = [n for n in range(1, cores + 1) if cores % n == 0]
    return [
        (processes, slots, cores // processes // slots)
        for processes in shares
        for slots in shares
        if cores // processes % slots == 0
    ]


def measure(
    profile: EngineProfile, bundle: str, cores: int, room: int, pages: int = PAGES
) -> list[Division]:
    """Each division in turn, fewest engines first; none that would need more than `room` bytes."""
    found: list[Division] = []
    with tempfile.TemporaryDirectory(prefix="tuning-") as folder:
        paths = write_invoices(Path(folder), pages)
        for count, slots, threads in divisions(cores):
            if found and count * found[0].memory > room:
                break
            way = bulk.Ours("way", profile.override(slots=slots, threads=threads), bundle, count)
            try:
                measured = bulk.measure(paths, [way])["way"]
                found.append(_division(count, slots, threads, measured))
            finally:
                way.close()
    return found


def _division(processes: int, slots: int, threads: int, row: bulk.Bulk) -> Division:
    return Division(
        processes,
        slots,
        threads,
        round(row.pages / row.wall_seconds, 2),
        round(row.cpu_seconds / row.pages, 3),
        row.peak_pss,
    )


def choose(found: list[Division], room: int) -> Division:
    """The quickest of those that fit into `room` bytes, or the smallest; of those about as quick,
    the one with the fewest processes."""
    fitting = [way for way in found if way.memory <= room]
    if not fitting:
        return min(found, key=lambda way: way.memory)
    best = max(way.pages_per_second for way in fitting)
    good = [way for way in fitting if way.pages_per_second >= CLOSE * best]
    return min(good, key=lambda way: way.processes)
