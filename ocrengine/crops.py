"""Lines cut from the working image at native size, upright and at the recogniser's height."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrengine.geometry import sides

Image = NDArray[np.uint8]
STRAIGHT = 0.02
"""Corners that stray less than this share of a line's height from its bounding box: sliced, not
warped, which costs a tenth."""
UPRIGHT_RATIO = 1.5
"""A box this much higher than wide holds text that runs along its height."""


def cut_line(image: Image, quad: NDArray[np.float32], height: int) -> Image:
    """(H, W, 3) page and (4, 2) corners -> (height, w, 3), text running left to right.

    Text that stands is turned by 90 degrees counter-clockwise, as PP-OCR was trained.
    """
    width, tall = (float(side[0]) for side in sides(quad[None]))
    crop = _straight_crop(image, quad) if _is_straight(quad, tall) else None
    if crop is None:
        crop = _warped_crop(image, quad, max(1, round(width)), max(1, round(tall)))
    if crop.shape[0] >= UPRIGHT_RATIO * crop.shape[1]:
        crop = np.rot90(crop)
    target = max(1, math.ceil(crop.shape[1] * height / crop.shape[0]))
    # INTER_LINEAR is what the recogniser was trained on, whichever way the size changes.
    return cv2.resize(np.ascontiguousarray(crop), (target, height), interpolation=cv2.INTER_LINEAR)


def _is_straight(quad: NDArray[np.float32], tall: float) -> bool:
    x0, y0 = quad.min(axis=0)
    x1, y1 = quad.max(axis=0)
    box = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32)
    return bool(np.abs(quad - box).max() <= max(0.5, STRAIGHT * tall))


def _straight_crop(image: Image, quad: NDArray[np.float32]) -> Image | None:
    x0, y0 = np.floor(quad.min(axis=0)).astype(int)
    x1, y1 = np.ceil(quad.max(axis=0)).astype(int)
    crop = image[max(0, y0) : y1, max(0, x0) : x1]
    return crop if crop.size else None


def _warped_crop(image: Image, quad: NDArray[np.float32], width: int, height: int) -> Image:
    """Perspective warp of the quad's neighbourhood; only that part of the page is copied."""
    x0, y0 = np.maximum(np.floor(quad.min(axis=0)).astype(int) - 2, 0)
    x1, y1 = np.ceil(quad.max(axis=0)).astype(int) + 3
    around = np.ascontiguousarray(image[y0:y1, x0:x1])
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform((quad - [x0, y0]).astype(np.float32), target)
    return cv2.warpPerspective(
        around,
        matrix,
        (width, height),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
