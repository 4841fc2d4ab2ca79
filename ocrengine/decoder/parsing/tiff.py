"""TIFF: its directories, and pages too large for memory read strip by strip (TIFF 6.0)."""

import io
import sys
from collections.abc import Iterator
from typing import Any

from PIL import Image, TiffImagePlugin

from ocrengine.decoder.parsing.bounds import Limits, Refused, check_size
from ocrengine.decoder.parsing.pixels import ROWS_AT_ONCE

STRIPS_APART = (1, 3, 4, 5, 7, 8, 32773, 32946)
"""Compressions whose strips can be read alone: none, G3, G4, LZW, JPEG, Deflate, PackBits."""
BAND_BYTES = 256 * 1024 * 1024
BYTES_A_PIXEL = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "RGB": 4, "RGBA": 4, "CMYK": 4}
"""In Pillow's memory. Other modes are read as a whole, or not at all."""
WIDTH, LENGTH, COMPRESSION, OFFSETS, ROWS, COUNTS, PLANES = 256, 257, 259, 273, 278, 279, 284
COPIED = (258, 259, 262, 266, 277, 284, 292, 293, 317, 320, 338, 339, 347, 530, 531, 532)
"""Tags that say how a strip's bytes become pixels."""


def pages_of_tiff(image: Any, limits: Limits) -> list[tuple[int, int]]:
    """Sizes of all frames, which are found by following their directories."""
    pages: list[tuple[int, int]] = []
    seen: set[int] = set()
    while True:
        index = len(pages)
        try:
            image.seek(index)
        except EOFError:
            return pages
        except MemoryError:
            raise
        except Exception:
            raise Refused("damaged", page=index + 1) from None
        offset = getattr(image, "_frame_pos", [index])[-1]
        if offset in seen:
            return pages  # a directory that points back at itself
        seen.add(offset)
        if index >= limits["max_pages"]:
            raise Refused("too_many_pages", pages=f"{index + 1}+", limit=limits["max_pages"])
        width, height = image.size
        check_size(width, height, index + 1, comes_in_bands(image), limits)
        pages.append((width, height))


def rows_apart(image: Any) -> int:
    """Rows that can be read without the others: of a strip, or all there are."""
    tags = image.tag_v2
    height, rows = image._tile_size[1], tags.get(ROWS)
    offsets, counts = tags.get(OFFSETS, ()), tags.get(COUNTS, ())
    fits = isinstance(rows, int) and 0 < rows < height
    plain = tags.get(COMPRESSION, 1) in STRIPS_APART and tags.get(PLANES, 1) == 1
    if fits and plain and len(offsets) == len(counts) == -(-height // rows):
        return rows
    return height


def comes_in_bands(image: Any) -> bool:
    """Whether a TIFF's page can be made smaller piece by piece, in bounded memory."""
    each = BYTES_A_PIXEL.get(image.mode)
    return each is not None and rows_apart(image) * image._tile_size[0] * each <= BAND_BYTES


def bands_of(image: Any) -> Iterator[Any]:
    """The page from top to bottom, as it lies in the file, in pictures of some strips each."""
    height, rows = image._tile_size[1], rows_apart(image)
    if rows == height:
        # One piece, in memory as few bytes as the file lets it be; its turn is not Pillow's.
        yield upright_as_it_lies(image)
        return
    strips = max(1, ROWS_AT_ONCE // rows)
    for first in range(0, -(-height // rows), strips):
        tall = min(strips * rows, height - first * rows)
        band = Image.open(io.BytesIO(tiff_of(image, first, strips, tall)), formats=("TIFF",))
        band.load()
        yield band


def upright_as_it_lies(image: Any) -> Any:
    image.getexif().pop(0x0112, None)
    image._size = image._tile_size
    image.load()
    return image


def tiff_of(image: Any, first: int, strips: int, height: int) -> bytes:
    """Some strips of a page as a TIFF of their own: their bytes, and a directory that fits."""
    tags, file = image.tag_v2, sys.stdin.buffer
    pieces = []
    for at in range(first, min(first + strips, len(tags[OFFSETS]))):
        file.seek(tags[OFFSETS][at])
        pieces.append(file.read(tags[COUNTS][at]))
        if len(pieces[-1]) < tags[COUNTS][at]:
            raise ValueError("a strip ends behind the file")
    order = tags.prefix
    directory = TiffImagePlugin.ImageFileDirectory_v2(prefix=order)
    for tag in COPIED:
        if tag in tags:
            directory[tag] = tags[tag]
            directory.tagtype[tag] = tags.tagtype[tag]
    counts = [len(piece) for piece in pieces]
    # Counted from the end of the directory, which adds where that is.
    starts = [sum(counts[:number]) for number in range(len(counts))]
    own = {WIDTH: image._tile_size[0], LENGTH: height, ROWS: tags[ROWS]}
    for tag, value in (own | {OFFSETS: tuple(starts), COUNTS: tuple(counts)}).items():
        directory[tag] = value
        directory.tagtype[tag] = 4  # LONG
    head = {b"II": b"II*\0\x08\0\0\0", b"MM": b"MM\0*\0\0\0\x08"}[order]
    return head + directory.tobytes(8) + b"".join(pieces)
