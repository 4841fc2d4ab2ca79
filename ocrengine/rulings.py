"""Drawn lines of tables and boxes: they say which words belong to one cell.

Looked for in a small grey copy of the page, with morphology: what survives an opening by a long
thin bar is a ruling, or so nearly one that cutting there does no harm.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Rulings = NDArray[np.float32]
"""(N, 2, 2): both ends of each drawn line, in working pixels; level or upright, never slanted."""

NO_RULINGS: Rulings = np.zeros((0, 2, 2), np.float32)
LOOK_PIXELS = 1_500_000
"""Pixels of the copy that is searched: a hairline of a 300 dpi page is still a grey pixel there."""
SHORTEST = 40
"""Pixels of the copy; longer than any letter of a text one would set in columns."""
THICKEST = 8
DOT_GAP = 7


def find_rulings(image: Image) -> Rulings:
    """(H, W, 3) uint8 RGB -> drawn lines in its pixels."""
    height, width = image.shape[:2]
    scale = min(1.0, math.sqrt(LOOK_PIXELS / (width * height)))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    # Grey first: reducing one channel takes a third of the time of reducing three.
    grey = cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA)
    ink = cv2.adaptiveThreshold(
        grey, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, 31, 12
    )
    level = _bars(ink, (SHORTEST, 1), (DOT_GAP, 1))
    upright = _bars(ink, (1, SHORTEST), (1, DOT_GAP))
    found = [*_ends(level, is_level=True), *_ends(upright, is_level=False)]
    if not found:
        return NO_RULINGS
    return (np.array(found, np.float32) / scale).astype(np.float32)


def _bars(ink: Image, bar: tuple[int, int], gap: tuple[int, int]) -> Image:
    """What is left of the ink where a bar fits; dotted lines are closed first."""
    closed = cv2.morphologyEx(ink, cv2.MORPH_CLOSE, np.ones(gap[::-1], np.uint8))
    return cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones(bar[::-1], np.uint8))


def _ends(bars: Image, *, is_level: bool) -> list[list[list[float]]]:
    """The ends of each thin connected bar."""
    # Outlines cost a fifth of what labelling every pixel does: nearly all of them are blank.
    outlines, tree = cv2.findContours(bars, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    ends: list[list[list[float]]] = []
    for outline, (_, _, _, parent) in zip(outlines, [] if tree is None else tree[0], strict=True):
        if parent >= 0:
            continue  # a hole
        x, y, w, h = cv2.boundingRect(outline)
        if (h if is_level else w) > THICKEST:
            continue  # a picture, or a band of colour
        if is_level:
            ends.append([[x, y + h / 2], [x + w, y + h / 2]])
        else:
            ends.append([[x + w / 2, y], [x + w / 2, y + h]])
    return ends
