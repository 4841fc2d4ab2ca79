"""Invoices to measure with: drawn with the typeface that Pillow carries, so that any machine draws
the same ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 1240, 1754
"""A4 at 150 dpi"""
_GOODS = (
    "Copy paper A4 80 g", "Toner cartridge black", "Filing cabinet, 3 drawers", "Desk lamp LED",
    "Ball pens blue, box of 50", "Envelopes C5 window", "Network cable 5 m", "Label printer rolls",
    "Whiteboard markers", "Stapler heavy duty", "Delivery and handling", "Archive boxes (20)",
)  # fmt: skip
_NAMES = (
    "Meridian Supplies Ltd",
    "Harbour Street Books",
    "Norden Werkzeug GmbH",
    "Blue Heron Cafe",
)


def draw_invoice(number: int) -> Image.Image:
    """(HEIGHT, WIDTH) RGB; the same number gives the same invoice."""
    rng = np.random.default_rng(number)
    page = Image.new("RGB", (WIDTH, HEIGHT), "white")
    pen = ImageDraw.Draw(page)
    large, small = ImageFont.load_default(44), ImageFont.load_default(23)
    pen.text((90, 90), "INVOICE", font=large, fill="black")
    for row, text in enumerate((
        _NAMES[number % len(_NAMES)], f"{rng.integers(1, 300)} Station Road",
        f"Invoice no. {2026_0000 + number}",
        f"Date {rng.integers(1, 29):02d}/0{rng.integers(1, 10)}/2026",
        f"Customer {rng.integers(10_000, 99_999)}",
    )):  # fmt: skip
        pen.text((90, 190 + 38 * row), text, font=small, fill="black")
    total = _draw_rows(pen, rng, small)
    pen.text((820, 1560), f"Total  {total:,.2f}", font=large, fill="black")
    noise = rng.normal(0, 5, (HEIGHT, WIDTH, 1))
    return Image.fromarray((np.asarray(page) + noise).clip(0, 255).astype(np.uint8))


def _draw_rows(
    pen: ImageDraw.ImageDraw,
    rng: np.random.Generator,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> float:
    """The table's rows; their sum"""
    total = 0.0
    for row in range(int(rng.integers(12, 24))):
        y = 460 + 44 * row
        count, price = int(rng.integers(1, 40)), float(rng.integers(100, 40_000)) / 100
        total += count * price
        goods = _GOODS[int(rng.integers(len(_GOODS)))]
        cells = (str(row + 1), goods, str(count), f"{price:,.2f}", f"{count * price:,.2f}")
        for x, text in zip((90, 150, 640, 780, 980), cells, strict=True):
            pen.text((x, y), text, font=font, fill="black")
        pen.line((90, y + 36, WIDTH - 90, y + 36), fill=(190, 190, 190))
    return total


def write_invoices(folder: Path, count: int) -> list[Path]:
    """JPEG files of invoices 0 to count - 1."""
    paths = [folder / f"invoice-{number:04}.jpg" for number in range(count)]
    for number, path in enumerate(paths):
        draw_invoice(number).save(path, quality=85)
    return paths
