"""Quadrilaterals: (N, 4, 2) float32, corners clockwise from the line's own top left; y down."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Quads = NDArray[np.float32]


def order_corners(corners: Quads) -> Quads:
    """(N, 4, 2) in any order -> clockwise from top left, for text that runs left to right.

    The two leftmost corners are the left side, as PP-OCR has it; of each side the upper comes
    first on the left and the lower last.
    """
    by_x = np.take_along_axis(corners, np.argsort(corners[..., :1], axis=1, kind="stable"), axis=1)
    left, right = by_x[:, :2], by_x[:, 2:]
    left = np.take_along_axis(left, np.argsort(left[..., 1:], axis=1, kind="stable"), axis=1)
    right = np.take_along_axis(right, np.argsort(right[..., 1:], axis=1, kind="stable"), axis=1)
    return np.stack([left[:, 0], right[:, 0], right[:, 1], left[:, 1]], axis=1)


def sides(quads: Quads) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(N, 4, 2) -> widths (N,) along the text, heights (N,) across it: the longer of each pair."""
    width = np.maximum(
        np.linalg.norm(quads[:, 1] - quads[:, 0], axis=1),
        np.linalg.norm(quads[:, 2] - quads[:, 3], axis=1),
    )
    height = np.maximum(
        np.linalg.norm(quads[:, 3] - quads[:, 0], axis=1),
        np.linalg.norm(quads[:, 2] - quads[:, 1], axis=1),
    )
    return width, height


def unclip(quads: Quads, ratio: float) -> Quads:
    """Grow shrunk kernels back to the outlines of their lines.

    Each side moves outwards by area * ratio / perimeter (Liao et al., arXiv:1911.08947). For
    rectangles that has a closed form, (w + 2d) x (h + 2d), which differs from a polygon offset and
    a second minAreaRect by less than 3 px and costs a hundredth of it.
    """
    width, height = sides(quads)
    distance = width * height * ratio / np.maximum(2 * (width + height), 1e-6)
    along = (quads[:, 1] - quads[:, 0]) / np.maximum(width, 1e-6)[:, None]
    across = (quads[:, 3] - quads[:, 0]) / np.maximum(height, 1e-6)[:, None]
    out_x, out_y = along * distance[:, None], across * distance[:, None]
    return np.stack(
        [
            quads[:, 0] - out_x - out_y,
            quads[:, 1] + out_x - out_y,
            quads[:, 2] + out_x + out_y,
            quads[:, 3] - out_x + out_y,
        ],
        axis=1,
    ).astype(np.float32)


def clip_to(quads: Quads, width: int, height: int) -> Quads:
    """Corners inside the page."""
    return np.clip(quads, 0, np.array([width, height], np.float32)).astype(np.float32)


def bounds(quads: Quads) -> NDArray[np.float32]:
    """(N, 4, 2) -> (N, 4): x0, y0, x1, y1."""
    return np.concatenate([quads.min(axis=1), quads.max(axis=1)], axis=1)
