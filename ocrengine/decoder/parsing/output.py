"""What a decoder child leaves: the working image for the engine, and a view for the screen."""

import io
import os
from typing import Any

from ocrengine.decoder.parsing.bounds import Answer, Order
from ocrengine.decoder.parsing.pixels import ROWS_AT_ONCE


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
