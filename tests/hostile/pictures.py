"""H1 to H68: images, and what only pretends to be one."""

from __future__ import annotations

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable

from PIL import Image

from tests.hostile.judge import Item
from tests.ocrengine.hostile import chunk, frames, ihdr, image, png, tiff, with_jpeg_size

MEGA = 1024 * 1024
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def repeated(block: bytes, times: int) -> bytes:
    """What zlib would make of that many copies of a block, packed once."""
    packer = zlib.compressobj(9, wbits=-15)
    packed = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    checksum = 1
    for _ in range(times):
        checksum = zlib.adler32(block, checksum)
    return b"\x78\xda" + packed * times + b"\x03\x00" + struct.pack(">I", checksum)


def zeros(count: int) -> bytes:
    """At least that many zero bytes, deflated without holding them."""
    return repeated(bytes(MEGA), -(-count // MEGA))


def black(width: int, height: int, depth: int, colour: int, bits: int) -> bytes:
    """A whole PNG of zeros; `bits` of a pixel."""
    row = 1 + -(-width * bits // 8)
    return png(ihdr(width, height, depth, colour), chunk(b"IDAT", zeros(row * height)))


def cut(data: bytes, share: float) -> bytes:
    return data[: int(len(data) * share)]


def with_wrong_checksum(data: bytes, kind: bytes) -> bytes:
    at = data.index(kind)
    (length,) = struct.unpack(">I", data[at - 4 : at])
    end = at + 4 + length
    return data[:end] + bytes([data[end] ^ 0xFF]) + data[end + 1 :]


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.txt", "text")
    return buffer.getvalue()


def in_png(*chunks: bytes) -> bytes:
    """A small picture with these chunks before its data."""
    return png(ihdr(4, 4), *chunks, chunk(b"IDAT", zlib.compress(bytes(20))))


def bomb_chunk(kind: bytes) -> bytes:
    return in_png(chunk(kind, b"a\0\0" + zeros(200 * MEGA)))


def outside_palette() -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 3, 0, 0, 0))
    rows = (b"\0" + bytes([0, 1, 200, 255] * 2)) * 8
    return png(header, chunk(b"PLTE", b"\0\0\0\xff\xff\xff"), chunk(b"IDAT", zlib.compress(rows)))


def interlaced_short() -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 400, 400, 8, 2, 0, 0, 1))
    return png(header, chunk(b"IDAT", zlib.compress(bytes(5000))))


def jpeg_scans() -> bytes:
    """A progressive JPEG that claims 3000 x 3000 and repeats its last scan 2,000 times."""
    data = image("JPEG", (64, 64), progressive=True)
    at = data.index(b"\xff\xc2")
    data = data[: at + 5] + struct.pack(">HH", 3000, 3000) + data[at + 9 :]
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * 2000 + b"\xff\xd9"


def jpeg_segment(marker: int, body: bytes) -> bytes:
    data = image("JPEG")
    return data[:2] + struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body + data[2:]


def exif(*entries: tuple[int, int, int, int], following: int = 0, tail: bytes = b"") -> bytes:
    """An APP1 segment: one directory at 8, whose entries are (tag, type, count, value)."""
    directory = struct.pack("<H", len(entries))
    directory += b"".join(struct.pack("<HHII", *entry) for entry in entries)
    whole = b"II*\0" + struct.pack("<I", 8) + directory + struct.pack("<I", following) + tail
    return jpeg_segment(0xE1, b"Exif\0\0" + whole)


def turned(orientation: int) -> bytes:
    return exif((0x0112, 3, 1, orientation))


def located() -> bytes:
    """An Exif directory that tells where it was taken."""
    tags = Image.Exif()
    tags[0x010E] = "at home, 12 Secret Lane"
    tags.get_ifd(0x8825)[29] = "2020:01:02"
    return image("JPEG", exif=tags)


def tiff_chain(count: int) -> bytes:
    """Directories of a page of one strip, each pointing at the next."""
    one = tiff(8, 8)
    directory = one[8:-1028]
    pieces, at = [b"II*\0" + struct.pack("<I", 8)], 8
    for number in range(count):
        at += len(directory) + 4
        following = at if number + 1 < count else 0
        pieces.append(directory + struct.pack("<I", following))
    return b"".join(pieces) + bytes(1024)


def tiff_with(*more: tuple[int, int, int, int], count: int | None = None) -> bytes:
    """The small page with more entries, or claiming another number of them."""
    entries = [
        (256, 4, 1, 32), (257, 4, 1, 32), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1),
        (273, 4, 1, 4096), (277, 3, 1, 1), (278, 4, 1, 32), (279, 4, 1, 1024), *more,
    ]  # fmt: skip
    directory = struct.pack("<H", len(entries) if count is None else count)
    directory += b"".join(struct.pack("<HHII", *entry) for entry in entries) + bytes(4)
    return (b"II*\0" + struct.pack("<I", 8) + directory).ljust(4096, b"\0") + b"\x80" * 1024


def plain_tiff(mode: str, size: tuple[int, int], value: object, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size, value).save(buffer, "TIFF", **options)
    return buffer.getvalue()


def noisy_fax() -> bytes:
    """G4 data with 400 random bytes in its middle."""
    data = bytearray(image("TIFF", (900, 900), "1", compression="group4"))
    data[len(data) // 3 : len(data) // 3 + 400] = random.Random(61).randbytes(400)
    return bytes(data)


def webp_bomb() -> bytes:
    """34 bytes: one colour, which takes no bits a pixel, for 16,383 x 10,000 pixels."""
    data = bytearray(plain_webp())
    at = data.index(b"VP8L") + 9
    (head,) = struct.unpack_from("<I", data, at)
    struct.pack_into("<I", data, at, (head >> 28 << 28) | 9999 << 14 | 16_382)
    return bytes(data)


def plain_webp() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "WEBP", lossless=True, exact=True, method=0)
    return buffer.getvalue()


def bitmap(width: int, height: int) -> bytes:
    head = struct.pack("<2sIHHI", b"BM", 100, 0, 0, 54)
    return head + struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)


PNG: Callable[[], bytes] = lambda: image("PNG", (300, 200))  # noqa: E731  a table's short word
JPEG: Callable[[], bytes] = lambda: image("JPEG", (300, 200))  # noqa: E731
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><text>&x;</text></svg>'
ENTITY = b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
HTML = b"<html><script>alert(1)</script></html>"
GIF_SCREEN = b"GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\x02\x02D\x01\0;"
MOST = 2**31 - 1
STRIPS = "a TIFF in strips may have 200 megapixels"

ITEMS = (
    Item("H1", "nothing", lambda: b"", "empty_file"),
    Item("H2", "one byte", lambda: b"\x89", "unsupported_type"),
    Item("H3", "text", lambda: b"hello, this is only text\n", "unsupported_type"),
    Item("H4", "a PNG's signature", lambda: SIGNATURE, "damaged"),
    Item("H5", "a web page", lambda: HTML, "unsupported_type"),
    Item("H6", "an SVG with an entity", lambda: ENTITY + SVG, "unsupported_type"),
    Item("H7", "an SVG", lambda: SVG, "unsupported_type"),
    Item("H8", "a ZIP archive", zipped, "unsupported_type"),
    Item("H9", "PostScript", lambda: b"%!PS-Adobe-3.0\n(%pipe%id) run", "unsupported_type"),
    Item("H10", "Photoshop", lambda: b"8BPS\0\1".ljust(99, b"\0"), "unsupported_type"),
    Item("H11", "FITS", lambda: b"SIMPLE  =   T".ljust(2880), "unsupported_type"),
    Item("H12", "XBM", lambda: b"#define a_width 9\n#define a_height 9\n", "unsupported_type"),
    Item("H13", "JPEG 2000", lambda: image("JPEG2000"), "unsupported_type"),
    Item("H14", "a PNG cut at a quarter", lambda: cut(PNG(), 0.25), "damaged"),
    Item("H15", "a PNG cut at three quarters", lambda: cut(PNG(), 0.75), "damaged"),
    Item("H16", "a PNG without its end", lambda: PNG()[:-12], "damaged",
         why="all pixels may be there, but a file without its end was cut: nobody can tell"),
    Item("H17", "a wrong checksum of IHDR", lambda: with_wrong_checksum(PNG(), b"IHDR"), "damaged"),
    Item("H18", "a wrong checksum of IDAT", lambda: with_wrong_checksum(PNG(), b"IDAT"),
        "ok|damaged", why="its pixels unpack by a checksum of their own"),
    Item("H19", "a chunk of 4 GB", lambda: SIGNATURE + chunk(b"IHDR", b"", length=0xFFFFFFFF),
         "damaged"),
    Item("H20", "no width", lambda: png(ihdr(0, 10)), "damaged"),
    Item("H21", "100,000 squared", lambda: png(ihdr(100_000, 100_000)), "too_many_pixels"),
    Item("H22", "2^31-1 squared", lambda: png(ihdr(MOST, MOST)), "too_many_pixels"),
    Item("H23", "20,000 squared, one bit", lambda: black(20_000, 20_000, 1, 0, 1),
         "too_many_pixels"),
    Item("H24", "13,000 x 13,500 with alpha", lambda: black(13_000, 13_500, 8, 6, 32),
         "too_many_pixels"),
    Item("H25", "9,200 squared, 16 bits", lambda: black(9200, 9200, 16, 2, 48), "too_many_pixels"),
    Item("H26", "one pixel wide", lambda: black(1, 5_000_000, 8, 0, 8), "side_too_long"),
    Item("H27", "one pixel high", lambda: black(5_000_000, 1, 8, 0, 8), "side_too_long"),
    Item("H28", "text that unpacks to 200 MB", lambda: bomb_chunk(b"zTXt"), "damaged"),
    Item("H29", "a profile that unpacks to 200 MB", lambda: bomb_chunk(b"iCCP"), "ok|damaged",
         why="the profile is given up unpacked; the picture beside it may be whole"),
    Item("H30", "100,000 texts", lambda: in_png(*[chunk(b"tEXt", b"a\0b")] * 100_000), "ok"),
    Item("H31", "interlaced and short", interlaced_short, "damaged"),
    Item("H32", "colours outside the palette", outside_palette, "ok"),
    Item("H33", "an APNG of 3,000 frames", lambda: frames("PNG", 3000, (8, 8)),
         "animation_first_frame"),
    Item("H34", "a PNG and a web page", lambda: PNG() + HTML, "ok", absent=(b"script",)),
    Item("H35", "a PNG and a ZIP archive", lambda: PNG() + zipped(), "ok", absent=(b"PK\3\4",)),
    Item("H36", "a script as text", lambda: in_png(chunk(b"tEXt", b"a\0<script>x</script>")), "ok",
         absent=(b"script",)),
    Item("H37", "a PNG and a PDF", lambda: PNG() + b"%PDF-1.7\n1 0 obj", "ok", absent=(b"%PDF",)),
    Item("H38", "a JPEG cut in half", lambda: cut(JPEG(), 0.5), "damaged"),
    Item("H39", "65,500 squared", lambda: with_jpeg_size(JPEG(), 65_500, 65_500),
         "too_many_pixels"),
    Item("H40", "13,000 squared", lambda: with_jpeg_size(JPEG(), 13_000, 13_000), "ok|damaged",
         why="a JPEG may have 200 megapixels; before an end mark, libjpeg draws grey what lacks"),
    Item("H41", "no height", lambda: with_jpeg_size(JPEG(), 60, 0), "damaged"),
    Item("H42", "a scan 2,000 times", jpeg_scans, "ok|damaged|page_timeout", hungry=True),
    Item("H43", "CMYK", lambda: image("JPEG", mode="CMYK"), "ok"),
    Item("H44", "code in its comment", lambda: jpeg_segment(0xFE, b"<?php evil()?>"), "ok",
         absent=(b"php",)),
    Item("H45", "lying on its side", lambda: turned(8), "ok"),
    Item("H46", "orientation 99", lambda: turned(99), "ok"),
    Item("H47", "an Exif loop", lambda: exif((0x8769, 4, 1, 8), following=8), "ok"),
    Item("H48", "Exif of 2^32-1 values", lambda: exif((0x010E, 2, 0xFFFFFFFF, 8)), "ok"),
    Item("H49", "where it was taken", located, "ok", absent=(b"Secret Lane", b"2020:01:02")),
    Item("H50", "a GIF of 65,535 squared", lambda: GIF_SCREEN, "too_many_pixels"),
    Item("H51", "a GIF of 20,000 frames", lambda: gif_of_frames(20_000), "animation_first_frame"),
    Item("H52", "a TIFF that points at itself", lambda: tiff(32, 32, next_directory=8), "ok"),
    Item("H53", "a TIFF of 5,000 pages", lambda: tiff_chain(5000), "too_many_pages"),
    Item("H54", "200,000 squared", lambda: tiff(200_000, 200_000), "too_many_pixels"),
    Item("H55", "12,000 squared, deflated", lambda: plain_tiff(
        "L", (12_000, 12_000), 0, compression="tiff_adobe_deflate"), "ok", why=STRIPS),
    Item("H56", "65,535 samples", lambda: tiff(32, 32, samples=65_535), "damaged"),
    Item("H57", "65,535 tags", lambda: tiff_with(count=65_535), "ok|damaged",
         why="all tags that are there may be whole"),
    Item("H58", "a tag of 2^32 values", lambda: tiff_with((315, 2, 0xFFFFFFF0, 8)), "ok"),
    Item("H59", "not a number", lambda: plain_tiff("F", (40, 40), float("nan")), "ok"),
    Item("H60", "G4 of 9 megapixels", lambda: image("TIFF", (3000, 3000), "1",
                                                    compression="group4"), "ok", drawn=True),
    Item("H61", "G4 with noise", noisy_fax, "ok|damaged",
         why="G4 has no checksum: noise that decodes is a picture"),
    Item("H62", "JPEG in TIFF", lambda: image("TIFF", (300, 200), compression="jpeg"), "ok",
         drawn=True),
    Item("H63", "LZW of 64 megapixels", lambda: plain_tiff(
        "L", (8000, 8000), 0, compression="tiff_lzw"), "ok"),
    Item("H64", "WebP of 16,383 x 10,000", webp_bomb, "too_many_pixels"),
    Item("H65", "a cut WebP", lambda: image("WEBP")[:100], "damaged"),
    Item("H66", "a WebP of 1,000 frames", lambda: frames("WEBP", 1000, (8, 8)),
         "animation_first_frame"),
    Item("H67", "a bitmap of 100,000 squared", lambda: bitmap(100_000, 100_000), "too_many_pixels"),
    Item("H68", "a bitmap of height -2^31", lambda: bitmap(9, -(2**31)), "too_many_pixels"),
)  # fmt: skip


def gif_of_frames(count: int) -> bytes:
    """The second of two frames, over and over."""
    two = frames("GIF", 2, (4, 4))
    start = two.rindex(b"\x21\xf9")
    return two[:start] + two[start:-1] * (count - 1) + b";"
