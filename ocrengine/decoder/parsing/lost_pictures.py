"""pdfium skips an image that it cannot decode or allocate, and calls the page a success."""

import ctypes
import itertools
import math
from typing import Any

import pypdfium2

from ocrengine.decoder.parsing.bounds import Refused
from ocrengine.decoder.parsing.pixels import is_uniform, to_rgb

PICTURES_CHECKED = 100
POINTS_CHECKED = 50_000_000
"""Area up to which an image is drawn by itself: as many pixels."""
TAIL_BYTES = 1024
MOST_UNPACKED = 2**30
"""Bytes of an image at which pdfium stops; it draws the rest black."""


def lacks_a_picture(page: Any, image: Any, number: int) -> bool:
    """Whether part of the page is missing. A blank page that should show something is refused."""
    kinds = (pypdfium2.raw.FPDF_PAGEOBJ_IMAGE,)
    found = itertools.islice(page.get_objects(filter=kinds, max_depth=3), PICTURES_CHECKED)
    placed = [(picture, area_of(picture, page, image)) for picture in found]
    seen = [(picture, area) for picture, area in placed if area is not None]
    if not is_uniform(image):
        return any(is_cut(picture) or is_lost(picture, area, image) for picture, area in seen)
    if any(drawn_alone(picture) != "blank" for picture, _ in seen):
        raise Refused("suspect_blank", page=number)
    return any(is_cut(picture) for picture, _ in seen)


def is_lost(picture: Any, area: tuple[int, int, int, int], image: Any) -> bool:
    """Only where its place on the page is of one colour is it drawn a second time, to find out."""
    if picture.level:
        return False  # its place is told in the coordinates of what it lies in
    return is_uniform(image.crop(area)) and drawn_alone(picture) == "lost"


def area_of(picture: Any, page: Any, image: Any) -> tuple[int, int, int, int] | None:
    """Pixels of the page that it covers; None where it lies outside. All of them if unknown."""
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
