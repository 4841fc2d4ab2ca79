"""Pictures of any mode to upright RGB of a bounded size, without a second copy of all pixels."""

import math
from collections.abc import Iterable, Iterator
from typing import Any

from PIL import Image

ROWS_AT_ONCE = 256


def size_within(pixels: int, width: int, height: int) -> tuple[int, int]:
    """The same shape, smaller where it has more pixels than that."""
    scale = min(1.0, math.sqrt(pixels / (width * height)))
    return max(1, math.floor(width * scale)), max(1, math.floor(height * scale))


def resized(image: Any, size: tuple[int, int]) -> Any:
    if image.mode in ("I", "F"):
        image = stretched(image)
    return joined([image], image.size, size)


def joined(bands: Iterable[Any], source: tuple[int, int], size: tuple[int, int]) -> Any:
    """One RGB picture of that size from bands, top to bottom, that make up one of size `source`.

    By strips: at once, it would hold a third picture, as wide as the result and as high as the
    source, and all of the source in RGB.
    """
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
    both = Image.new("RGB", (upper.width, upper.height + lower.height))
    both.paste(upper, (0, 0))
    both.paste(lower, (0, upper.height))
    return both


def to_rgb(image: Any) -> Any:
    """Any mode to RGB: transparency over white, 16 bits scaled instead of clipped."""
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


def is_uniform(image: Any) -> bool:
    return all(low == high for low, high in image.getextrema())
