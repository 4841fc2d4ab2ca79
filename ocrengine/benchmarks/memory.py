"""Does an engine child need what was forecast? Pages of text from small to huge, each read by a
child of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ocrengine.benchmarks.invoices import draw_invoice
from ocrengine.decoder.client import WorkingImage
from ocrengine.memory import forecast_page_bytes
from ocrengine.process import EngineProcess
from ocrengine.profiles import EngineProfile

SIZES = (
    (256, 256),
    (640, 640),
    (1240, 1754),
    (2480, 3508),
    (5000, 3000),
    (5000, 7000),
    (600, 20_000),
)
"""Width and height in pixels; those above the profile's cap are left out."""


@dataclass(frozen=True)
class Needed:
    width: int
    height: int
    forecast: int
    """bytes"""
    peak: int
    """bytes, measured"""


def measure(profile: EngineProfile, bundle: str) -> Iterator[Needed]:
    """Each size in turn: what was forecast and what it took."""
    with tempfile.TemporaryDirectory(prefix="pages-") as folder:
        for width, height in SIZES:
            if width * height <= profile.max_page_pixels:
                page = write_page(Path(folder), width, height)
                with EngineProcess(profile, bundle) as engine:
                    engine.read_page(page)
                    peak = engine.peak_memory
                yield Needed(width, height, forecast_page_bytes(width, height, profile), peak)


def write_page(folder: Path, width: int, height: int) -> WorkingImage:
    """A page of that size, covered with invoices."""
    invoice = np.asarray(draw_invoice(1))
    across, down = -(-width // invoice.shape[1]), -(-height // invoice.shape[0])
    path = folder / f"{width}x{height}.npy"
    np.save(path, np.tile(invoice, (down, across, 1))[:height, :width])
    return WorkingImage(path, width, height, width, height)
