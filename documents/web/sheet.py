"""A page as the screen draws it: upright, its lines as shapes and text with a level of doubt."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from documents.models import Line, Page

SURE = 0.9
UNSURE = 0.75


@dataclass(frozen=True)
class ShownLine:
    number: int
    points: str
    text: str
    percent: int
    level: str
    """sure, unsure (below 90 %) or doubtful (below 75 %)."""


@dataclass(frozen=True)
class Sheet:
    """The upright canvas, and the transform that turns page pixels onto it."""

    width: int
    height: int
    transform: str
    lines: tuple[ShownLine, ...]

    @property
    def unsure(self) -> int:
        return sum(line.level != "sure" for line in self.lines)


def level_of(confidence: float) -> str:
    if confidence >= SURE:
        return "sure"
    return "unsure" if confidence >= UNSURE else "doubtful"


def _shown(line: Line, number: int) -> ShownLine:
    return ShownLine(
        number=number,
        points=" ".join(f"{x:.0f},{y:.0f}" for x, y in line.polygon),
        text=line.text,
        # Rounded down: 99.6 % is not certainty.
        percent=int(line.confidence * 100),
        level=level_of(line.confidence),
    )


def sheet_of(page: Page, lines: Iterable[Line]) -> Sheet:
    width, height = page.width, page.height
    turned = {
        0: (width, height, ""),
        90: (height, width, f"translate({height} 0) rotate(90)"),
        180: (width, height, f"translate({width} {height}) rotate(180)"),
        270: (height, width, f"translate(0 {width}) rotate(270)"),
    }
    shown = tuple(_shown(line, number) for number, line in enumerate(lines, 1))
    return Sheet(*turned.get(page.rotation, turned[0]), lines=shown)
