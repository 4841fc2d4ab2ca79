"""Reading a large page through a small window: tiles, stitched before anything is boxed.

Tiles are stitched at the level of the probability map, each tile giving only its middle, so that a
line across a seam is one line and no box ever has to be merged.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

MULTIPLE = 32
OVERLAP = 64
"""Detection pixels of context on each side of what a tile contributes: several text heights."""


@dataclass(frozen=True)
class Span:
    """One tile along one axis, in detection pixels: read start..stop, keep keep_from..keep_to."""

    start: int
    stop: int
    keep_from: int
    keep_to: int


@dataclass(frozen=True)
class Tile:
    x: Span
    y: Span


def _spans(length: int, side: int) -> list[Span]:
    """Cover `length` with windows of at most `side`, equally spaced; seams lie mid-overlap."""
    if length <= side:
        return [Span(0, length, 0, length)]
    count = -(-(length - 2 * OVERLAP) // (side - 2 * OVERLAP))
    starts = [round(i * (length - side) / (count - 1)) for i in range(count)]
    seams = [0, *((a + side + b) // 2 for a, b in pairwise(starts)), length]
    return [Span(start, start + side, seams[i], seams[i + 1]) for i, start in enumerate(starts)]


def plan_tiles(width: int, height: int, side: int) -> Iterator[Tile]:
    """Tiles that cover width x height detection pixels, none with more pixels than side x side.

    A long narrow page is one tile as long as its pixels are few: memory follows pixels, not sides.
    """
    if width * height <= side * side:
        yield Tile(Span(0, width, 0, width), Span(0, height, 0, height))
        return
    across = side if width > side else width
    down = max(side, (side * side // across) // MULTIPLE * MULTIPLE)
    for y in _spans(height, down):
        for x in _spans(width, across):
            yield Tile(x, y)


def round_up(length: int) -> int:
    """The next multiple that the network's strides allow."""
    return -(-length // MULTIPLE) * MULTIPLE
