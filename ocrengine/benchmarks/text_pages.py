"""Pages of any size with as many lines as one likes, in the typeface that Pillow carries: what a
reading costs can be held against one figure at a time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ocrengine.decoder.client import WorkingImage

MARGIN = 24
COLUMN = 20
"""Sizes of its letters: some forty characters"""
PITCH = 1.6
"""From line to line, in sizes of its letters"""
_WORDS = (
    "paper", "toner", "cartridge", "cabinet", "drawers", "lamp", "pens", "envelopes", "window",
    "network", "cable", "label", "printer", "rolls", "markers", "stapler", "delivery", "handling",
    "archive", "boxes", "invoice", "total", "customer", "Station Road", "12.50", "3,980.00", "2026",
)  # fmt: skip
_Place = tuple[int, int, int]
"""x, y and width of a line"""


def draw_text(  # noqa: PLR0913  what a page varies in
    width: int,
    height: int,
    *,
    lines: int | None = None,
    letters: int = 22,
    column: int = COLUMN,
    seed: int = 0,
) -> NDArray[np.uint8]:
    """(height, width, 3) RGB: lines of text in columns.

    lines     at most so many, spread over the page, so that it has no margin to be left out; None:
              as many as there is room for
    letters   size of the letters in pixels
    column    width of a column, in sizes of its letters
    """
    rng = np.random.default_rng(seed)
    page = Image.new("L", (width, height), "white")
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(letters)
    for x, y, room in _spread(_places(width, height, letters, column), lines):
        pen.text((x, y), _words(rng, font, room), font=font, fill="black")
    return np.repeat(np.asarray(page)[..., None], 3, axis=2)


def _places(width: int, height: int, letters: int, column: int) -> list[_Place]:
    """For every line that there is room for, column by column."""
    wide = min(column * letters, width - MARGIN)
    columns = range(MARGIN // 2, width - wide, wide + letters)
    rows = range(MARGIN // 2, height - 2 * letters, round(PITCH * letters))
    return [(x, y, wide) for x in columns for y in rows]


def _spread(places: list[_Place], wanted: int | None) -> list[_Place]:
    """So many of them at equal distances, the first and the last among them."""
    if wanted is None or wanted >= len(places):
        return places
    return [places[round(n * (len(places) - 1) / max(1, wanted - 1))] for n in range(wanted)]


def _words(
    rng: np.random.Generator, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, room: int
) -> str:
    """Words no wider than `room` pixels together: one at least, and mostly two thirds of it."""
    wanted = room * rng.uniform(0.4, 1)
    text = str(rng.choice(_WORDS))
    while font.getlength(longer := f"{text} {rng.choice(_WORDS)}") < wanted:
        text = longer
    return text


def as_working_image(pixels: NDArray[np.uint8], path: Path) -> WorkingImage:
    """What a decoder child would have left at `path` (.npy)."""
    np.save(path, pixels)
    height, width = pixels.shape[:2]
    return WorkingImage(path, width, height, width, height)
