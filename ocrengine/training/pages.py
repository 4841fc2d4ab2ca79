"""Pages as a detector sees them: many lines with known outlines, on paper that was photographed."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrengine.geometry import Quads
from ocrengine.training.chance import choose
from ocrengine.training.degrade import Degrader
from ocrengine.training.glyphs import Strip
from ocrengine.training.lines import LineMix, Material, Typesetter

Picture = NDArray[np.uint8]
RUNNING = 60
"""Lines that may be at least so long are running text and fill their column."""


LEAST_VISIBLE = 0.35
"""Share of a line's outline that must lie on the paper for the line to count."""


FAINTEST = 15
"""Grey levels between a line's ink and its paper."""


@dataclass(frozen=True)
class PageSample:
    picture: Picture
    """(S, S, 3) uint8"""
    quads: Quads
    """(N, 4, 2) float32, clockwise from top left, hugging the ink"""
    ignored: list[NDArray[np.float32]]
    """Regions with ink that is no line: neither asked for nor counted as wrong."""


@dataclass
class Sheet:
    """A page being set: ink, and where its lines are."""

    side: int
    quads: list[list[tuple[float, float]]] = field(default_factory=list)
    ignored: list[list[tuple[float, float]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ink = np.zeros((self.side, self.side), np.uint8)
        self.taken = np.zeros((self.side, self.side), bool)


class PageRenderer:
    """Endless square pages. The same seed gives the same pages."""

    def __init__(self, seed: int, material: Material, side: int = 512) -> None:
        self.rng = np.random.default_rng(seed)
        self.side = side
        self.typesetter = Typesetter(self.rng, material)
        self.degrader = Degrader(self.rng)
        self._layouts: list[tuple[Callable[[Sheet, float], None], float]] = [
            (self._paragraphs, 0.26), (self._receipt, 0.24), (self._table, 0.2),
            (self._form, 0.16), (self._scattered, 0.14),
        ]  # fmt: skip
        self._strips: dict[bool, list[Strip]] = {False: [], True: []}

    def sample(self) -> PageSample:
        rng = self.rng
        sheet = Sheet(self.side)
        self._chinese = float(rng.choice([0.0, 0.15, 0.9], p=[0.5, 0.1, 0.4]))
        # Height of the letters' body; most pages are looked at where print is 8 to 20 px.
        body = float(np.exp(rng.uniform(np.log(8.5), np.log(34))))
        layout = choose(rng, self._layouts)
        layout(sheet, body)
        self._clutter(sheet, body)
        return self._photograph(sheet, body)

    # --- setting -------------------------------------------------------------------------------

    def _strip(self, longest: int) -> Strip:
        """A fresh strip, or one of the last: setting type is most of a page's cost."""
        running = longest >= RUNNING
        kept = self._strips[running]
        if len(kept) > 120 and self.rng.random() < 0.6:
            return kept[int(self.rng.integers(len(kept)))]
        mix = LineMix(self._chinese, longest)
        set_one = self.typesetter.long_strip if running else self.typesetter.strip
        kept.append(set_one(mix))
        del kept[:-240]
        return kept[-1]

    def _place(  # noqa: PLR0913, PLR0917  a line is six things
        self, sheet: Sheet, x: float, y: float, body: float, widest: float, longest: int
    ) -> float:
        """Set a line with its body's top left at (x, y); -> its right end.

        Lines wider than `widest` are cut between letters, so that ink never runs past its outline.
        """
        strip = self._strip(longest)
        scale = body / strip.ink.shape[0]
        ink, top, bottom = strip.ink, strip.top, strip.bottom
        if ink.shape[1] * scale > widest:
            ink = ink[:, : self._gap_before(ink, int(widest / scale))]
            rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
            if not len(columns):
                return x
            ink = ink[:, : columns[-1] + 1]
            top, bottom = int(rows[0]), int(rows[-1]) + 1
        size = (max(1, round(ink.shape[1] * scale)), max(1, round(ink.shape[0] * scale)))
        small = cv2.resize(ink, size, interpolation=cv2.INTER_AREA)
        left, upper = round(x), round(y)
        if not self._stamp(sheet.ink, small, left, upper):
            return x
        y0, y1 = upper + top * scale, upper + bottom * scale
        sheet.quads.append([(left, y0), (left + size[0], y0), (left + size[0], y1), (left, y1)])
        sheet.taken[max(0, upper) : upper + size[1], max(0, left) : left + size[0]] = True
        return float(left + size[0])

    @staticmethod
    def _gap_before(ink: Picture, edge: int) -> int:
        """The last empty column before `edge`."""
        empty = np.flatnonzero(~ink[:, :edge].any(axis=0))
        return int(empty[-1]) if len(empty) else 0

    @staticmethod
    def _stamp(page: Picture, small: Picture, left: int, top: int) -> bool:
        """Add ink; False when it would not lie on the page at all."""
        y0, y1 = max(0, top), min(page.shape[0], top + small.shape[0])
        x0, x1 = max(0, left), min(page.shape[1], left + small.shape[1])
        if y0 >= y1 or x0 >= x1:
            return False
        part = page[y0:y1, x0:x1]
        np.maximum(part, small[y0 - top : y1 - top, x0 - left : x1 - left], out=part)
        return True

    def _paragraphs(self, sheet: Sheet, body: float) -> None:
        rng, side = self.rng, self.side
        columns = 1 if body > 20 or rng.random() < 0.6 else 2
        pitch = body * rng.uniform(1.0, 1.7)
        width = side / columns
        for column in range(columns):
            left = column * width + rng.uniform(-10, 0.12 * width)
            right = (column + 1) * width - rng.uniform(4, 0.1 * width)
            y = rng.uniform(-body, 3 * body)
            while y < side:
                roll = rng.random()
                if roll < 0.06:
                    y += pitch
                    continue
                indent = 2 * body if roll < 0.14 else 0
                big = body * rng.uniform(1.2, 2) if rng.random() < 0.04 else body
                limit = right if rng.random() < 0.8 else left + (right - left) * rng.uniform(0.2, 1)
                self._place(sheet, left + indent, y, big, limit - left - indent, 90)
                y += max(pitch, big * 1.05)

    def _receipt(self, sheet: Sheet, body: float) -> None:
        rng, side = self.rng, self.side
        left = rng.uniform(-10, 0.25 * side)
        right = side - rng.uniform(-10, 0.25 * side)
        pitch, y = body * rng.uniform(0.95, 1.5), rng.uniform(-body, 2 * body)
        while y < side:
            roll, big = rng.random(), body
            if roll < 0.06:
                cv2.line(sheet.ink, (int(left), int(y)), (int(right), int(y)), 255, 1)
                y += 0.5 * body
                continue
            if roll < 0.16:
                big = body * rng.uniform(1.2, 2.2)
            if roll < 0.35:
                self._place(
                    sheet, left + rng.uniform(0, 0.4) * (right - left), y, big, right - left, 30
                )
            else:
                end = self._place(sheet, left, y, big, 0.6 * (right - left), 26)
                for start in sorted(rng.uniform(0.45, 0.95, int(rng.integers(0, 3)))):
                    x = left + start * (right - left)
                    if x > end + 1.6 * body:
                        end = self._place(sheet, x, y, big, right - x + body, 8)
            y += max(pitch, big)

    def _table(self, sheet: Sheet, body: float) -> None:
        rng, side = self.rng, self.side
        ruled, thick = rng.random() < 0.65, int(rng.integers(1, 3))
        edges = np.cumsum(rng.uniform(3.5, 14, 20) * body) + rng.uniform(-2 * body, 2 * body)
        pitch = body * rng.uniform(1.15, 2.4)
        y, slack = rng.uniform(-pitch, pitch), rng.uniform(0.15, 0.8) * body
        rows = []
        while y < side:
            rows.append(int(y))
            for x0, x1 in itertools.pairwise(edges):
                if x0 < side and rng.random() < 0.82:
                    offset = slack + (rng.uniform(0, 0.3) * (x1 - x0) if rng.random() < 0.4 else 0)
                    widest = x1 - x0 - offset - 0.3 * body - (0 if ruled else 0.9 * body)
                    self._place(sheet, x0 + offset, y + (pitch - body) / 2, body, widest, 12)
            y += pitch
        if ruled:
            for row in rows:
                cv2.line(sheet.ink, (int(edges[0]), row), (side, row), 255, thick)
            for x in edges if rng.random() < 0.7 else []:
                cv2.line(sheet.ink, (int(x), 0), (int(x), side), 255, thick)

    def _form(self, sheet: Sheet, body: float) -> None:
        """Labels with their entries at some distance, over lines and in boxes."""
        rng, side = self.rng, self.side
        pitch, y = body * rng.uniform(1.3, 2.6), rng.uniform(-body, 2 * body)
        while y < side:
            x = rng.uniform(0, 0.15) * side
            while x < side - 3 * body:
                end = self._place(sheet, x, y, body * rng.uniform(0.85, 1.1), 0.45 * side, 16)
                gap = rng.uniform(1.7, 9) * body
                if rng.random() < 0.35:
                    base = int(y + body * 0.98)
                    cv2.line(
                        sheet.ink, (int(end + 0.4 * body), base), (int(end + gap), base), 255, 1
                    )
                if rng.random() < 0.12:
                    corner = (int(end + 0.5 * body), int(y))
                    cv2.rectangle(sheet.ink, corner, (corner[0] + int(body), int(y + body)), 255, 1)
                x = end + gap
                if rng.random() < 0.4:
                    break
            y += pitch * (1 if rng.random() < 0.8 else rng.uniform(1.5, 4))

    def _scattered(self, sheet: Sheet, body: float) -> None:
        """Slides, labels and signs: sizes mixed, nothing aligned."""
        rng, side = self.rng, self.side
        for _ in range(int(rng.integers(3, 26))):
            big = body * np.exp(rng.uniform(-0.4, 1.3))
            x, y = rng.uniform(-0.1, 0.8) * side, rng.uniform(0, 0.95) * side
            box = sheet.taken[int(y) : int(y + big), max(0, int(x)) : int(x + 8 * big)]
            if not box.any():
                room = self._room(sheet, x, y, big)
                self._place(sheet, x, y, big, room, 18)

    def _room(self, sheet: Sheet, x: float, y: float, body: float) -> float:
        """Free pixels to the right of x on those rows."""
        start = max(0, int(x))
        columns = sheet.taken[max(0, int(y - 2)) : int(y + body + 2), start:].any(axis=0)
        blocked = np.flatnonzero(columns)
        return float(start - x + (blocked[0] - 0.8 * body if len(blocked) else self.side))

    # --- what is on pages and is no text --------------------------------------------------------

    def _clutter(self, sheet: Sheet, body: float) -> None:
        rng = self.rng
        for _ in range(int(rng.integers(0, 3))):
            draw = [self._barcode, self._logo, self._scribble, self._frame][int(rng.integers(4))]
            draw(sheet, body)

    def _free_spot(self, sheet: Sheet, width: int, height: int) -> tuple[int, int] | None:
        for _ in range(6):
            x = int(self.rng.integers(0, max(1, self.side - width)))
            y = int(self.rng.integers(0, max(1, self.side - height)))
            if not sheet.taken[y : y + height, x : x + width].any():
                sheet.taken[y : y + height, x : x + width] = True
                return x, y
        return None

    def _barcode(self, sheet: Sheet, body: float) -> None:
        width, height = int(self.rng.uniform(4, 12) * body), int(self.rng.uniform(1, 4) * body)
        spot = self._free_spot(sheet, width, height)
        if spot:
            bars = np.repeat(self.rng.random(width // 2 + 1) < 0.5, 2)[:width] * np.uint8(255)
            self._stamp(sheet.ink, np.tile(bars, (height, 1)).astype(np.uint8), *spot)

    def _logo(self, sheet: Sheet, body: float) -> None:
        size = int(self.rng.uniform(2, 7) * body)
        spot = self._free_spot(sheet, size, size)
        if spot:
            picture = np.zeros((size, size), np.uint8)
            for _ in range(int(self.rng.integers(1, 5))):
                centre = self.rng.integers(0, size, 2).tolist()
                axes = self.rng.integers(2, max(3, size // 2), 2).tolist()
                thick = -1 if self.rng.random() < 0.5 else 2
                shade = int(self.rng.integers(80, 255))
                cv2.ellipse(
                    picture, centre, axes, float(self.rng.uniform(0, 180)), 0, 360, shade, thick
                )
            self._stamp(sheet.ink, picture, *spot)

    def _scribble(self, sheet: Sheet, body: float) -> None:
        """Handwriting: somebody else's task, so it counts neither way."""
        width, height = int(self.rng.uniform(3, 9) * body), int(self.rng.uniform(1.5, 3) * body)
        spot = self._free_spot(sheet, width, height)
        if spot:
            count = int(self.rng.integers(8, 30))
            steps = np.linspace(0, width, count) + self.rng.normal(0, width / count, count)
            heights = np.clip(self.rng.normal(height / 2, height / 4, count), 0, height)
            points = np.stack([steps + spot[0], heights + spot[1]], axis=1).astype(np.int32)
            cv2.polylines(sheet.ink, [points], False, 220, int(self.rng.integers(1, 3)))
            x, y = spot
            sheet.ignored.append([(x, y), (x + width, y), (x + width, y + height), (x, y + height)])

    def _frame(self, sheet: Sheet, body: float) -> None:
        corners = np.sort(self.rng.integers(0, self.side, (2, 2)), axis=0)
        thick = int(self.rng.integers(1, 4))
        cv2.rectangle(sheet.ink, corners[0].tolist(), corners[1].tolist(), 255, thick)

    # --- the camera --------------------------------------------------------------------------

    def _photograph(self, sheet: Sheet, body: float) -> PageSample:
        rng = self.rng
        ink, quads = sheet.ink, np.array(sheet.quads, np.float32).reshape(-1, 4, 2)
        ignored = [np.array(quad, np.float32) for quad in sheet.ignored]
        if rng.random() < 0.55:
            matrix = self._view(0.12 if rng.random() < 0.25 else 0.025)
            ink = cv2.warpPerspective(ink, matrix, (self.side, self.side), flags=cv2.INTER_LINEAR)
            quads = _moved(quads, matrix)
            ignored = [_moved(quad[None], matrix)[0] for quad in ignored]
        if rng.random() < 0.25:
            ink = self.degrader.wear(ink)
        if rng.random() < 0.1 and body > 12:
            ink = self.degrader.spread(ink)
        gray = self.degrader.spoil(self.degrader.print_on_paper(ink), 0.7 * body)
        picture = self._tint(gray)
        if rng.random() < 0.3:
            self._lay_on_table(picture, quads)
        visible = [
            i
            for i, quad in enumerate(quads)
            if _is_visible(quad, self.side) and _has_ink(quad, picture)
        ]
        cut = [quads[i] for i in range(len(quads)) if i not in set(visible)]
        return PageSample(picture, quads[visible], [*ignored, *cut])

    def _view(self, strength: float) -> NDArray[np.float64]:
        """(3, 3): a little turned and seen from a side."""
        side = self.side
        angle = self.rng.normal(0, strength * 0.6)
        cos, sin, middle = np.cos(angle), np.sin(angle), side / 2
        corners = np.array([[0, 0], [side, 0], [side, side], [0, side]], np.float32) - middle
        turned = corners @ np.array([[cos, sin], [-sin, cos]], np.float32)
        moved = turned + self.rng.normal(0, strength * side * 0.3, (4, 2))
        return cv2.getPerspectiveTransform(corners + middle, (moved + middle).astype(np.float32))

    def _tint(self, gray: Picture) -> Picture:
        """Gray -> RGB; papers and lamps have colours."""
        if self.rng.random() < 0.4:
            return np.repeat(gray[..., None], 3, axis=2)
        dark, light = self.rng.uniform(0, 50, 3), 255 - self.rng.uniform(0, 45, 3)
        ramp = np.linspace(dark, light, 256).clip(0, 255).astype(np.uint8)
        return ramp[gray]

    def _lay_on_table(self, picture: Picture, quads: Quads) -> None:
        """Beyond an edge of the paper there is something else."""
        rng, side = self.rng, self.side
        edge = int(rng.uniform(0.02, 0.2) * side)
        colour, texture = rng.uniform(0, 255, 3), rng.normal(0, rng.uniform(2, 25), (side, edge, 1))
        table = np.clip(colour + texture, 0, 255).astype(np.uint8)
        which = int(rng.integers(4))
        view = np.rot90(picture, which)
        view[:, :edge] = table
        limits = [(0, edge, 1), (1, edge, 1), (0, side - edge, -1), (1, side - edge, -1)]
        axis, limit, sign = limits[which]
        for i, quad in enumerate(quads):
            whole = cv2.contourArea(quad)
            near = np.maximum(sign * (quad[:, axis] - limit), 0)
            quad[:, axis] = limit + sign * near
            # What is left of a line ends where the paper does; a stump is asked of nobody.
            if cv2.contourArea(quad) < LEAST_VISIBLE * whole:
                quads[i] += 10 * side


def _moved(quads: Quads, matrix: NDArray[np.float64]) -> Quads:
    if not len(quads):
        return quads
    return cv2.perspectiveTransform(quads.reshape(1, -1, 2), matrix).reshape(-1, 4, 2)


def _is_visible(quad: NDArray[np.float32], side: int) -> bool:
    """Most of a line that leaves the page counts; its outline ends with the page."""
    inside = np.clip(quad, 0, side)
    area = cv2.contourArea(inside)
    if area < LEAST_VISIBLE * cv2.contourArea(quad):
        return False
    quad[:] = inside
    return area > 12


def _has_ink(quad: NDArray[np.float32], picture: Picture) -> bool:
    """Faxes lose faint lines, and worn ones: nobody can be asked to find those."""
    x0, y0 = np.floor(quad.min(axis=0)).astype(int)
    x1, y1 = np.ceil(quad.max(axis=0)).astype(int)
    return bool(np.ptp(picture[y0:y1, x0:x1, 1]) >= FAINTEST)
