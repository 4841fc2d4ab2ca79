"""The steps of reading one page, in order, and nothing else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ocrengine.detect import Detection, Detector
from ocrengine.geometry import Quads
from ocrengine.orientation import (
    find_rotation,
    is_upside_down,
    lies_on_its_side,
    to_upright,
    turn_corners,
)
from ocrengine.reading_order import page_skew, reading_order
from ocrengine.recognize import ReadCrops, Reading, Recognizer
from ocrengine.rulings import find_rulings

Image = NDArray[np.uint8]
TRUSTED = 0.5
"""Share of what was found that must be legible for a look at reduced size to be believed."""


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
    is_cut: bool


@dataclass(frozen=True)
class _Interpretation:
    """Outlines with what was read in them, each starting at its own top left."""

    quads: Quads
    readings: list[Reading]
    rotation: int
    kept: list[int]
    """Indices of what is legible."""

    @property
    def characters(self) -> int:
        return sum(len(self.readings[i].text) for i in self.kept)

    @property
    def makes_sense(self) -> bool:
        return len(self.kept) >= TRUSTED * max(1, len(self.quads))


@dataclass
class PageReader:
    """The steps of one page, each timed."""

    image: Image
    detector: Detector
    recognizer: Recognizer | None
    tile_side: int | None
    stopwatch: Stopwatch
    read_crops: ReadCrops | None = None

    def read(self) -> PageLines:
        with self.stopwatch.time("detect"):
            found = self.detector.find(self.image, self.tile_side)
        read = self._interpret(found)
        if found.scale < 1 and not read.makes_sense:
            # Print so small that, in the small picture, whole paragraphs looked like lines.
            with self.stopwatch.time("detect"):
                closely = self.detector.look_closely(self.image, self.tile_side)
            again = self._interpret(closely)
            if again.characters > read.characters:
                found, read = closely, again
        return self._in_order(found, read)

    def _interpret(self, found: Detection) -> _Interpretation:
        if self.recognizer is None:
            readings = [Reading("", 1.0)] * len(found.quads)
            return _Interpretation(found.quads, readings, 0, list(range(len(readings))))
        quads, rotation = found.quads, self._side_it_lies_on(found.quads)
        if rotation:
            quads = turn_corners(quads, rotation, *self._size)
        readings = self._read_lines(quads)
        if not rotation and self._is_upside_down(quads, readings):
            rotation, quads = 180, turn_corners(quads, 180, *self._size)
            readings = self._read_lines(quads)
        least = self.recognizer.settings.min_confidence
        kept = [i for i, r in enumerate(readings) if r.text and r.confidence >= least]
        return _Interpretation(quads, readings, rotation, kept)

    def _in_order(self, found: Detection, read: _Interpretation) -> PageLines:
        with self.stopwatch.time("order"):
            upright = to_upright(read.quads[read.kept], read.rotation, *self._size)
            rulings = to_upright(find_rulings(self.image), read.rotation, *self._size)
            order = [read.kept[i] for i in reading_order(upright, rulings)]
        return PageLines(
            quads=read.quads[order],
            scores=found.scores[order],
            readings=[read.readings[i] for i in order],
            scale=found.scale,
            tiles=found.tiles,
            rotation=read.rotation,
            skew=page_skew(upright) if len(upright) else 0.0,
            dropped=len(read.quads) - len(read.kept),
            is_cut=found.is_cut,
        )

    @property
    def _size(self) -> tuple[int, int]:
        return int(self.image.shape[1]), int(self.image.shape[0])

    def _read_lines(self, quads: Quads, step: str = "recognize") -> list[Reading]:
        assert self.recognizer is not None
        with self.stopwatch.time(step):
            return self.recognizer.read_lines(self.image, quads, self.read_crops)

    def _sample(self, quads: Quads) -> list[Reading]:
        return self._read_lines(quads, "orient")

    def _side_it_lies_on(self, quads: Quads) -> int:
        return find_rotation(quads, self._sample, *self._size) if lies_on_its_side(quads) else 0

    def _is_upside_down(self, quads: Quads, readings: list[Reading]) -> bool:
        return is_upside_down(quads, readings, self._sample, *self._size)


def read_page(  # noqa: PLR0913  what may differ from page to page
    image: Image,
    detector: Detector,
    recognizer: Recognizer | None,
    *,
    tile_side: int | None = None,
    stopwatch: Stopwatch,
    read_crops: ReadCrops | None = None,
) -> PageLines:
    """(H, W, 3) uint8 RGB -> its lines. Without a recogniser: outlines only, with empty texts.

    read_crops   what reads the lines of several pages together, in place of the recogniser alone
    """
    return PageReader(image, detector, recognizer, tile_side, stopwatch, read_crops).read()
