"""In which order does a person read these lines? A pure function of their outlines.

Pages are mixtures: a headline over columns, columns, a table, a foot line. The page is cut
recursively. A vertical cut is made only where lines on both sides look like running text; what is
left is read row by row, which is right for tables, forms and receipts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ocrengine.geometry import Quads, bounds, sides

Boxes = NDArray[np.float32]
"""(N, 4): x0, y0, x1, y1"""
Indices = NDArray[np.intp]

MIN_LINES = 3
"""A column has at least this many lines."""
MIN_ASPECT = 6.0
"""Lines of running text are this much wider than high; cells of a table seldom are."""
MIN_SHARE = 0.12
"""A column is at least this share of the width of what is being cut."""
MAX_CANDIDATES = 80
SURE_ANGLE = 0.3
"""Degrees of skew under which turning the page changes nothing."""
MAX_SKEW = 15.0
LONG_LINE = 5.0


def reading_order(quads: Quads) -> Indices:
    """(N, 4, 2) upright lines -> indices in reading order."""
    if len(quads) < 2:
        return np.arange(len(quads))
    boxes = bounds(_turned(quads, -page_skew(quads)))
    # Outlines are padded by unclipping; the letters themselves keep clear of their neighbours.
    height = boxes[:, 3] - boxes[:, 1]
    boxes[:, 1] += 0.15 * height
    boxes[:, 3] -= 0.15 * height
    return _order(boxes, np.arange(len(boxes)))


def page_skew(quads: Quads) -> float:
    """Degrees by which lines fall to the right; 0 when too few long lines agree."""
    width, height = sides(quads)
    long = width > LONG_LINE * height
    if long.sum() < MIN_LINES:
        return 0.0
    along = (quads[:, 1] + quads[:, 2] - quads[:, 0] - quads[:, 3])[long]
    angles = np.degrees(np.arctan2(along[:, 1], along[:, 0]))
    low, middle, high = np.percentile(angles, (25, 50, 75))
    sure = abs(middle) >= SURE_ANGLE and abs(middle) <= MAX_SKEW and high - low < 2.0
    return float(middle) if sure else 0.0


def _turned(quads: Quads, degrees: float) -> Quads:
    if not degrees:
        return quads
    angle = np.radians(degrees)
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (quads @ matrix.T).astype(np.float32)


@dataclass(frozen=True)
class _Block:
    """Consecutive lines, top to bottom, that a vertical cut leaves whole."""

    left: Indices
    right: Indices

    @property
    def size(self) -> int:
        return len(self.left) + len(self.right)


def _order(boxes: Boxes, members: Indices) -> Indices:
    if len(members) < 2 * MIN_LINES:
        return _row_by_row(boxes, members)
    cut = _best_cut(boxes, members)
    if cut is None:
        return _row_by_row(boxes, members)
    parts: list[Indices] = []
    for piece in cut:
        if isinstance(piece, _Block):
            parts += [_order(boxes, piece.left), _order(boxes, piece.right)]
        elif len(piece) < len(members):
            parts.append(_order(boxes, piece))
    return np.concatenate(parts)


def _best_cut(boxes: Boxes, members: Indices) -> list[_Block | Indices] | None:
    """The vertical cut that puts most lines into columns, as the pieces it leaves, top to bottom."""
    best, best_size = None, 0
    for x in _candidates(boxes, members):
        pieces = _cut_at(boxes, members, x)
        size = sum(piece.size for piece in pieces if isinstance(piece, _Block))
        if size > best_size:
            best, best_size = pieces, size
    return best


def _candidates(boxes: Boxes, members: Indices) -> list[float]:
    """Columns begin where many lines begin: left edges, the most common first."""
    edges = boxes[members, 0]
    step = max(1.0, float(np.median(boxes[members, 3] - boxes[members, 1])))
    bins = np.floor(edges / step)
    values, counts = np.unique(bins, return_counts=True)
    common = values[np.argsort(-counts, kind="stable")][:MAX_CANDIDATES]
    lowest = float(edges.min())
    firsts = (float(edges[bins == value].min()) for value in common)
    return [first - 0.3 * step for first in firsts if first - lowest > 2 * step]


def _cut_at(boxes: Boxes, members: Indices, x: float) -> list[_Block | Indices]:
    """Runs of lines that x does not cross become blocks, if they look like columns."""
    centre = (boxes[members, 1] + boxes[members, 3]) / 2
    down = members[np.argsort(centre, kind="stable")]
    crossing = (boxes[down, 0] < x) & (boxes[down, 2] > x)
    pieces: list[_Block | Indices] = []
    loose: list[Indices] = []
    for run in np.split(down, np.flatnonzero(np.diff(crossing)) + 1):
        block = None if boxes[run[0], 0] < x < boxes[run[0], 2] else _as_block(boxes, run, x)
        if block is None:
            loose.append(run)
            continue
        if loose:
            pieces.append(np.concatenate(loose))
            loose = []
        pieces.append(block)
    if loose:
        pieces.append(np.concatenate(loose))
    return pieces


def _as_block(boxes: Boxes, run: Indices, x: float) -> _Block | None:
    is_right = boxes[run, 0] >= x
    left, right = run[~is_right], run[is_right]
    if min(len(left), len(right)) < MIN_LINES:
        return None
    width = float(boxes[run, 2].max() - boxes[run, 0].min())
    both = (_looks_like_text(boxes, side, width) for side in (left, right))
    return _Block(left, right) if all(both) else None


def _looks_like_text(boxes: Boxes, side: Indices, page_width: float) -> bool:
    """Lines of one side are long, and fill the width they span."""
    x0, y0, x1, y1 = boxes[side].T
    span = float(np.percentile(x1, 90) - np.percentile(x0, 10))
    widths = x1 - x0
    aspect = float(np.median(widths / np.maximum(y1 - y0, 1)))
    return span >= MIN_SHARE * page_width and aspect >= MIN_ASPECT


def _row_by_row(boxes: Boxes, members: Indices) -> Indices:
    """Rows top to bottom, each from left to right; a row is what overlaps its first line's middle."""
    if not len(members):
        return members
    centre = (boxes[:, 1] + boxes[:, 3]) / 2
    down = members[np.argsort(centre[members], kind="stable")]
    rows: list[list[int]] = []
    for index in down:
        if rows and _same_row(boxes, rows[-1], int(index), float(centre[index])):
            rows[-1].append(int(index))
        else:
            rows.append([int(index)])
    return np.array([i for row in rows for i in sorted(row, key=lambda i: boxes[i, 0])])


def _same_row(boxes: Boxes, row: list[int], index: int, centre: float) -> bool:
    """The line's middle lies in the row's middle stretch, and it does not lie over its last line."""
    y0 = float(np.median(boxes[row, 1]))
    y1 = float(np.median(boxes[row, 3]))
    last = boxes[row[-1]]
    beside = boxes[index, 0] >= last[2] or boxes[index, 2] <= last[0]
    own = float(boxes[index, 3] - boxes[index, 1])
    overlap = min(y1, float(boxes[index, 3])) - max(y0, float(boxes[index, 1]))
    return overlap > 0.5 * min(y1 - y0, own) if beside else y0 < centre < y1 and overlap > 0.7 * own
