"""What leaves the engine: frozen values, in full-page pixels, ready for JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

Point = tuple[float, float]
Polygon = tuple[Point, ...]
"""Four or more points, clockwise from the line's own top left, x right and y down, in page pixels.

Page pixels are the pixels of the *upright source page*: EXIF orientation applied, before any
reduced decoding. Nobody outside the engine ever needs to know a scale.
"""


@dataclass(frozen=True)
class Line:
    """One line of text as the machine read it. Its place in the list is its reading order."""

    polygon: Polygon
    text: str
    confidence: float
    """Mean probability of the characters kept by CTC decoding, 0..1."""
    detection_score: float = 1.0

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> Line:
        polygon = tuple((float(x), float(y)) for x, y in raw["polygon"])
        return cls(polygon, raw["text"], float(raw["confidence"]), float(raw["detection_score"]))


@dataclass(frozen=True)
class Receipt:
    """How a page was read: enough to explain, and to repeat, the result."""

    bundle: str
    bundle_sha256: str
    profile: str
    source_size: tuple[int, int]
    """Width and height of the upright page, before any reduction."""
    working_size: tuple[int, int]
    """Width and height of the image the engine was given; smaller when decoded reduced."""
    detection_scale: float
    """Detection pixels per working pixel: 1.0 means that text was looked for at native size."""
    tiles: int
    precision: str
    tile_side: int = 0
    """Longest side of one look, in detection pixels."""
    rotation: int = 0
    """Degrees the page was turned clockwise to make its text upright: 0, 90, 180, 270."""
    skew: float = 0.0
    """Degrees by which lines fall (clockwise), acted on only when sure."""
    dropped_boxes: int = 0
    """Boxes detected but not kept, because nothing legible was read in them."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class PageResult:
    """One page read: lines in reading order, and the receipt."""

    width: int
    height: int
    lines: tuple[Line, ...]
    receipt: Receipt
    seconds: dict[str, float] = field(default_factory=dict)
    """Wall seconds by stage: detect, recognize, orient, order."""

    @property
    def text(self) -> str:
        return "\n".join(line.text for line in self.lines)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> PageResult:
        receipt = dict(raw["receipt"])
        for pair in ("source_size", "working_size", "notes"):
            receipt[pair] = tuple(receipt[pair])
        return cls(
            width=int(raw["width"]),
            height=int(raw["height"]),
            lines=tuple(Line.from_dict(line) for line in raw["lines"]),
            receipt=Receipt(**receipt),
            seconds=dict(raw["seconds"]),
        )
