"""TIFFs of many pixels are made smaller strip by strip, and come out as if read at once."""

import io

import numpy as np
import pytest
from PIL import Image

from ocrengine.decoder.client import DecodeLimits, decode_page, inspect_file
from ocrengine.errors import FileRefused
from tests.ocrengine import hostile

SIZE = (330, 1230)
CAP = 110 * 410
IN_STRIPS = DecodeLimits(max_pixels=1000, max_pixels_streamed=SIZE[0] * SIZE[1])
"""Whatever is larger than a thousand pixels is large."""


def tiff(mode: str, *, turned: int = 1, rows: int = 50, **options) -> bytes:
    """A page that is dark at its top left."""
    page = Image.effect_noise(SIZE, 60)
    page.paste(20, (0, 0, 200, 300))
    buffer = io.BytesIO()
    tags = {278: rows, 274: turned}
    if mode == "I;16":
        page = page.convert("I").point(lambda value: value * 257)
    page.convert(mode).save(buffer, "TIFF", tiffinfo=tags, strip_size=rows * 330, **options)
    return buffer.getvalue()


def read(path, out, limits: DecodeLimits) -> np.ndarray:
    image = decode_page(path, "tiff", 0, out_dir=out, pixel_cap=CAP, limits=limits)
    assert image.notes == ("reduced",)
    return np.load(image.path).astype(int)


FORMS = {
    "raw": ("RGB", {"rows": 40}),
    "LZW": ("RGB", {"compression": "tiff_lzw"}),
    "Deflate": ("L", {"compression": "tiff_adobe_deflate"}),
    "PackBits": ("CMYK", {"compression": "packbits"}),
    "G4": ("1", {"compression": "group4"}),
    "JPEG": ("RGB", {"compression": "jpeg", "rows": 48}),
    "16 bits": ("I;16", {"compression": "tiff_lzw"}),
    "strips of more rows than are read at once": ("L", {"compression": "tiff_lzw", "rows": 700}),
    "one strip": ("1", {"compression": "group4", "rows": 1230}),
    "lying on its side": ("RGB", {"compression": "tiff_lzw", "turned": 6}),
    "one strip, lying on its side": ("L", {"compression": "tiff_lzw", "rows": 1230, "turned": 8}),
}


@pytest.mark.parametrize("name", FORMS)
def test_read_by_strips_a_page_is_what_it_is_when_read_at_once(stored, out, name):
    mode, options = FORMS[name]
    path = stored(tiff(mode, **options))
    shown = inspect_file(path, IN_STRIPS).pages[0]

    by_strips, at_once = read(path, out, IN_STRIPS), read(path, out, DecodeLimits())

    assert (shown.width, shown.height) == (SIZE[::-1] if "turned" in options else SIZE)
    assert by_strips.shape == at_once.shape
    assert np.abs(by_strips - at_once).mean() < 1
    assert by_strips.std() > 15, "there is something on it"


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])
def test_a_page_on_its_side_is_turned_once(stored, out, compression):
    path = stored(tiff("RGB", compression=compression, turned=6))
    assert (inspect_file(path).pages[0].width, inspect_file(path).pages[0].height) == SIZE[::-1]
    pixels = read(path, out, DecodeLimits())
    assert pixels.shape[1] > pixels.shape[0]
    assert pixels[:60, -60:].mean() < 30, "its top left is now its top right"


@pytest.mark.parametrize(
    ("data", "limit_mp"),
    [
        (hostile.tiff(14_000, 14_280), None),
        (hostile.tiff(14_000, 14_300), "200"),
        (hostile.tiff(14_000, 14_280, samples=3), "80"),
        (hostile.tiff(14_000, 14_280, samples=3, rows=100), None),
    ],
    ids=["one byte a pixel", "more than 200", "one huge strip in colour", "small strips in colour"],
)
def test_up_to_200_megapixels_a_tiff_is_taken_if_its_strips_fit_in_memory(stored, data, limit_mp):
    path = stored(data)
    if limit_mp is None:
        assert len(inspect_file(path).pages) == 1
        return
    with pytest.raises(FileRefused) as caught:
        inspect_file(path)
    assert caught.value.code == "too_many_pixels"
    assert f"the limit is {limit_mp} megapixels" in str(caught.value)


def test_a_strip_that_is_not_all_there_is_damage(stored, out):
    data = tiff("L", compression="packbits")
    at = Image.open(io.BytesIO(data)).tag_v2[273][-1]
    path = stored(data.replace(at.to_bytes(4, "little"), (len(data) - 9).to_bytes(4, "little")))
    with pytest.raises(FileRefused) as caught:
        read(path, out, IN_STRIPS)
    assert caught.value.code == "damaged"
