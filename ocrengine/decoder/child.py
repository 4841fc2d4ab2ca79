"""The disposable decoder: one file on standard input, one answer on standard output.

Run by the fork server in a child of its own, never imported: no Django, no numpy, no torch, nothing
of ours. It limits itself before it touches a byte of the file. Answers are one JSON object:

    {"pages": [[w, h], ...], "notes": [...]}              inspect
    {"path": ..., "width": ..., ...}                      decode (see client.WorkingImage)
    {"refused": code, "params": {...}}                    the file is at fault
    {"memory": reason}                                    it needs more memory than allowed
    {"disk": reason}                                      there is no room for what it writes
"""

# ruff: noqa: PLC0415  a PDF must not pay for Pillow's plugins, nor an image for pdfium

import contextlib
import ctypes
import errno
import io
import itertools
import json
import math
import os
import resource
import sys
from collections.abc import Iterable, Iterator
from typing import Any

Order = dict[str, Any]
Limits = dict[str, Any]
Answer = dict[str, Any]

PR_SET_NO_NEW_PRIVS = 38
POINTS_PER_INCH = 72
MIN_PDF_DPI = 36
ROWS_AT_ONCE = 256
DIVISORS = (1, 2, 4, 8)
NEARLY = 0.8
"""Share of the pixels allowed that is as good as all of them."""
NICENESS = 5
FULL = (errno.ENOSPC, errno.EDQUOT)


class Refused(Exception):
    def __init__(self, code: str, **params: Any) -> None:
        self.code, self.params = code, params


def confine(limits: Limits) -> None:
    """Give up everything that decoding does not need. Before any byte of the file is read."""
    ctypes.CDLL(None).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    for what, limit in (
        (resource.RLIMIT_AS, limits["memory_bytes"]),
        (resource.RLIMIT_CPU, limits["cpu_seconds"]),
        (resource.RLIMIT_FSIZE, limits["file_bytes"]),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (limit, limit))
    os.nice(NICENESS)
    # Linux may share the processor between sessions first, and then only a session's figure counts.
    with contextlib.suppress(OSError), open("/proc/self/autogroup", "w") as file:
        file.write(str(NICENESS))
    with open("/proc/self/oom_score_adj", "w") as file:
        # When memory runs out, the kernel must choose this process and no other.
        file.write("1000")
    os.umask(0o077)


# --- Images -----------------------------------------------------------------------------------


def pillow(max_pixels: int) -> Any:
    from PIL import Image, ImageFile, PngImagePlugin

    Image.MAX_IMAGE_PIXELS = max_pixels + 1
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    PngImagePlugin.MAX_TEXT_CHUNK = 1024 * 1024
    PngImagePlugin.MAX_TEXT_MEMORY = 4 * 1024 * 1024
    return Image


def open_image(kind: str, limits: Limits) -> Any:
    Image = pillow(limits["max_pixels_streamed"])
    if kind == "webp":
        check_webp(limits)
    try:
        return Image.open(sys.stdin.buffer, formats=(kind.upper(),))
    except MemoryError:
        raise
    except Image.DecompressionBombError:
        raise Refused("too_many_pixels", **pixels_of(kind, limits)) from None
    except Exception:
        raise Refused("damaged", page=1) from None


def check_webp(limits: Limits) -> None:
    """Before Pillow sees it, which takes memory for all pixels to tell how many there are."""
    head = sys.stdin.buffer.read(30)
    sys.stdin.buffer.seek(0)
    form, body = head[12:16], head[20:]
    if form == b"VP8X":  # 24 bits each, one less than the size
        size = [int.from_bytes(body[at : at + 3], "little") + 1 for at in (4, 7)]
    elif form == b"VP8L":  # 14 bits each, one less than the size
        bits = int.from_bytes(body[1:5], "little")
        size = [(bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1]
    else:  # VP8: 14 bits each and two to scale by, which nobody heeds
        size = [int.from_bytes(body[at : at + 2], "little") & 0x3FFF for at in (6, 8)]
    check_size(size[0], size[1], 1, False, limits)


def pixels_of(kind: str, limits: Limits) -> dict[str, Any]:
    """Pillow refused before it said the size; read it where each format keeps it, if simple."""
    sys.stdin.buffer.seek(0)
    head = sys.stdin.buffer.read(32)
    size: tuple[int | str, int | str] = ("?", "?")
    if kind == "png":
        size = (int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big"))
    elif kind == "gif":
        size = (int.from_bytes(head[6:8], "little"), int.from_bytes(head[8:10], "little"))
    elif kind == "bmp":
        size = (int.from_bytes(head[18:22], "little"), int.from_bytes(head[22:26], "little"))
    limit = limits["max_pixels"] // 1_000_000
    return {"page": 1, "width": size[0], "height": size[1], "limit_mp": limit}


def check_size(width: int, height: int, page: int, streamed: bool, limits: Limits) -> None:
    """streamed   it can be made smaller while it is decoded, so that its pixels cost less"""
    if width < 1 or height < 1:
        raise Refused("damaged", page=page)
    allowed = limits["max_pixels_streamed" if streamed else "max_pixels"]
    if width * height > allowed:
        raise Refused(
            "too_many_pixels",
            page=page,
            width=width,
            height=height,
            limit_mp=allowed // 1_000_000,
        )
    if max(width, height) > limits["max_side"]:
        raise Refused(
            "side_too_long", page=page, width=width, height=height, limit=limits["max_side"]
        )


def exif_orientation(image: Any) -> int:
    """1 to 8; anything else, and any damage in the metadata, means upright."""
    try:
        value = image.getexif().get(0x0112, 1)
    except MemoryError:
        raise
    except Exception:
        return 1
    return value if value in range(1, 9) else 1


def upright_size(image: Any) -> tuple[int, int]:
    """Pillow turns a TIFF by itself, and says its size as if it had."""
    width, height = image.size
    sideways = image.format != "TIFF" and exif_orientation(image) >= 5
    return (height, width) if sideways else (width, height)


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
        width, height = upright_size(image)
        check_size(width, height, index + 1, comes_in_bands(image), limits)
        pages.append((width, height))


def inspect_image(kind: str, limits: Limits) -> Answer:
    image = open_image(kind, limits)
    if kind == "tiff":
        return {"pages": pages_of_tiff(image, limits), "notes": []}
    width, height = upright_size(image)
    check_size(width, height, 1, kind == "jpeg", limits)
    check_whole(kind)
    return {
        "pages": [(width, height)],
        "notes": ["animation_first_frame"] if is_animated(kind, image) else [],
    }


def is_animated(kind: str, image: Any) -> bool:
    """Told by looking for the second frame, which may be where the damage is."""
    try:
        return kind in ("gif", "webp", "png") and getattr(image, "is_animated", False)
    except MemoryError:
        raise
    except Exception:
        raise Refused("damaged", page=1) from None


def check_whole(kind: str) -> None:
    """A file that was cut lacks its end mark, and that is cheap to see."""
    file = sys.stdin.buffer
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 64 * 1024))
    tail = file.read()
    marks = {"png": b"IEND", "jpeg": b"\xff\xd9"}
    if kind in marks and marks[kind] not in tail:
        raise Refused("damaged", page=1)


TRANSPOSE = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}
"""EXIF orientation -> Pillow's Transpose."""


def decode_image(order: Order, limits: Limits) -> Answer:
    index = order["index"]
    image = open_image(order["kind"], limits)
    try:
        source, picture = upright_picture(image, order, limits)
    except (MemoryError, Refused):
        raise
    except Exception:
        raise Refused("damaged", page=index + 1) from None
    notes = ["reduced"] if math.prod(source) > order["pixel_cap"] else []
    return write_images(picture, source, order, notes)


def upright_picture(image: Any, order: Order, limits: Limits) -> tuple[tuple[int, int], Any]:
    """The page's upright size in the file, and its picture: RGB, upright, within the cap."""
    kind, number = order["kind"], order["index"] + 1
    if kind == "tiff":
        image.seek(order["index"])
    streamed = kind == "jpeg" or (kind == "tiff" and comes_in_bands(image))
    width, height = image.size
    check_size(width, height, number, streamed, limits)
    if kind == "png":
        # Asking a PNG for its Exif loads it. Damage must be met here: met there it would mean
        # "upright", and what was read up to it would pass for the page.
        image.load()
    source = upright_size(image)
    check_size(*source, number, streamed, limits)
    orientation = exif_orientation(image)
    if kind == "tiff" and math.prod(source) > limits["max_pixels"]:
        size = image._tile_size  # as it lies in the file
        target = size_within(order["pixel_cap"], *size)
        picture = joined(bands_of(image), size, target)
    else:
        target = size_within(order["pixel_cap"], *image.size)
        if kind == "jpeg":
            target = reduce_while_decoding(image, order["pixel_cap"])
        image.load()
        if kind == "tiff":
            orientation = 1  # Pillow has turned it
        picture = to_rgb(image) if image.size == target else resized(image, target)
    if orientation in TRANSPOSE:
        picture = picture.transpose(TRANSPOSE[orientation])
    return source, picture


def size_within(pixels: int, width: int, height: int) -> tuple[int, int]:
    """The same shape, smaller where it has more pixels than that."""
    scale = min(1.0, math.sqrt(pixels / (width * height)))
    return max(1, math.floor(width * scale)), max(1, math.floor(height * scale))


def reduce_while_decoding(image: Any, pixels: int) -> tuple[int, int]:
    """Have the JPEG decoder leave out what would not be kept; the size to make of its picture.

    It can take a half, a quarter or an eighth of the sides. Where that is nearly as large as
    allowed it is the size: 140 megapixels then take 360 MB instead of 990, and half the time.
    """
    width, height = image.size
    sizes = [(-(-width // divisor), -(-height // divisor)) for divisor in DIVISORS]
    allowed = [across * down <= pixels for across, down in sizes]
    chosen = allowed.index(True) if any(allowed) else len(sizes)
    target = size_within(pixels, width, height)
    if chosen < len(sizes) and math.prod(sizes[chosen]) >= NEARLY * pixels:
        target = sizes[chosen]
    elif chosen:
        chosen -= 1
    divisor = DIVISORS[chosen]
    wanted = max(1, width // divisor), max(1, height // divisor)
    image.draft("RGB" if image.mode != "CMYK" else None, wanted)
    return target


def resized(image: Any, size: tuple[int, int]) -> Any:
    if image.mode in ("I", "F"):
        image = stretched(image)
    return joined([image], image.size, size)


def joined(bands: Iterable[Any], source: tuple[int, int], size: tuple[int, int]) -> Any:
    """One RGB picture of that size from bands, top to bottom, that make up one of size `source`.

    By strips: at once, it would hold a third picture, as wide as the result and as high as the
    source, and all of the source in RGB.
    """
    from PIL import Image

    (width, height), step = size, source[1] / size[1]
    picture = Image.new("RGB", size)
    held, top, done = None, 0, 0  # rows of the source from `top` on; rows of the result
    for strip in strips_of(bands):
        held = strip if held is None else below(held, strip)
        whole = top + held.height >= source[1]
        bottom = height if whole else max(done, math.floor((top + held.height) / step))
        if bottom > done:
            ends = min(held.height, bottom * step - top)
            box = (0, done * step - top, held.width, ends)
            # 4 = box filter
            part = held.resize((width, bottom - done), 4, box=box, reducing_gap=2.0)
            picture.paste(part, (0, done))
            used = math.floor(bottom * step) - top
            held = held.crop((0, used, held.width, held.height)) if used < held.height else None
            top, done = top + used, bottom
    if done < height:
        raise ValueError("bands are missing")
    return picture


def strips_of(bands: Iterable[Any]) -> Iterator[Any]:
    for band in bands:
        for top in range(0, band.height, ROWS_AT_ONCE):
            bottom = min(band.height, top + ROWS_AT_ONCE)
            yield to_rgb(band.crop((0, top, band.width, bottom)))


def below(upper: Any, lower: Any) -> Any:
    from PIL import Image

    both = Image.new("RGB", (upper.width, upper.height + lower.height))
    both.paste(upper, (0, 0))
    both.paste(lower, (0, upper.height))
    return both


# --- TIFF, strip by strip ---------------------------------------------------------------------

STRIPS_APART = (1, 3, 4, 5, 7, 8, 32773, 32946)
"""Compressions whose strips can be read alone: none, G3, G4, LZW, JPEG, Deflate, PackBits."""
BAND_BYTES = 256 * 1024 * 1024
BYTES_A_PIXEL = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "RGB": 4, "RGBA": 4, "CMYK": 4}
"""In Pillow's memory. Other modes are read as a whole, or not at all."""
WIDTH, LENGTH, COMPRESSION, OFFSETS, ROWS, COUNTS, PLANES = 256, 257, 259, 273, 278, 279, 284
COPIED = (258, 259, 262, 266, 277, 284, 292, 293, 317, 320, 338, 339, 347, 530, 531, 532)
"""Tags that say how a strip's bytes become pixels."""


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
    from PIL import Image

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
    from PIL import TiffImagePlugin

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


# --- Pixels -----------------------------------------------------------------------------------


def to_rgb(image: Any) -> Any:
    """Any mode to RGB: transparency over white, 16 bits scaled instead of clipped."""
    from PIL import Image

    if image.mode in ("I;16", "I;16L", "I;16B", "I;16N"):
        # 16 bits to 8: the high byte, whatever the byte order in memory.
        image = image.convert("I").point(lambda value: value * (1 / 257)).convert("L")
    elif image.mode in ("I", "F"):
        image = stretched(image)
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")
    if image.mode in ("LA", "PA", "RGBa", "La"):
        image = image.convert("RGBA")
    if image.mode == "RGBA":
        white = Image.new("RGB", image.size, (255, 255, 255))
        white.paste(image, mask=image.getchannel("A"))
        return white
    return image if image.mode == "RGB" else image.convert("RGB")


def stretched(image: Any) -> Any:
    """32-bit values of unknown range onto 0..255."""
    low, high = image.getextrema()
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return image.convert("L")
    factor = 255.0 / (high - low)
    return image.point(lambda value: value * factor + (-low * factor)).convert("L")


# --- PDF --------------------------------------------------------------------------------------


def open_pdf() -> Any:
    import pypdfium2

    try:
        return pypdfium2.PdfDocument(sys.stdin.buffer)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower() or "security" in str(error).lower():
            raise Refused("encrypted") from None
        raise Refused("damaged", page=1) from None


def pdf_page_pixels(
    points: tuple[float, float], page: int, pixel_cap: int, limits: Limits
) -> tuple[int, int, float]:
    """Width, height and scale at which a page of that many points is rendered."""
    width, height = points
    if not (width >= 1 and height >= 1):
        raise Refused("no_page_size", page=page, width=round(width), height=round(height))
    scale = limits["pdf_dpi"] / POINTS_PER_INCH
    scale = min(scale, math.sqrt(pixel_cap / (width * height)))
    scale = min(scale, limits["max_side"] / max(width, height))
    if scale * POINTS_PER_INCH < MIN_PDF_DPI:
        raise Refused("no_page_size", page=page, width=round(width), height=round(height))
    return math.ceil(width * scale), math.ceil(height * scale), scale  # as pdfium rounds


def inspect_pdf(limits: Limits) -> Answer:
    document = open_pdf()
    count = len(document)
    if count < 1:
        raise Refused("no_pages")
    if count > limits["max_pages"]:
        raise Refused("too_many_pages", pages=count, limit=limits["max_pages"])
    pages = []
    for index in range(count):
        try:
            size = document.get_page_size(index)
        except Exception:
            raise Refused("damaged", page=index + 1) from None
        pages.append(pdf_page_pixels(size, index + 1, limits["max_pixels"], limits)[:2])
    return {"pages": pages, "notes": []}


def decode_pdf(order: Order, limits: Limits) -> Answer:
    index = order["index"]
    document = open_pdf()
    try:
        page = document[index]
        size = page.get_size()
    except Exception:
        raise Refused("damaged", page=index + 1) from None
    number = index + 1
    source = pdf_page_pixels(size, number, limits["max_pixels"], limits)[:2]
    width, height, scale = pdf_page_pixels(size, number, order["pixel_cap"], limits)
    try:
        # RGB, not grey: grey needed twelve times the memory and lost images without a word.
        bitmap = page.render(scale=scale, may_draw_forms=True, rev_byteorder=True)
        image = bitmap.to_pil()
    except MemoryError:
        raise
    except Exception:
        raise Refused("damaged", page=number) from None
    image = to_rgb(image)
    reduced = (width, height) != source
    notes = ["reduced"] if reduced else []
    if lacks_a_picture(page, image, number):
        notes.append("partial")
    return write_images(image, source if reduced else image.size, order, notes)


# pdfium skips an image that it cannot decode or allocate, and calls the page a success.

PICTURES_CHECKED = 100
POINTS_CHECKED = 50_000_000
"""Area up to which an image is drawn by itself: as many pixels."""
TAIL_BYTES = 1024
MOST_UNPACKED = 2**30
"""Bytes of an image at which pdfium stops; it draws the rest black."""


def lacks_a_picture(page: Any, image: Any, number: int) -> bool:
    """Whether part of the page is missing. A blank page that should show something is refused."""
    import pypdfium2

    kinds = (pypdfium2.raw.FPDF_PAGEOBJ_IMAGE,)
    found = itertools.islice(page.get_objects(filter=kinds, max_depth=3), PICTURES_CHECKED)
    placed = [(picture, area_of(picture, page, image)) for picture in found]
    seen = [(picture, area) for picture, area in placed if area is not None]
    if not is_uniform(image):
        return any(is_cut(picture) or is_lost(picture, area, image) for picture, area in seen)
    if any(drawn_alone(picture) != "blank" for picture, _ in seen):
        raise Refused("suspect_blank", page=number)
    return any(is_cut(picture) for picture, _ in seen)


def is_uniform(image: Any) -> bool:
    return all(low == high for low, high in image.getextrema())


def is_lost(picture: Any, area: tuple[int, int, int, int], image: Any) -> bool:
    """Only where its place on the page is of one colour is it drawn a second time, to find out."""
    if picture.level:
        return False  # its place is told in the coordinates of what it lies in
    return is_uniform(image.crop(area)) and drawn_alone(picture) == "lost"


def area_of(picture: Any, page: Any, image: Any) -> tuple[int, int, int, int] | None:
    """Pixels of the page that it covers; None where it lies outside. All of them if unknown."""
    import pypdfium2

    if picture.level:
        return 0, 0, image.width, image.height
    try:
        left, bottom, right, top = picture.get_bounds()
    except pypdfium2.PdfiumError:
        return None
    corners = []
    for point in ((left, bottom), (right, top)):
        x, y = ctypes.c_int(), ctypes.c_int()
        pypdfium2.raw.FPDF_PageToDevice(page, 0, 0, image.width, image.height, 0, *point, x, y)
        corners.append((x.value, y.value))
    (x0, x1), (y0, y1) = (sorted(ends) for ends in zip(*corners, strict=True))
    area = max(0, x0), max(0, y0), min(image.width, x1), min(image.height, y1)
    return area if area[0] < area[2] and area[1] < area[3] else None


def drawn_alone(picture: Any) -> str:
    """What an image shows when nothing else is drawn: blank, something or lost."""
    import pypdfium2

    try:
        left, bottom, right, top = picture.get_bounds()
        if (right - left) * (top - bottom) <= POINTS_CHECKED:
            alone = picture.get_bitmap(render=True, scale_to_original=False).to_pil()
            if alone.mode != "RGBA" or alone.getextrema()[3][1]:
                return "blank" if is_uniform(to_rgb(alone)) else "something"
        # Nothing at all was drawn: it is hidden by its mask, or cannot be decoded.
        picture.get_bitmap()
    except pypdfium2.PdfiumError:
        return "lost"
    return "blank"


def is_cut(picture: Any) -> bool:
    """Whether it lacks its end: a JPEG without its end mark, or more bytes than pdfium unpacks."""
    import pypdfium2

    try:
        if math.prod(picture.get_px_size()) * 4 > MOST_UNPACKED and is_too_large(picture):
            return True
        if picture.get_filters()[-1:] != ["DCTDecode"]:
            return False
        data = picture.get_data(decode_simple=True)
    except pypdfium2.PdfiumError:
        return False
    return b"\xff\xd9" not in bytes(data[-TAIL_BYTES:])


def is_too_large(picture: Any) -> bool:
    width, height = picture.get_px_size()
    bits = picture.get_metadata().bits_per_pixel
    return -(-width * bits // 8) * height > MOST_UNPACKED


# --- Output -----------------------------------------------------------------------------------


def npy_header(width: int, height: int) -> bytes:
    """numpy's .npy format 1.0, so that numpy itself need not be loaded to write it."""
    text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({height}, {width}, 3), }}"
    padding = -(10 + len(text) + 1) % 64
    header = text.encode() + b" " * padding + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header


def write_images(image: Any, source: tuple[int, int], order: Order, notes: list[str]) -> Answer:
    width, height = image.size
    folder = order["out_dir"]
    with open(os.path.join(folder, "working.npy"), "wb") as file:
        file.write(npy_header(width, height))
        for top in range(0, height, ROWS_AT_ONCE):
            rows = image.crop((0, top, width, min(height, top + ROWS_AT_ONCE)))
            file.write(rows.tobytes())
    view_side = order["view_side"]
    return {
        "path": "working.npy",
        "width": width,
        "height": height,
        "source_width": source[0],
        "source_height": source[1],
        "view": write_view(image, view_side, folder) if view_side else None,
        "notes": notes,
    }


def write_view(image: Any, side: int, folder: str) -> str:
    """A small picture for the screen, re-encoded by us: it holds none of the original's bytes."""
    scale = min(1.0, side / max(image.size))
    size = tuple(max(1, round(length * scale)) for length in image.size)
    view = image.resize(size, 4, reducing_gap=2.0) if scale < 1 else image
    view.info = {}  # comments and profiles of the original would be saved with it
    # JPEG: a WebP of the same page is a third smaller and takes five times the processor time.
    # Encoded before it is written: Pillow says of a full disk only that encoding failed.
    encoded = io.BytesIO()
    view.save(encoded, "JPEG", quality=82, optimize=False)
    with open(os.path.join(folder, "view.jpg"), "wb") as file:
        file.write(encoded.getbuffer())
    return "view.jpg"


# --- Main -------------------------------------------------------------------------------------


def answer(order: Order) -> Answer:
    limits = order["limits"]
    if order["do"] == "inspect":
        return (
            inspect_pdf(limits) if order["kind"] == "pdf" else inspect_image(order["kind"], limits)
        )
    return decode_pdf(order, limits) if order["kind"] == "pdf" else decode_image(order, limits)


def main() -> None:
    order = json.loads(sys.argv[1])
    confine(order["limits"])
    try:
        result = answer(order)
    except Refused as refused:
        result = {"refused": refused.code, "params": refused.params}
    except MemoryError:
        result = {"memory": "its memory limit was reached"}
    except OSError as error:
        if error.errno not in FULL:
            raise
        result = {"disk": error.strerror}
    sys.stdout.write(json.dumps(result))
    sys.stdout.flush()
    os._exit(0)  # nothing to tidy up: this process is thrown away


if __name__ == "__main__":
    main()
