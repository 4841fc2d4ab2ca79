"""Single images and the pages of a TIFF: sizes, and working images."""

import math
import os
import sys
from typing import Any

from PIL import Image, ImageFile, PngImagePlugin

from ocrengine.decoder.parsing.bounds import Answer, Limits, Order, Refused, check_size
from ocrengine.decoder.parsing.output import write_images
from ocrengine.decoder.parsing.pixels import joined, resized, size_within, to_rgb
from ocrengine.decoder.parsing.tiff import bands_of, comes_in_bands, pages_of_tiff

DIVISORS = (1, 2, 4, 8)
NEARLY = 0.8
"""Share of the pixels allowed that is as good as all of them."""


def pillow(max_pixels: int) -> Any:
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
