"""Letters as small pictures, drawn once each by FreeType (through Pillow) and kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ocrengine.training.fonts import Face

EM = 40
"""Pixels to the em. Lines are drawn at this size and shrunk: enough for a height of 32."""
MAX_GLYPHS = 120_000
"""Pictures kept, about 1.5 kB each."""
MAX_FONTS = 64
"""Faces kept open, a megabyte or two each: all of them were 1.1 GB, for a quarter more lines a
second out of a tenth of a training step."""

Alpha = NDArray[np.uint8]


@dataclass(frozen=True)
class Glyph:
    ink: Alpha
    left: int
    """From the pen to the picture's left edge, pixels."""
    top: int
    """From the baseline up to the picture's upper edge is negative: y grows downwards."""
    advance: float


@dataclass(frozen=True)
class Setting:
    tracking: float = 0.0
    """Pixels added after each character"""
    space: float = 1.0
    """Factor on the width of spaces"""
    em: int = EM
    """Pixels to the em; a small one gives the very pixels that a screen would show."""


@dataclass(frozen=True)
class Strip:
    """One line of text as ink on nothing."""

    ink: Alpha
    """(h, w) uint8, 255 = fully inked"""
    text: str
    centres: NDArray[np.float32]
    """(len(text),) x of each character's middle, in pixels of `ink`"""
    top: int
    """Rows top:bottom hold ink; outside them are the font's own margins."""
    bottom: int


@lru_cache(maxsize=MAX_FONTS)
def _font(path: str, index: int, em: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, em, index=index, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=MAX_GLYPHS)
def draw_glyph(face: Face, character: str, em: int = EM) -> Glyph:
    font = _font(face.path, face.index, em)
    left, top, right, bottom = font.getbbox(character, anchor="ls")
    width, height = max(1, int(right - left)), max(1, int(bottom - top))
    picture = Image.new("L", (width, height))
    ImageDraw.Draw(picture).text((-left, -top), character, fill=255, font=font, anchor="ls")
    return Glyph(np.asarray(picture).copy(), int(left), int(top), font.getlength(character))


def set_line(
    text: str, face: Face, latin: Face | None = None, setting: Setting = Setting()
) -> Strip | None:
    """Set a line on one baseline; None when there is no ink.

    latin      the face of ASCII characters, where it is another one
    """
    pen, placed, centres = 0.0, [], []
    for character in text:
        own = latin if latin is not None and character < "\x7f" else face
        glyph = draw_glyph(own, character, setting.em)
        advance = glyph.advance * (setting.space if character == " " else 1.0)
        advance += setting.tracking
        if character == " ":
            centres.append(pen + advance / 2)
        else:
            placed.append((round(pen) + glyph.left, glyph))
            centres.append(round(pen) + glyph.left + glyph.ink.shape[1] / 2)
        pen += max(advance, 2.0)
    return _compose(text, placed, centres, setting.em) if placed else None


def _compose(
    text: str, placed: Sequence[tuple[int, Glyph]], centres: Sequence[float], em: int
) -> Strip | None:
    start = min(x for x, _ in placed)
    stop = max(x + glyph.ink.shape[1] for x, glyph in placed)
    above = min(glyph.top for _, glyph in placed)
    below = max(glyph.top + glyph.ink.shape[0] for _, glyph in placed)
    # The font's own body, about .88 em above the baseline and .24 below, whatever is inked.
    ceiling, floor = min(above, -round(0.88 * em)), max(below, round(0.24 * em))
    ink = np.zeros((floor - ceiling, stop - start), np.uint8)
    for x, glyph in placed:
        height, width = glyph.ink.shape
        rows = slice(glyph.top - ceiling, glyph.top - ceiling + height)
        part = ink[rows, x - start : x - start + width]
        np.maximum(part, glyph.ink, out=part)
    if not ink.any():
        return None
    middles = np.array(centres, np.float32) - start
    return Strip(ink, text, middles, above - ceiling, below - ceiling)
