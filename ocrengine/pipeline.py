"""The steps of reading one page, in order, and nothing else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ocrengine.detect import Detector
from ocrengine.geometry import Quads
from ocrengine.orientation import (
    find_rotation,
    is_upside_down,
    lies_on_its_side,
    to_upright,
    turn_corners,
)
from ocrengine.reading_order import page_skew, reading_order
from ocrengine.recognize import Reading, Recognizer
from ocrengine.rulings import find_rulings

Image = NDArray[np.uint8]


@dataclass
class Stopwatch:
    """Wall seconds by step."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def time(self, step: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[step] = self.seconds.get(step, 0.0) + time.perf_counter() - start


@dataclass(frozen=True)
class PageLines:
    """Lines in reading order, in working pixels, and how they were found."""

    quads: Quads
    scores: NDArray[np.float32]
    readings: list[Reading]
    scale: float
    tiles: int
    rotation: int
    skew: float
    dropped: int


def read_page(
    image: Image,
    detector: Detector,
    recognizer: Recognizer | None,
    *,
    tile_side: int | None = None,
    stopwatch: Stopwatch,
) -> PageLines:
    """(H, W, 3) uint8 RGB -> its lines. Without a recogniser: outlines only, with empty texts."""
    height, width = image.shape[:2]
    with stopwatch.time("detect"):
        found = detector.find(image, tile_side)
    quads, rotation = found.quads, 0
    if recognizer is None:
        readings = [Reading("", 1.0)] * len(quads)
    else:
        with stopwatch.time("orient"):
            if lies_on_its_side(quads):
                rotation = find_rotation(
                    quads, lambda q: recognizer.read_lines(image, q), width, height
                )
                quads = turn_corners(quads, rotation, width, height) if rotation else quads
        with stopwatch.time("recognize"):
            readings = recognizer.read_lines(image, quads)
        with stopwatch.time("orient"):
            turned = is_upside_down(
                quads, readings, lambda q: recognizer.read_lines(image, q), width, height
            )
        if turned and not rotation:
            rotation, quads = 180, turn_corners(quads, 180, width, height)
            with stopwatch.time("recognize"):
                readings = recognizer.read_lines(image, quads)
    kept = [i for i, reading in enumerate(readings) if _is_legible(reading, recognizer)]
    with stopwatch.time("order"):
        upright = to_upright(quads[kept], rotation, width, height)
        rulings = to_upright(find_rulings(image), rotation, width, height)
        order = [kept[i] for i in reading_order(upright, rulings)]
    return PageLines(
        quads=quads[order],
        scores=found.scores[order],
        readings=[readings[i] for i in order],
        scale=found.scale,
        tiles=found.tiles,
        rotation=rotation,
        skew=page_skew(upright) if len(upright) else 0.0,
        dropped=len(quads) - len(kept),
    )


def _is_legible(reading: Reading, recognizer: Recognizer | None) -> bool:
    if recognizer is None:
        return True
    return bool(reading.text) and reading.confidence >= recognizer.settings.min_confidence
