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


def _spans(length: int, count: int) -> list[Span]:
    """Cover `length` with that many windows, equally long and spaced; seams lie mid-overlap."""
    side = _window(length, count)
    starts = [round(i * (length - side) / max(1, count - 1)) for i in range(count)]
    seams = [0, *((a + side + b) // 2 for a, b in pairwise(starts)), length]
    return [Span(start, start + side, seams[i], seams[i + 1]) for i, start in enumerate(starts)]


def _window(length: int, count: int) -> int:
    """The shortest of `count` windows over `length` that leaves context at the seams."""
    if count == 1:
        return length
    return min(length, round_up(-(-(length + (count - 1) * 2 * OVERLAP) // count)))


def _rows(width: int, height: int, budget: int) -> int | None:
    """The fewest windows over `height`, of `width` pixels each, that keep to the budget."""
    longest = budget // width // MULTIPLE * MULTIPLE
    if height <= longest:
        return 1
    if longest <= 2 * OVERLAP:
        return None
    return -(-(height - 2 * OVERLAP) // (longest - 2 * OVERLAP))


def _grid(width: int, height: int, budget: int) -> tuple[int, int]:
    """Columns and rows of windows that see the fewest pixels all told: what they show of their
    neighbours is looked at twice."""
    cheapest: tuple[int, int, int] | None = None
    for columns in range(1, -(-width // (2 * OVERLAP)) + 1):
        across = _window(width, columns)
        rows = _rows(round_up(across), height, budget)
        if rows is None:
            continue
        pixels = columns * rows * round_up(across) * round_up(_window(height, rows))
        if cheapest is None or pixels < cheapest[0]:
            cheapest = (pixels, columns, rows)
        elif columns > 3 * cheapest[1]:
            break
    assert cheapest is not None
    return cheapest[1:]


def plan_tiles(width: int, height: int, side: int) -> Iterator[Tile]:
    """Tiles that cover width x height detection pixels, none with more pixels than side x side.

    A long narrow page is one tile as long as its pixels are few: memory follows pixels, not sides.
    """
    if width * height <= side * side:
        yield Tile(Span(0, width, 0, width), Span(0, height, 0, height))
        return
    columns, rows = _grid(width, height, side * side)
    for y in _spans(height, rows):
        for x in _spans(width, columns):
            yield Tile(x, y)


def round_up(length: int) -> int:
    """The next multiple that the network's strides allow."""
    return -(-length // MULTIPLE) * MULTIPLE
