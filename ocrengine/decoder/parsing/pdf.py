"""PDF: pages rendered by pdfium."""

import math
import sys
from typing import Any

import pypdfium2

from ocrengine.decoder.parsing.bounds import Answer, Limits, Order, Refused
from ocrengine.decoder.parsing.lost_pictures import lacks_a_picture
from ocrengine.decoder.parsing.output import write_images
from ocrengine.decoder.parsing.pixels import to_rgb

POINTS_PER_INCH = 72
MIN_PDF_DPI = 36


def open_pdf() -> Any:
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
