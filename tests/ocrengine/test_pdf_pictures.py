"""pdfium leaves out an image that it cannot decode, and says nothing. We do."""

import io
import zlib

import pikepdf
import pytest
from PIL import Image

from ocrengine.decoder.client import WorkingImage, decode_page
from ocrengine.errors import FileRefused
from tests.ocrengine import hostile

SIZE = (400, 200)
PHOTO = hostile.image("JPEG", SIZE)
GREY = {"ColorSpace": pikepdf.Name.DeviceGray, "BitsPerComponent": 1}
BESIDE_TEXT = b"0 0 40 40 re f q 50 0 0 50 100 25 cm /Im Do Q"
OUTSIDE = b"q 200 0 0 100 500 0 cm /Im Do Q"
LOST = b"\xff\xd8\xff garbage"


def white(form: str, mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, SIZE, "white").save(buffer, form)
    return buffer.getvalue()


def read(path, out) -> WorkingImage:
    return decode_page(path, "pdf", 0, out_dir=out, pixel_cap=40_000_000)


PICTURES_LOST = {
    "garbage that starts like a JPEG": hostile.pdf_with_image(LOST, "/DCTDecode"),
    "a cut JPEG 2000": hostile.pdf_with_image(white("JPEG2000")[:90], "/JPXDecode"),
    "garbage for JBIG2": hostile.pdf_with_image(b"no JBIG2 at all", "/JBIG2Decode", **GREY),
    "a filter nobody knows": hostile.pdf_with_image(b"?", "/Unheard"),
    "no data at all": hostile.pdf_with_image(b"", "/FlateDecode"),
}


@pytest.mark.parametrize("name", PICTURES_LOST)
def test_a_page_that_came_out_blank_for_want_of_its_picture_is_refused(stored, out, name):
    with pytest.raises(FileRefused) as caught:
        read(stored(PICTURES_LOST[name]), out)
    assert caught.value.code == "suspect_blank"
    assert caught.value.params == {"page": 1}


def nothing_through_its_mask() -> bytes:
    """A photo with a soft mask that lets none of it show."""
    buffer = io.BytesIO()
    with pikepdf.open(io.BytesIO(hostile.pdf_with_image(PHOTO, "/DCTDecode"))) as document:
        mask = pikepdf.Stream(document, bytes(SIZE[0] * SIZE[1]))
        photo = document.pages[0].Resources.XObject.Im
        mask.update({f"/{key[1:]}": photo[key] for key in ("/Type", "/Subtype")})
        mask.update({"/Width": SIZE[0], "/Height": SIZE[1], "/BitsPerComponent": 8})
        mask.ColorSpace = pikepdf.Name.DeviceGray
        photo.SMask = document.make_indirect(mask)
        document.save(buffer)
    return buffer.getvalue()


HONESTLY_BLANK = {
    "no picture": hostile.pdf(),
    "the white back of a fax": hostile.pdf_with_fax(hostile.fax(Image.new("1", SIZE, 1))),
    "a white photo": hostile.pdf_with_image(white("JPEG"), "/DCTDecode"),
    "a white JPEG 2000": hostile.pdf_with_image(white("JPEG2000"), "/JPXDecode"),
    "white pixels": hostile.pdf_with_image(zlib.compress(b"\xff" * 240_000), "/FlateDecode"),
    "a photo that its mask hides": nothing_through_its_mask(),
    "a lost picture beside the page": hostile.pdf_with_image(LOST, "/DCTDecode", content=OUTSIDE),
}


@pytest.mark.parametrize("name", HONESTLY_BLANK)
def test_a_page_that_is_honestly_blank_is_just_blank(stored, out, name):
    assert read(stored(HONESTLY_BLANK[name]), out).notes == ()


PARTLY_THERE = {
    "half a JPEG": hostile.pdf_with_image(PHOTO[: len(PHOTO) // 2], "/DCTDecode"),
    "a lost picture beside text": hostile.pdf_with_image(LOST, "/DCTDecode", content=BESIDE_TEXT),
}


@pytest.mark.parametrize("name", PARTLY_THERE)
def test_a_page_of_which_a_part_is_missing_says_so(stored, out, name):
    assert read(stored(PARTLY_THERE[name]), out).notes == ("partial",)


WHOLE = {
    "a JPEG with some bytes after its end": hostile.pdf_with_image(PHOTO + b"\n\0", "/DCTDecode"),
    "a white photo beside text": hostile.pdf_with_image(
        white("JPEG"), "/DCTDecode", content=BESIDE_TEXT
    ),
    "a fax": hostile.pdf_with_fax(hostile.fax(Image.effect_noise(SIZE, 80).convert("1"))),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_page_that_is_all_there_says_nothing(stored, out, name):
    assert read(stored(WHOLE[name]), out).notes == ()


def test_where_a_page_is_turned_its_pictures_are_looked_for_in_their_place(stored, out):
    buffer = io.BytesIO()
    with pikepdf.open(io.BytesIO(PARTLY_THERE["a lost picture beside text"])) as document:
        document.pages[0].Rotate = 90
        document.save(buffer)
    assert read(stored(buffer.getvalue()), out).notes == ("partial",)
