"""Does an engine child grow? A thousand pages of two hundred shapes through one child, which is not
replaced meanwhile; what it holds is looked at between pages."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ocrengine.benchmarks.text_pages import as_working_image, draw_text
from ocrengine.child import IDLE_SECONDS
from ocrengine.decoder.client import WorkingImage
from ocrengine.memory import memory_of
from ocrengine.process import EngineProcess
from ocrengine.profiles import MB, EngineProfile

SHAPES = 200
SMALLEST, LARGEST = 200, 800
"""Pixels of a page's sides"""
EVERY = SETTLED = 100
"""Pages after which a child has what it keeps: growth is counted from there."""
GIVING_BACK_SECONDS = IDLE_SECONDS + 1
"""A child that has nothing to do for a while gives back what it freed; only then it is looked at.
"""
WAYS = (("fast", "int8"), ("accurate", "fp32"), ("fast", "fp32"), ("fast", "bf16"))
"""Bundles, and what they are to compute in"""


@dataclass
class Drift:
    """One child."""

    bundle: str
    profile: str
    precision: str = ""
    runtime: str = ""
    levels: dict[int, int] = field(default_factory=dict)
    """Pages read -> anonymous resident bytes"""
    peak: int = 0
    """Resident bytes at the most, mapped files and all"""
    seconds: float = 0.0

    @property
    def grown(self) -> int:
        """Bytes from the settled level to the last one."""
        return self.levels[max(self.levels)] - self.levels[SETTLED]

    @property
    def swing(self) -> int:
        """Bytes between the settled level and the highest after it."""
        return max(v for n, v in self.levels.items() if n >= SETTLED) - self.levels[SETTLED]


def measure(profile: EngineProfile, pages: int) -> Iterator[Drift]:
    """Each bundle and precision in turn; a precision that is not to be had here is left out."""
    with tempfile.TemporaryDirectory(prefix="shapes-") as folder:
        shapes = write_shapes(Path(folder))
        for bundle, precision in WAYS:
            chosen = profile.override(precision=precision, recycle_pages=pages + 1, threads=1)
            with EngineProcess(chosen, bundle) as engine:
                row = read_all(engine, shapes, pages)
            if row.precision == precision:
                yield row


def write_shapes(folder: Path, count: int = SHAPES) -> list[WorkingImage]:
    """Pages full of text, no two of one shape."""
    rng = np.random.default_rng(7)
    shapes: set[tuple[int, int]] = set()
    while len(shapes) < count:
        width, height = (int(side) for side in rng.integers(SMALLEST, LARGEST + 1, 2))
        shapes.add((width, height))
    pages = []
    for number, (width, height) in enumerate(sorted(shapes)):
        pixels = draw_text(width, height, letters=int(rng.integers(16, 37)), seed=number)
        pages.append(as_working_image(pixels, folder / f"{number}.npy"))
    return pages


def read_all(engine: EngineProcess, shapes: list[WorkingImage], pages: int) -> Drift:
    """Every shape once, in another order each time, until that many pages were read; as many at the
    same time as the child takes."""
    row = Drift(engine.bundle, engine.profile.name)
    started = time.monotonic()
    with ThreadPoolExecutor(engine.pages) as threads:
        for number in range(0, pages, EVERY):
            some = [_shape(shapes, n) for n in range(number, number + EVERY)]
            results = list(threads.map(engine.read_page, some))
            row.precision = results[-1].receipt.precision
            assert engine.pid is not None
            time.sleep(GIVING_BACK_SECONDS)
            row.levels[number + EVERY] = memory_of(engine.pid)
            row.runtime = runtime_of(engine.pid)
    row.peak, row.seconds = engine.peak_memory, time.monotonic() - started
    return row


def _shape(shapes: list[WorkingImage], number: int) -> WorkingImage:
    order = np.random.default_rng(number // len(shapes)).permutation(len(shapes))
    return shapes[order[number % len(shapes)]]


def runtime_of(pid: int) -> str:
    """What a process computes with, by the libraries it has loaded."""
    return "torch" if "libtorch" in Path(f"/proc/{pid}/maps").read_text() else "ONNX Runtime"


def table(rows: list[Drift]) -> str:
    """Markdown, in MB."""
    shown = [n for n in (100, 200, 400, 600, 800, 1000) if n in rows[0].levels]
    lines = [
        "| bundle | runtime | profile | "
        + " | ".join(f"after {n}" for n in shown)
        + " | grown since 100 | highest above | peak of the process |",
        "|---|---|---|" + "---|" * (len(shown) + 3),
    ]
    for row in rows:
        levels = " | ".join(f"{row.levels[n] / MB:.0f}" for n in shown)
        lines.append(
            f"| {row.bundle} | {row.runtime}, {row.precision} | {row.profile} | {levels}"
            f" | {row.grown / MB:+.1f} | {row.swing / MB:+.1f} | {row.peak / MB:.0f} |"
        )
    return "\n".join(lines)
