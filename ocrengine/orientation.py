"""Is the page upright? Acted on only when sure: a correct page is never turned.

No network is asked. Boxes that stand on end say that the page lies on its side, and the page's own
long lines, read both ways, say which way is up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ocrengine.geometry import Quads, order_corners, sides
from ocrengine.recognize import Reading

SAMPLE = 5
STANDING = 2.0
"""A box this much higher than wide stands."""
STANDING_SHARE = 0.7
SURE = 0.85
"""Mean confidence that the right way up must reach,"""
MARGIN = 0.15
"""and by how much it must beat the way the page lies."""
DOUBTFUL = 0.75
"""Mean confidence of the long lines under which an upright page is tried upside down."""

Read = Callable[[Quads], Sequence[Reading]]


def to_upright(quads: Quads, rotation: int, width: int, height: int) -> Quads:
    """Corners of a page (width x height) as they lie once it is turned clockwise by `rotation`."""
    x, y = quads[..., 0], quads[..., 1]
    turned = {
        0: (x, y),
        90: (height - y, x),
        180: (width - x, height - y),
        270: (y, width - x),
    }[rotation]
    return np.stack(turned, axis=-1).astype(np.float32)


def turn_corners(quads: Quads, rotation: int, width: int, height: int) -> Quads:
    """The same outlines in page coordinates, each starting at its own top left once turned."""
    inverse = (360 - rotation) % 360
    size = (width, height) if rotation in (0, 180) else (height, width)
    upright = order_corners(to_upright(quads, rotation, width, height))
    return to_upright(upright, inverse, *size)


def lies_on_its_side(quads: Quads) -> bool:
    """Most of the page's long boxes stand on end."""
    x = np.ptp(quads[..., 0], axis=1)
    y = np.ptp(quads[..., 1], axis=1)
    long = np.maximum(x, y) > STANDING * np.minimum(x, y)
    if long.sum() < SAMPLE:
        return False
    length = np.maximum(x, y)[long]
    return bool(length[(y > x)[long]].sum() > STANDING_SHARE * length.sum())


def longest(quads: Quads) -> Quads:
    """The longest few lines, which are the surest witnesses."""
    length = np.maximum(*sides(quads))
    return quads[np.argsort(-length, kind="stable")[:SAMPLE]]


def _confidence(readings: Sequence[Reading]) -> float:
    return float(np.mean([reading.confidence for reading in readings])) if readings else 0.0


def find_rotation(quads: Quads, read: Read, width: int, height: int) -> int:
    """90 or 270 for a page that lies on its side and reads well one way only; else 0."""
    sample = longest(quads)
    scores = {
        rotation: _confidence(read(turn_corners(sample, rotation, width, height)))
        for rotation in (90, 270)
    }
    better = max(scores, key=lambda rotation: scores[rotation])
    worse = min(scores, key=lambda rotation: scores[rotation])
    return better if _is_sure(scores[better], scores[worse]) else 0


def is_upside_down(
    quads: Quads, readings: Sequence[Reading], read: Read, width: int, height: int
) -> bool:
    """True when the long lines read badly as they are and well the other way round."""
    if len(quads) < SAMPLE:
        return False
    length = np.maximum(*sides(quads))
    picked = np.argsort(-length, kind="stable")[:SAMPLE]
    upright = _confidence([readings[i] for i in picked])
    if upright >= DOUBTFUL:
        return False
    turned = read(turn_corners(quads[picked], 180, width, height))
    return _is_sure(_confidence(turned), upright)


def _is_sure(better: float, worse: float) -> bool:
    return better >= SURE and better - worse >= MARGIN
