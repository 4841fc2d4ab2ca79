"""The quick look at plain files: it agrees with the child, or says nothing."""

import io
import random
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from ocrengine.decoder import client
from ocrengine.decoder.headers import plain_size
from ocrengine.errors import EngineError


def saved(form: str, size=(320, 200), mode: str = "RGB", **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size, 1).save(buffer, form, **options)
    return buffer.getvalue()


def with_orientation(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = value
    exif[0x010F] = "A camera"
    return exif


def look(tmp_path: Path, content: bytes) -> tuple[int, int] | None:
    path = tmp_path / "file"
    path.write_bytes(content)
    return plain_size("png" if content.startswith(b"\x89PNG") else "jpeg", path)


@pytest.mark.parametrize(
    "content",
    [
        saved("PNG"),
        saved("PNG", mode="L"),
        saved("PNG", mode="1"),
        saved("PNG", mode="P"),
        saved("PNG", mode="RGBA", dpi=(300, 300)),
        saved("JPEG"),
        saved("JPEG", mode="L", quality=30),
        saved("JPEG", mode="CMYK"),
        saved("JPEG", progressive=True, dpi=(300, 300)),
        saved("JPEG", exif=with_orientation(1)),
        saved("JPEG", exif=with_orientation(3)),
        saved("JPEG", exif=with_orientation(99)),
        saved("JPEG", icc_profile=b"p" * 70_000),
    ],
)
def test_a_plain_file_needs_no_child(tmp_path, content):
    assert look(tmp_path, content) == (320, 200)


@pytest.mark.parametrize("value", [5, 6, 7, 8])
def test_a_photo_on_its_side_is_measured_upright(tmp_path, value):
    assert look(tmp_path, saved("JPEG", exif=with_orientation(value))) == (200, 320)


def png_with(chunk: bytes, body: bytes) -> bytes:
    made = struct.pack(">I", len(body)) + chunk + body + struct.pack(">I", zlib.crc32(chunk + body))
    whole = saved("PNG")
    return whole[:33] + made + whole[33:]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        saved("PNG")[:20],
        saved("PNG")[:-12],
        saved("PNG").replace(b"IHDR", b"IHDX"),
        saved("PNG")[:16] + b"\x00\x00\x00\x00" + saved("PNG")[20:],
        png_with(b"acTL", b"\x00" * 8),
        png_with(b"eXIf", b"MM\x00*"),
        png_with(b"tEXt", b"a\x00b"),
        saved("JPEG")[:100],
        saved("JPEG")[:-2],
        saved("JPEG").replace(b"\xff\xc0", b"\xff\xc3"),
        b"\xff\xd8" + b"\xff\xe0\x00\x02" * 300 + saved("JPEG")[2:],
        saved("JPEG", xmp=b'<x tiff:Orientation="6"/>'),
    ],
)
def test_whatever_is_unusual_or_damaged_is_left_to_the_child(tmp_path, content):
    assert look(tmp_path, content) is None


def test_made_up_damage_never_raises_and_never_contradicts_the_child(tmp_path, monkeypatch):
    """But for which way is up: where Exif is damaged, the decoder knows best, and has the say."""
    dice = random.Random(7)
    seeds = [saved("PNG"), saved("JPEG", exif=with_orientation(6), progressive=True)]
    path = tmp_path / "file"
    agreed = 0
    for number in range(600):
        content = bytearray(seeds[number % 2])
        for _ in range(dice.randint(1, 4)):
            content[dice.randrange(len(content) // (1 + number % 3))] = dice.randrange(256)
        path.write_bytes(content)
        kind = ("png", "jpeg")[number % 2]
        found = plain_size(kind, path)
        if found is not None and number % 20 < 2:  # a child costs time: every tenth pair is enough
            said = child_says(path, kind, monkeypatch)
            assert said is None or sorted(said) == sorted(found)
            agreed += said is not None
    assert agreed


def child_says(path: Path, kind: str, monkeypatch) -> tuple[int, int] | None:
    """What inspection finds without the quick look; None when it finds damage."""
    with monkeypatch.context() as patch:
        patch.setattr(client, "plain_size", lambda *_: None)
        patch.setattr(client, "kind_of", lambda _: kind)
        try:
            (page,) = client.inspect_file(path).pages
        except EngineError:
            return None
        return page.width, page.height


def test_too_many_pixels_are_still_refused_in_the_childs_words(tmp_path):
    path = tmp_path / "file.png"
    path.write_bytes(saved("PNG", size=(400, 300), mode="1"))
    with pytest.raises(EngineError) as caught:
        client.inspect_file(path, client.DecodeLimits(max_pixels=1000, max_pixels_streamed=1000))
    assert caught.value.params["width"] == 400
