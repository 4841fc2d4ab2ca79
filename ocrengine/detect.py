"""Where is text? Page -> probability map, tile by tile -> quadrilaterals in working pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrengine.bundles import DetectorSettings, Network, Preprocessing
from ocrengine.foreground import find_foreground
from ocrengine.geometry import Quads, clip_to, order_corners, sides, unclip
from ocrengine.tiles import Span, Tile, plan_tiles, round_up

Image = NDArray[np.uint8]

SMALL_TEXT = 12.0
"""Height of a line's box, in detection pixels, under which letters are too small to be found and
separated: about 9 px of letter."""
COMFORTABLE_TEXT = 18.0
"""Height that a finer look aims at."""
WORTH_A_LOOK = 1.15
"""How much finer another look must be."""
MAX_BOXES = 5000
"""Lines of one page. A sheet of A0 in 8-point print has 2,700."""
FLAT = 12
"""Grey levels within which a tile is blank. PP-OCRv6 answers a blank tile with 0.3 everywhere:
noise just above its threshold."""
MIN_KERNEL = 3.0
MIN_BOX = 5.0


@dataclass(frozen=True)
class Detection:
    quads: Quads
    """(N, 4, 2) in working pixels, clockwise from top left"""
    scores: NDArray[np.float32]
    scale: float
    """detection pixels per working pixel"""
    tiles: int
    is_cut: bool = False
    """Whether there were more than MAX_BOXES, the rest of which was left out."""


class Detector:
    """A detection network, its preprocessing and its DB post-processing."""

    def __init__(self, network: Network, settings: DetectorSettings, tile_side: int) -> None:
        self.network, self.settings = network, settings
        self.tile_side = min(tile_side, settings.largest_tile or tile_side)

    def find(self, image: Image, tile_side: int | None = None) -> Detection:
        """Leave blank margins out, look at the rest whole first; while its text turns out small,
        look again in tiles.

        image   (H, W, 3) uint8 RGB, may be a memory map: only one tile of it is ever copied
        """
        side = min(tile_side or self.tile_side, self.tile_side)
        rows, columns = find_foreground(image)
        found = self._find(image[rows, columns], side)
        return replace(found, quads=found.quads + np.array([columns.start, rows.start], np.float32))

    def _find(self, image: Image, side: int) -> Detection:
        height, width = image.shape[:2]
        first_side = self.settings.first_side or side
        scale = min(1.0, first_side / math.sqrt(width * height))
        found = self._look(image, scale, side)
        while (finer := self._finer_scale(found)) > found.scale * WORTH_A_LOOK:
            # A sheet of small print shows little at first, and what it shows may be its largest.
            found = self._look(image, finer, side)
        return found

    def look_closely(self, image: Image, tile_side: int | None = None) -> Detection:
        """The whole page at native size, in tiles: for when what find() saw makes no sense."""
        return self._look(image, 1.0, min(tile_side or self.tile_side, self.tile_side))

    def _finer_scale(self, found: Detection) -> float:
        """The scale at which the page's small lines are comfortable; never above native size."""
        if found.scale >= 1.0:
            return found.scale
        if not len(found.quads):
            return 1.0  # nothing found in the small picture does not mean that nothing is there
        heights = np.minimum(*sides(found.quads)) * found.scale
        small = float(np.percentile(heights, 20))
        if small >= SMALL_TEXT:
            return found.scale
        return min(1.0, found.scale * COMFORTABLE_TEXT / max(small, 1.0))

    def _look(self, image: Image, scale: float, side: int) -> Detection:
        height, width = image.shape[:2]
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        tiles = list(plan_tiles(*size, side))
        if len(tiles) == 1:
            probability = self._map_of(image, tiles[0], size)
        else:
            # One byte a pixel: the map of a whole 40 megapixel page fits beside a tile.
            probability = np.zeros((size[1], size[0]), np.uint8)
            for tile in tiles:
                part = self._map_of(image, tile, size)
                y = slice(tile.y.keep_from - tile.y.start, tile.y.keep_to - tile.y.start)
                x = slice(tile.x.keep_from - tile.x.start, tile.x.keep_to - tile.x.start)
                probability[
                    tile.y.keep_from : tile.y.keep_to, tile.x.keep_from : tile.x.keep_to
                ] = part[y, x]
        kernels, scores = boxes_from_map(probability, self.settings)
        factor = np.array([width / size[0], height / size[1]], np.float32)
        quads = clip_to(unclip(kernels, self.settings.unclip_ratio) * factor, width, height)
        big_enough = np.minimum(*sides(quads)) * scale >= MIN_BOX
        is_cut = len(kernels) == MAX_BOXES
        return Detection(quads[big_enough], scores[big_enough], scale, len(tiles), is_cut)

    def _map_of(self, image: Image, tile: Tile, size: tuple[int, int]) -> NDArray[np.uint8]:
        """Probabilities of one tile, 0..255, (h, w) detection pixels."""
        patch = _cut(image, tile, size)
        height, width = patch.shape[:2]
        if np.ptp(patch) < FLAT:
            return np.zeros((height, width), np.uint8)
        padded = np.zeros((round_up(height), round_up(width), 3), np.uint8)
        padded[:height, :width] = patch
        padded[height:, :width] = patch[-1:, :]
        padded[:, width:] = padded[:, width - 1 : width]
        output = self.network(to_batch(padded, self.settings.preprocessing))
        return (output[0, 0, :height, :width] * 255).astype(np.uint8)


def _cut(image: Image, tile: Tile, size: tuple[int, int]) -> Image:
    """The tile's part of the page, resized to detection pixels."""
    height, width = image.shape[:2]

    def source(span: Span, full: int, native: int) -> tuple[int, int]:
        return math.floor(span.start * native / full), math.ceil(span.stop * native / full)

    x0, x1 = source(tile.x, size[0], width)
    y0, y1 = source(tile.y, size[1], height)
    patch = np.ascontiguousarray(image[y0:y1, x0:x1])
    target = (tile.x.stop - tile.x.start, tile.y.stop - tile.y.start)
    if (patch.shape[1], patch.shape[0]) == target:
        return patch
    return cv2.resize(patch, target, interpolation=cv2.INTER_AREA)


def to_batch(image: Image, preprocessing: Preprocessing) -> NDArray[np.float32]:
    """(H, W, 3) uint8 RGB -> (1, 3, H, W) float32, normalized."""
    mean = np.array(preprocessing.mean, np.float32)
    std = np.array(preprocessing.std, np.float32)
    channels = image[..., ::-1] if preprocessing.bgr else image
    planes = np.ascontiguousarray(channels.transpose(2, 0, 1), np.float32)
    planes *= (1 / (255 * std))[:, None, None]
    planes -= (mean / std)[:, None, None]
    return planes[None]


def boxes_from_map(
    probability: NDArray[np.uint8], settings: DetectorSettings
) -> tuple[Quads, NDArray[np.float32]]:
    """Shrunk kernels (N, 4, 2) in map pixels and their scores (N,), before unclipping.

    probability   (h, w) uint8, 255 = certain
    """
    mask = (probability > settings.binarize * 255).astype(np.uint8)
    if settings.dilate:
        mask = cv2.dilate(mask, np.ones((2, 2), np.uint8))
    contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    corners, scores = [], []
    for contour in contours:
        if min(cv2.boundingRect(contour)[2:]) <= MIN_KERNEL:
            continue  # specks come by ten thousands where a page is blank, and cost the most
        rectangle = cv2.minAreaRect(contour)
        if min(rectangle[1]) < MIN_KERNEL:
            continue
        corner = cv2.boxPoints(rectangle)
        score = _mean_inside(probability, corner)
        if score >= settings.box_score:
            corners.append(corner)
            scores.append(score)
        if len(corners) == MAX_BOXES:
            break
    if not corners:
        return np.zeros((0, 4, 2), np.float32), np.zeros(0, np.float32)
    return order_corners(np.array(corners, np.float32)), np.array(scores, np.float32)


def _mean_inside(probability: NDArray[np.uint8], corners: NDArray[np.float32]) -> float:
    """Mean probability, 0..1, inside a quadrilateral; only its bounding box is looked at."""
    height, width = probability.shape
    x0, y0 = np.clip(np.floor(corners.min(axis=0)).astype(int), 0, [width - 1, height - 1])
    x1, y1 = np.clip(np.ceil(corners.max(axis=0)).astype(int), 0, [width - 1, height - 1])
    mask = np.zeros((y1 - y0 + 1, x1 - x0 + 1), np.uint8)
    cv2.fillPoly(mask, [(corners - [x0, y0]).astype(np.int32)], 1)
    return float(cv2.mean(probability[y0 : y1 + 1, x0 : x1 + 1], mask)[0]) / 255
