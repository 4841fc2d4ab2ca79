"""What DBNet should have said: kernels, and the band of thresholds around every line."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrengine.geometry import Quads, sides

SHRINK = 0.4
"""Kernels keep this ratio (Liao et al., arXiv:1911.08947, section 3.4)."""
LOWEST, HIGHEST = 0.3, 0.7
SMALLEST = 4.0
"""Pixels; lines lower than this are ignored: nobody could read them."""

Quad = NDArray[np.float32]
Map = NDArray[np.float32]


def offset_of(quad: Quad) -> float:
    """How far a kernel's edge lies inside the line's: area * (1 - ratio^2) / perimeter."""
    area = cv2.contourArea(quad)
    return area * (1 - SHRINK**2) / max(cv2.arcLength(quad, True), 1e-3)


def shift_edges(quad: Quad, distance: float) -> Quad:
    """(4, 2) clockwise with every edge moved inwards (or outwards, when negative)."""
    after = np.roll(quad, -1, axis=0)
    along = after - quad
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-6)
    inward = np.stack([-along[:, 1], along[:, 0]], axis=1)  # y grows downwards
    starts = quad + inward * distance
    before_along, before_start = np.roll(along, 1, axis=0), np.roll(starts, 1, axis=0)
    # Each corner is where the moved edge before it meets its own.
    cross = before_along[:, 0] * along[:, 1] - before_along[:, 1] * along[:, 0]
    between = starts - before_start
    reach = (between[:, 0] * along[:, 1] - between[:, 1] * along[:, 0]) / np.where(
        np.abs(cross) < 1e-6, 1e-6, cross
    )
    return (before_start + before_along * reach[:, None]).astype(np.float32)


def make_targets(size: int, quads: Quads, ignored: Sequence[Quad]) -> dict[str, Map]:
    """Maps (size, size) float32 for lines (N, 4, 2), clockwise, and regions that do not count.

    kernel    1 inside shrunken lines
    counted   0 where neither text nor its absence is asked for
    level     thresholds, HIGHEST on a line's border, falling to LOWEST
    band      1 where `level` is asked for
    """
    kernel, counted = np.zeros((size, size), np.uint8), np.ones((size, size), np.uint8)
    level, band = np.zeros((size, size), np.float32), np.zeros((size, size), np.uint8)
    for quad in ignored:
        cv2.fillPoly(counted, [np.round(quad).astype(np.int32)], 0)
    heights = np.minimum(*sides(quads))
    for quad, height in zip(quads, heights, strict=True):
        if height < SMALLEST:
            cv2.fillPoly(counted, [np.round(quad).astype(np.int32)], 0)
            continue
        distance = offset_of(quad)
        inner, outer = shift_edges(quad, distance), shift_edges(quad, -distance)
        cv2.fillPoly(kernel, [np.round(inner).astype(np.int32)], 1)
        cv2.fillPoly(band, [np.round(outer).astype(np.int32)], 1)
        _raise_levels(level, quad, outer, distance)
    return {
        "kernel": kernel.astype(np.float32),
        "counted": counted.astype(np.float32),
        "level": LOWEST + (HIGHEST - LOWEST) * level,
        "band": (band * counted).astype(np.float32),
    }


def _raise_levels(level: Map, quad: Quad, outer: Quad, distance: float) -> None:
    """1 on the border, 0 at `distance` from it on either side; the higher of two lines wins."""
    size = level.shape[0]
    x0, y0 = np.clip(np.floor(outer.min(axis=0)).astype(int), 0, size)
    x1, y1 = np.clip(np.ceil(outer.max(axis=0)).astype(int) + 1, 0, size)
    if x0 >= x1 or y0 >= y1:
        return
    x, y = np.arange(x0, x1, dtype=np.float32), np.arange(y0, y1, dtype=np.float32)[:, None]
    nearest = np.full((y1 - y0, x1 - x0), np.inf, np.float32)
    for start, stop in zip(quad, np.roll(quad, -1, axis=0), strict=True):
        along = stop - start
        length = max(float(np.hypot(*along)), 1e-3)
        across = ((x - start[0]) * along[1] - (y - start[1]) * along[0]) / length
        np.minimum(nearest, np.abs(across), out=nearest)
    part = level[y0:y1, x0:x1]
    np.maximum(part, np.clip(1 - nearest / distance, 0, 1), out=part)
