"""In which order does a person read these lines? A pure function of their outlines.

Pages are mixtures: a headline over columns, columns, a table, a foot line. The page is cut
recursively. Drawn lines come first: a table's rows, and in a row its cells. Then a vertical cut is
made where lines on both sides look like running text. What is left is read row by row, which is
right for open tables, forms and receipts.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ocrengine.geometry import Quads, bounds, sides
from ocrengine.rulings import NO_RULINGS, Rulings

Boxes = NDArray[np.float32]
"""(N, 4): x0, y0, x1, y1"""
Indices = NDArray[np.intp]

SURE_ANGLE = 0.3
"""Degrees of skew under which turning the page changes nothing."""
MAX_SKEW = 15.0
LONG_LINE = 5.0
"""Width over height from which a line's slope can be trusted."""

# Drawn lines
SPANS = 0.9
"""Share of a part's width, or height, that drawn lines must run along to divide it."""
PIECE = 0.05
"""Pieces of a drawn line shorter than this share are letters, or dirt."""
OPEN_ROWS = 4
"""Rows from which a drawn column's lines can be seen to continue those of its neighbour."""
DENSE = 0.5
"""Share of its height that running text covers; rows of an open table cover less."""

# Columns of text
MIN_LINES = 3
"""A column has at least this many lines."""
MIN_SHARE = 0.12
"""A column is at least this share of the width of what is being cut."""
MIN_ASPECT = 6.0
"""Lines of running text are this much wider than high; cells of a table seldom are."""
RUNNING_DENSITY = 0.35
ALIGNED = 0.65
"""Share of rows that run on across a gap, from which the two sides are a table's,"""
ON_A_ROW = 0.3
"""middles that are this share of a height apart lying on one row,"""
BESIDE = 0.6
"""or this share, where one side holds only short pieces: prices beside what they are for,"""
SOLID = 0.75
"""unless both sides are solid: lines alike in width,"""
ALIKE = 0.85
SOLID_ASPECT = 11.0
SOLID_DENSITY = 0.4
SOLID_SHARE = 0.18
"""long, closely set, and filling this share of the width."""
MAX_CANDIDATES = 80
BEFORE = 0.45
"""A cut lies this share of a line's height before the left edges of a column."""
ASIDE = 0.2
"""Share of its height by which an outline is wider, on each side, than its letters."""


def reading_order(quads: Quads, rulings: Rulings = NO_RULINGS) -> Indices:
    """(N, 4, 2) upright lines and (M, 2, 2) drawn lines -> indices in reading order."""
    if len(quads) < 2:
        return np.arange(len(quads))
    skew = page_skew(quads)
    boxes = _shrunk(bounds(_turned(quads, -skew)))
    return _Page(boxes, _turned(rulings, -skew)).order(np.arange(len(boxes)))


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


@dataclass(frozen=True)
class _Page:
    """Lines and drawn lines, both level, and the recursion over parts of them."""

    boxes: Boxes
    rulings: Rulings

    def order(self, members: Indices) -> Indices:
        if len(members) < 2:
            return members
        ruled = self._cut_at_ruling(members)
        if ruled is not None:
            return np.concatenate([self.order(part) for part in ruled])
        cut = _best_cut(self.boxes, members) if len(members) >= 2 * MIN_LINES else None
        if cut is None:
            return self._order_uncut(members)
        parts: list[Indices] = []
        for piece in cut:
            if isinstance(piece, _Block):
                parts += [self.order(piece.left), self.order(piece.right)]
            elif len(piece) < len(members):
                parts.append(self.order(piece))
        return np.concatenate(parts)

    def _order_uncut(self, members: Indices) -> Indices:
        """What no column divides: between rules that are broken, else row by row."""
        rows = self._split(members, across=1, broken=True) if len(self.rulings) else None
        if rows is None:
            return _row_by_row(self.boxes, members)
        return np.concatenate([self.order(part) for part in rows])

    def _cut_at_ruling(self, members: Indices) -> list[Indices] | None:
        """Rows of a ruled table, top to bottom; else the cells of one row, left to right."""
        if not len(self.rulings):
            return None
        rows = self._split(members, across=1)
        if rows is not None:
            return rows
        cells = self._split(members, across=0)
        return cells if cells is not None and self._are_cells(cells) else None

    def _split(
        self, members: Indices, *, across: int, broken: bool = False
    ) -> list[Indices] | None:
        """Parts of `members` between drawn lines that run the whole way and cross no text.

        across   the axis that is cut: 1 cuts at level lines (y), 0 at upright ones (x)
        broken   level lines may have gaps: rules in each of several columns look like that, too
        """
        boxes = self.boxes[members]
        places = self._places(boxes, across, broken)
        if not places:
            return None
        middle = (boxes[:, across] + boxes[:, across + 2]) / 2
        part = np.searchsorted(np.array(places), middle)
        parts = [members[part == i] for i in range(len(places) + 1)]
        parts = [p for p in parts if len(p)]
        return parts if len(parts) > 1 else None

    def _places(self, boxes: Boxes, across: int, broken: bool) -> list[float]:
        """Where drawn lines cover most of the way past all boxes, and cross none of them."""
        along = 1 - across
        start, stop = float(boxes[:, along].min()), float(boxes[:, along + 2].max())
        length = np.abs(self.rulings[:, 1] - self.rulings[:, 0])
        lines = self.rulings[length[:, along] > length[:, across]]
        low, high = float(boxes[:, across].min()), float(boxes[:, across + 2].max())
        at = lines[:, :, across].mean(axis=1)
        worth = (at > low) & (at < high) & (_length(lines, along) > PIECE * (stop - start))
        lines, at = lines[worth], at[worth]
        places: list[float] = []
        height = float(np.median(boxes[:, 3] - boxes[:, 1]))
        for place in np.unique(np.round(at)):
            near = lines[np.abs(at - place) <= 0.4 * height]
            ends = np.clip(np.sort(near[:, :, along], axis=1), start, stop)
            if (ends[:, 1] - ends[:, 0]).sum() < SPANS * (stop - start):
                continue  # not even without overlap
            if _covered(ends) < SPANS * (stop - start):
                continue
            if across == 1 and not broken and _widest_gap(ends) > height:
                continue
            crossed = (boxes[:, across] < place - 1) & (boxes[:, across + 2] > place + 1)
            if not crossed.any():
                places.append(float(place))
        return places

    def _are_cells(self, parts: list[Indices]) -> bool:
        """False for an open table between two drawn columns: its rows run across them."""
        for left, right in pairwise(parts):
            if min(len(left), len(right)) < OPEN_ROWS:
                continue
            open_rows = min(_side_of(self.boxes, side).density for side in (left, right)) < DENSE
            if open_rows and _aligned_share(self.boxes, left, right) >= ALIGNED:
                return False
        return True


def _length(lines: Rulings, axis: int) -> NDArray[np.float32]:
    return np.abs(lines[:, 1, axis] - lines[:, 0, axis])


def _covered(ends: NDArray[np.float32]) -> float:
    """Length of the union of intervals (N, 2)."""
    total, reach = 0.0, -np.inf
    for start, stop in ends[np.argsort(ends[:, 0])].tolist():
        total += max(0.0, stop - max(start, reach))
        reach = max(reach, stop)
    return total


def _widest_gap(ends: NDArray[np.float32]) -> float:
    """The longest stretch between the first and the last of intervals (N, 2) that none covers."""
    by_start = ends[np.argsort(ends[:, 0])]
    reach = np.maximum.accumulate(by_start[:, 1])
    return float(np.max(by_start[1:, 0] - reach[:-1], initial=0.0))


def _best_cut(boxes: Boxes, members: Indices) -> list[_Block | Indices] | None:
    """The vertical cut that puts most lines into columns: the pieces it leaves, top to bottom."""
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
    inset = crossing & _has_both_neighbours(boxes, down)
    aside, down, crossing = down[inset], down[~inset], crossing[~inset]
    if not len(down):
        return [aside]
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
    loose += [aside] if len(aside) else []
    if loose:
        pieces.append(np.concatenate(loose))
    return pieces


def _has_both_neighbours(boxes: Boxes, members: Indices) -> NDArray[np.bool_]:
    """Lines with text on both sides in their own row: a quotation set into the gap, say.

    They do not divide the columns around them, as a headline does; they are read after them.
    """
    own = boxes[members]
    middle = (own[:, 1] + own[:, 3]) / 2
    beside = (own[None, :, 1] < middle[:, None]) & (own[None, :, 3] > middle[:, None])
    on_left = (beside & (own[None, :, 2] <= own[:, None, 0])).any(axis=1)
    on_right = (beside & (own[None, :, 0] >= own[:, None, 2])).any(axis=1)
    return np.asarray(on_left & on_right)


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
    short = min(side.aspect for side in sides_) < MIN_ASPECT
    if short and _aligned_share(boxes, left, right, BESIDE) >= ALIGNED:
        return None  # values beside their keys, on paper that is not quite flat
    dense = min(side.density for side in sides_) >= RUNNING_DENSITY
    running = dense and max(side.aspect for side in sides_) >= MIN_ASPECT
    return _Block(left, right) if running else None


@dataclass(frozen=True)
class _Side:
    """One side of a cut: how wide it is, how alike its lines, how long, how close."""

    span: float
    fill: float
    """how alike the widths of its lines are: the usual against the longest, or neighbours"""
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
    down = widths[np.argsort(y0 + y1, kind="stable")]
    # A column that narrows beside a picture is still a column: neighbours are alike.
    alike = np.minimum(down[1:], down[:-1]) > ALIKE * np.maximum(down[1:], down[:-1])
    fill = max(float(usual / max(long, 1.0)), float(alike.mean()) if len(alike) else 0.0)
    rows = len(np.unique(np.round((y0 + y1) / 2 / max(float(np.median(y1 - y0)), 1.0))))
    density = rows * float(np.median(y1 - y0)) / max(float(y1.max() - y0.min()), 1.0)
    return _Side(span, fill, aspect, density)


def _aligned_share(
    boxes: Boxes, left: Indices, right: Indices, tolerance: float = ON_A_ROW
) -> float:
    """Share of the shorter side's rows that continue a row of the other side."""
    few, many = sorted((left, right), key=len)
    centre = (boxes[:, 1] + boxes[:, 3]) / 2
    nearest = np.abs(centre[few][:, None] - centre[many][None, :]).min(axis=1)
    return float(np.mean(nearest < tolerance * (boxes[few, 3] - boxes[few, 1])))


def _row_by_row(boxes: Boxes, members: Indices) -> Indices:
    """Rows top to bottom, each left to right; a row is what overlaps its first line's middle."""
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
    """The line's middle lies in the row's middle stretch, and not over the row's last line."""
    y0 = float(np.median(boxes[row, 1]))
    y1 = float(np.median(boxes[row, 3]))
    last = boxes[row[-1]]
    beside = boxes[index, 0] >= last[2] or boxes[index, 2] <= last[0]
    own = float(boxes[index, 3] - boxes[index, 1])
    overlap = min(y1, float(boxes[index, 3])) - max(y0, float(boxes[index, 1]))
    return overlap > 0.5 * min(y1 - y0, own) if beside else y0 < centre < y1 and overlap > 0.7 * own
