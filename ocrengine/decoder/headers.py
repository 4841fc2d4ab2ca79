"""Sizes of plain JPEG and PNG files from their first bytes, without starting a child.

A child costs ten milliseconds of a core, and sixty more where none was started for a while, which
is most of what accepting an upload costs. These walks over markers and chunks only ever accept:
they compare a few integers of fixed size, allocate nothing that the file asks for, and answer None
for whatever is damaged, unusual or too large. Then the child looks, and its verdict and words
count.

Sources: ITU-T T.81 annex B (JPEG), W3C PNG third edition, Exif 2.32 section 4.6.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

Size = tuple[int, int]

MOST_PIECES = 200
"""Segments or chunks before the picture's data; cameras write a dozen."""
TAIL_BYTES = 64 * 1024
SIDEWAYS = range(5, 9)
"""Exif orientations in which width and height change places."""
_PLAIN_CHUNKS = {b"PLTE", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"pHYs", b"tIME", b"bKGD", b"sBIT"}
_PNG_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
"""Bit depths that a colour type may have."""


class _Unusual(Exception):
    """Not plain: the child decides."""


def plain_size(kind: str, path: Path) -> Size | None:
    """Upright width and height in pixels of a plain file of one page; None where in doubt."""
    walks = {"jpeg": (_jpeg_size, b"\xff\xd9"), "png": (_png_size, b"IEND")}
    if kind not in walks:
        return None
    walk, end_mark = walks[kind]
    try:
        with path.open("rb") as file:
            width, height = walk(file)
            return (width, height) if _ends_with(file, end_mark) and width and height else None
    except (_Unusual, struct.error):
        return None


def _ends_with(file: BinaryIO, mark: bytes) -> bool:
    """A file that was cut lacks its end mark."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - TAIL_BYTES))
    return mark in file.read()


# --- PNG ---------------------------------------------------------------------------------------


def _png_size(file: BinaryIO) -> Size:
    head = file.read(33)
    width, height, depth, colour, packing, filtering, interlace = struct.unpack(
        ">IIBBBBB", head[16:29]
    )
    whole = head[:16] == b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
    checksum = zlib.crc32(head[12:29]) == struct.unpack(">I", head[29:33])[0]
    plain = depth in _PNG_DEPTHS.get(colour, ()) and not packing and not filtering
    if not (whole and checksum and plain and interlace in (0, 1)):
        raise _Unusual
    for _ in range(MOST_PIECES):
        length, name = struct.unpack(">I4s", file.read(8))
        if name == b"IDAT":
            return width, height
        if name not in _PLAIN_CHUNKS or length > TAIL_BYTES:
            break  # animation, text, profiles, Exif
        file.seek(length + 4, os.SEEK_CUR)
    raise _Unusual


# --- JPEG --------------------------------------------------------------------------------------


def _jpeg_size(file: BinaryIO) -> Size:
    size, orientation = None, 1
    for marker, body in _segments(file):
        if marker in (0xC0, 0xC1, 0xC2):
            precision, height, width, components = struct.unpack(">BHHB", body[:6])
            if size or precision != 8 or components not in (1, 3, 4):
                raise _Unusual
            size = (width, height)
        elif 0xC3 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            raise _Unusual  # lossless, hierarchical, arithmetic
        elif marker == 0xE1:
            orientation = _orientation(body)
    if size is None:
        raise _Unusual
    return size[::-1] if orientation in SIDEWAYS else size


def _segments(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """(marker, body) of each segment up to the start of the scan."""
    if file.read(2) != b"\xff\xd8":
        raise _Unusual
    for _ in range(MOST_PIECES):
        lead, marker, length = struct.unpack(">BBH", file.read(4))
        if lead != 0xFF or marker < 0xC0 or length < 2:
            break
        if marker == 0xDA:
            return
        body = file.read(length - 2)  # at most 64 KB: the length has two bytes
        if len(body) != length - 2:
            break
        yield marker, body
    raise _Unusual


def _orientation(body: bytes) -> int:
    """1 to 8 from an APP1 segment: 1 where it says nothing."""
    if not body.startswith(b"Exif\x00\x00"):
        if b"Orientation" in body:
            raise _Unusual  # XMP may say it too
        return 1
    tiff = body[6:]
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        raise _Unusual
    start = struct.unpack(f"{order}I", tiff[4:8])[0]
    (count,) = struct.unpack_from(f"{order}H", tiff, start) if start < len(tiff) else (0,)
    for entry in range(min(count, MOST_PIECES)):
        at = start + 2 + 12 * entry
        tag, form, values, value = struct.unpack_from(f"{order}HHIH", tiff, at)
        if tag == 0x0112:
            if form != 3 or values != 1:
                raise _Unusual
            return value if 1 <= value <= 8 else 1
    return 1
