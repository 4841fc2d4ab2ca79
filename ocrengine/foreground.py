"""Which part of a page has anything on it? Margins cost a look like print does, and say nothing."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

SIDE = 640
"""The page is looked at with about as many pixels as a square of that side: there, fine print is
no longer letters, but still a texture."""
CONTRAST = 12
"""Grey levels between neighbouring pixels, at that size, over which there is something."""
MARGIN = 16
"""Pixels, at that size, kept around what there is: a detector wants to see where a line ends."""


def find_foreground(image: Image) -> tuple[slice, slice]:
    """Rows and columns of a page outside of which it is blank; an empty page is whole.

    image   (H, W, 3) uint8 RGB, may be a memory map

    A speck, a shadow or a noisy scan makes this larger, at worst the whole page; print is never
    outside, however small, unless it is fainter than CONTRAST.
    """
    height, width = image.shape[:2]
    step = max(1, round(math.sqrt(height * width) / SIDE))
    # A whole number of pixels each: several times as fast as any other reduction.
    rows, columns = max(1, height // step), max(1, width // step)
    whole = image[: rows * step, : columns * step]
    small = cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    edges = cv2.morphologyEx(grey, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > CONTRAST
    return _extent(edges.any(axis=1), step, height), _extent(edges.any(axis=0), step, width)


def _extent(occupied: NDArray[np.bool_], step: int, length: int) -> slice:
    """From the first to the last that is occupied, with a margin, in pixels of the page."""
    where = np.flatnonzero(occupied)
    if not len(where):
        return slice(0, length)
    start = max(0, int(where[0]) - MARGIN) * step
    stop = (int(where[-1]) + 1 + MARGIN) * step
    # What the reduction left over at the end is less than one of its pixels.
    return slice(start, length if stop + step > length else stop)
