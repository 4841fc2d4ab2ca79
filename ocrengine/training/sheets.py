"""Contact sheets: what the network sees, for a person to look at before hours are spent."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ocrengine.training.fonts import installed_faces
from ocrengine.training.lines import HEIGHT, LineMix, LineRenderer, LineSample, Material
from ocrengine.training.pages import PageRenderer

ROW, COLUMN = HEIGHT + 22, 520


def _label_font() -> ImageFont.FreeTypeFont:
    face = next(face for face in installed_faces() if face.is_han)
    return ImageFont.truetype(face.path, 14, index=face.index)


def line_sheet(samples: Sequence[LineSample], path: Path, columns: int = 3) -> None:
    """Each line's picture with its label under it and a tick at each character's middle."""
    rows = -(-len(samples) // columns)
    sheet = Image.new("L", (columns * COLUMN, rows * ROW), 255)
    pen, font = ImageDraw.Draw(sheet), _label_font()
    for number, sample in enumerate(samples):
        x, y = number % columns * COLUMN, number // columns * ROW
        shown = sample.picture[:, : COLUMN - 8]
        sheet.paste(Image.fromarray(shown), (x, y))
        for centre in sample.centres[sample.centres < COLUMN - 8]:
            pen.line((x + centre, y + HEIGHT, x + centre, y + HEIGHT + 3), fill=0)
        pen.text((x, y + HEIGHT + 3), sample.text[:60], font=font, fill=0)
    sheet.save(path)


def page_sheet(
    pages: Sequence[tuple[NDArray[np.uint8], Sequence[NDArray[np.float32]]]],
    path: Path,
    columns: int = 3,
) -> None:
    """Pages (S, S, 3) with their lines' quads (4, 2) drawn."""
    shown = []
    for picture, quads in pages:
        copy = picture.copy()
        for quad in quads:
            cv2.polylines(copy, [np.round(quad).astype(np.int32)], True, (255, 0, 0), 1)
        shown.append(copy)
    while len(shown) % columns:
        shown.append(np.full_like(shown[0], 255))
    rows = [np.hstack(shown[i : i + columns]) for i in range(0, len(shown), columns)]
    Image.fromarray(np.vstack(rows)).save(path)


def look_at_lines(path: Path, seed: int, count: int = 90) -> None:
    """A sheet of fresh lines as the recogniser sees them."""
    renderer = LineRenderer(seed, Material.installed())
    line_sheet([renderer.sample(LineMix()) for _ in range(count)], path)


def look_at_pages(path: Path, seed: int, count: int = 9) -> None:
    """A sheet of fresh pages as the detector sees them."""
    renderer = PageRenderer(seed, Material.installed())
    drawn = [renderer.sample() for _ in range(count)]
    page_sheet([(page.picture, list(page.quads)) for page in drawn], path)
