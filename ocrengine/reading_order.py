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
ALIGNED = 0.65
"""Share of rows that run on across a gap, from which the two sides are a table's."""
ON_A_ROW = 0.3
"""Middles that are this share of a height apart lie on one row."""
SOLID = 0.75
"""Lines of a text column fill this share of its width; cells of a table seldom do."""
SOLID_ASPECT = 11.0
SOLID_DENSITY = 0.4
SOLID_SHARE = 0.18
RUNNING_DENSITY = 0.35
MAX_CANDIDATES = 80
ASIDE = 0.2
BEFORE = 0.45
SURE_ANGLE = 0.3
"""Degrees of skew under which turning the page changes nothing."""
MAX_SKEW = 15.0
LONG_LINE = 5.0


def reading_order(quads: Quads) -> Indices:
    """(N, 4, 2) upright lines -> indices in reading order."""
    if len(quads) < 2:
        return np.arange(len(quads))
    boxes = bounds(_turned(quads, -page_skew(quads)))
    return _order(_shrunk(boxes), np.arange(len(boxes)))


def _shrunk(boxes: Boxes) -> Boxes:
    """Outlines are padded by unclipping; letters themselves keep clear of their neighbours."""
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    aside = np.minimum(ASIDE * height, 0.2 * width)
    inner = [aside, 0.15 * height, -aside, -0.15 * height]
    return (boxes + np.stack(inner, axis=1)).astype(np.float32)


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
    return [first - BEFORE * step for first in firsts if first - lowest > 2 * step]


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
    sides_ = [_side_of(boxes, side) for side in (left, right)]
    if min(side.span for side in sides_) < MIN_SHARE * width:
        return None
    if _aligned_share(boxes, left, right) >= ALIGNED:
        # Rows run across: a table, unless both sides are solid text on a common grid.
        solid = all(side.is_solid(width) for side in sides_)
        return _Block(left, right) if solid else None
    dense = min(side.density for side in sides_) >= RUNNING_DENSITY
    running = dense and max(side.aspect for side in sides_) >= MIN_ASPECT
    return _Block(left, right) if running else None


@dataclass(frozen=True)
class _Side:
    """One side of a cut: how wide it is, how alike its lines, how long, how close."""

    span: float
    fill: float
    """usual width of a line / width of its longest"""
    aspect: float
    density: float
    """share of its height that lines cover"""

    def is_solid(self, page_width: float) -> bool:
        """Justified or nearly so, long lines, closely set: text, whatever stands beside it."""
        return (
            self.fill >= SOLID
            and self.aspect >= SOLID_ASPECT
            and self.density >= SOLID_DENSITY
            and self.span >= SOLID_SHARE * page_width
        )


def _side_of(boxes: Boxes, side: Indices) -> _Side:
    x0, y0, x1, y1 = boxes[side].T
    span = float(np.percentile(x1, 90) - np.percentile(x0, 10))
    widths = x1 - x0
    aspect = float(np.median(widths / np.maximum(y1 - y0, 1)))
    usual, long = np.percentile(widths, (50, 90))
    rows = len(np.unique(np.round((y0 + y1) / 2 / max(float(np.median(y1 - y0)), 1.0))))
    density = rows * float(np.median(y1 - y0)) / max(float(y1.max() - y0.min()), 1.0)
    return _Side(span, float(usual / max(long, 1.0)), aspect, density)


def _aligned_share(boxes: Boxes, left: Indices, right: Indices) -> float:
    """Share of the shorter side's rows that continue a row of the other side."""
    few, many = sorted((left, right), key=len)
    centre = (boxes[:, 1] + boxes[:, 3]) / 2
    nearest = np.abs(centre[few][:, None] - centre[many][None, :]).min(axis=1)
    return float(np.mean(nearest < ON_A_ROW * (boxes[few, 3] - boxes[few, 1])))


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
