"""How does the cost grow? With the size of a page, its lines, the pages of a job, the processes.

What is made of the figures: growth_report.py.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from ocrengine.benchmarks import bulk
from ocrengine.benchmarks.accuracy import cpu_of
from ocrengine.benchmarks.invoices import write_invoices
from ocrengine.benchmarks.text_pages import as_working_image, draw_text
from ocrengine.decoder.client import children_usage
from ocrengine.folder import PageRead, read_file, read_files
from ocrengine.process import EngineProcess
from ocrengine.profiles import MEGAPIXEL, EngineProfile

SIDES = (320, 640, 1280, 2560, 3508, 5000, 7000, 10_000, 14_000)
"""Pixels of the longer side of a page in the proportions of A4"""
FEW_LINES = 40
A4 = (2480, 3508)
"""At 300 dots per inch"""
LINES = (1, 25, 50, 100, 200)
PAGES = (1, 3, 10, 20)
PROCESSES = (1, 2, 3)
INVOICES = bulk.TURN
"""Read by every number of processes"""
ENOUGH_PIXELS = 5 * MEGAPIXEL
MOST_TIMES = 10
"""Small pages are read again: a hundredth of a second is the least that is counted."""


@dataclass(frozen=True)
class Cost:
    """Of one page, where it does not say otherwise."""

    x: float
    engine_seconds: float
    """of a processor"""
    decoder_seconds: float
    peak: int
    """Resident bytes of the engine child; of all of them together, shared pages counted in parts,
    where there are several"""
    lines: float = 0.0
    pages_per_second: float = 0.0

    @property
    def seconds(self) -> float:
        return self.engine_seconds + self.decoder_seconds


Curves = dict[str, list[Cost]]
"""What was read, by what -> costs"""


def by_page_size(profile: EngineProfile, bundles: Sequence[str]) -> Curves:
    """x: megapixels of the page as it was handed in. With few lines; and full of text by the first
    bundle alone, as a sheet of A0 takes others minutes."""
    kinds: list[tuple[str, int | None]] = [(bundles[0], None)]
    kinds += [(bundle, FEW_LINES) for bundle in bundles]
    return {
        f"{bundle}, {f'{lines} lines' if lines else 'full of text'}": [
            _page(profile, bundle, round(side / math.sqrt(2)), side, lines) for side in SIDES
        ]
        for bundle, lines in kinds
    }


def by_lines(profile: EngineProfile, bundles: Sequence[str]) -> Curves:
    """x: lines drawn on a page of A4"""
    return {
        bundle: [replace(_page(profile, bundle, *A4, lines), x=lines) for lines in LINES]
        for bundle in bundles
    }


def by_pages(profile: EngineProfile, bundles: Sequence[str]) -> Curves:
    """x: pages of a job; the start of the child that reads them is counted."""
    with tempfile.TemporaryDirectory(prefix="invoices-") as folder:
        paths = write_invoices(Path(folder), max(PAGES))
        return {
            bundle: [_job(profile, bundle, paths[:count]) for count in PAGES] for bundle in bundles
        }


def _job(profile: EngineProfile, bundle: str, paths: Sequence[Path]) -> Cost:
    with EngineProcess(profile, bundle) as engine:
        return _cost(read_files(paths, [engine]), engine, x=len(paths))


def by_processes(profile: EngineProfile, bundles: Sequence[str]) -> Curves:
    """x: engine children; their start is not counted."""
    with tempfile.TemporaryDirectory(prefix="invoices-") as folder:
        paths = write_invoices(Path(folder), INVOICES)
        return {
            bundle: [_together(profile, bundle, count, paths) for count in PROCESSES]
            for bundle in bundles
        }


def _together(profile: EngineProfile, bundle: str, count: int, paths: Sequence[Path]) -> Cost:
    way = bulk.Ours("way", profile, bundle, count)
    try:
        way.read(paths[:count])  # each starts
        row = bulk.measure(paths, [way])["way"]
    finally:
        way.close()
    return Cost(
        count,
        row.cpu_seconds / row.pages,
        0.0,
        row.peak_pss,
        pages_per_second=row.pages / row.wall_seconds,
    )


def _page(profile: EngineProfile, bundle: str, width: int, height: int, lines: int | None) -> Cost:
    """One page as a JPEG file, read alone by a child that has read a blank page before."""
    times = min(MOST_TIMES, 1 + ENOUGH_PIXELS // (width * height))
    with tempfile.TemporaryDirectory(prefix="page-") as folder:
        path = Path(folder) / "page.jpg"
        Image.fromarray(draw_text(width, height, lines=lines)).save(path, quality=85)
        blank = as_working_image(np.full((64, 64, 3), 255, np.uint8), path.with_suffix(".npy"))
        with EngineProcess(profile, bundle) as engine:
            engine.read_page(blank)
            pages = (page for _ in range(times) for page in read_file(path, engine))
            return _cost(pages, engine, x=width * height / MEGAPIXEL)


def _cost(pages: Iterable[PageRead], engine: EngineProcess, x: float) -> Cost:
    """Of reading them, which is done here."""
    decoders, own = children_usage()[0], cpu_of(engine.pid) if engine.pid else 0.0
    started, lines, count = time.monotonic(), 0, 0
    for page in pages:
        if page.error is not None:
            raise page.error
        assert page.result is not None
        lines += len(page.result.lines)
        count += 1
    wall = time.monotonic() - started
    assert engine.pid is not None
    return Cost(
        x,
        (cpu_of(engine.pid) - own) / count,
        (children_usage()[0] - decoders) / count,
        engine.peak_memory,
        lines / count,
        count / wall,
    )
