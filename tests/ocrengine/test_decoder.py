"""What comes out of files made by others: sizes and pixels of good ones, a code for each bad one.

Every case starts a real child process.
"""

import contextlib
import io
import json
import os
import stat
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ocrengine.decoder import client
from ocrengine.decoder.client import DecodeLimits, decode_page, inspect_file
from ocrengine.decoder.sniffing import kind_of, looks_like
from ocrengine.errors import (
    Cancelled,
    DecoderCrashed,
    DecoderDiskFull,
    DecoderFailed,
    DecoderOutOfMemory,
    DecoderTimeout,
    EngineError,
    FileRefused,
)
from tests.ocrengine import hostile

CAP = 40_000_000
GOOD_GIF = hostile.image("GIF", (64, 48), "L")
"""Never plain, so that a child looks at it."""
GOOD_PNG = hostile.image("PNG")
GOOD_JPEG = hostile.image("JPEG")


def decoded(path: Path, kind: str, out: Path, index: int = 0, **options):
    image = decode_page(path, kind, index, out_dir=out, **{"pixel_cap": CAP, **options})
    return image, np.load(image.path)


# --- What is it? -------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF"])
def test_a_kind_is_known_by_its_bytes(stored, form):
    info = inspect_file(stored(hostile.image(form)))
    assert info.kind == form.lower()
    assert [(p.width, p.height) for p in info.pages] == [(60, 40)]


@pytest.mark.parametrize(
    ("data", "guess"),
    [
        (b"hello, this is only text\n", "text"),
        ("只是文字".encode(), "text"),
        (b"<!DOCTYPE html><html></html>", "a web page"),
        (b'<svg xmlns="http://www.w3.org/2000/svg" onload="x()"/>', "an SVG drawing"),
        (b"PK\x03\x04rest", "a ZIP archive or an Office file"),
        (b"%!PS-Adobe-3.0\n(%pipe%id) run", "PostScript"),
        (b"8BPS\0\1", "a Photoshop file"),
        (b"\0\0\0\x0cjP  \r\n", "JPEG 2000"),
        (b"SIMPLE  =   T", "a FITS file"),
        (b"\0\0\0\x18ftypheic", "a HEIC or AVIF photo"),
        (b"\x00\x01\x02\x03\xff\xfe", "something else"),
    ],
)
def test_other_kinds_are_refused_without_starting_a_parser(stored, data, guess, monkeypatch):
    monkeypatch.setattr(client, "nursery", None)
    with pytest.raises(FileRefused) as caught:
        inspect_file(stored(data))
    assert caught.value.code == "unsupported_type"
    assert caught.value.params == {"looks_like": guess}


def test_a_pdf_may_have_junk_before_its_header_unless_that_is_another_kind():
    assert kind_of(b"x" * 900 + b"%PDF-1.4") == "pdf"
    assert kind_of(GOOD_PNG[:200] + b"%PDF-1.4") == "png"
    assert looks_like(b"") == "something else"


# --- What is wrong with it? --------------------------------------------------------------------


def test_a_file_over_the_size_limit_is_refused_before_it_is_opened(stored):
    with pytest.raises(FileRefused) as caught:
        inspect_file(stored(GOOD_PNG), DecodeLimits(max_bytes=10))
    assert caught.value.code == "file_too_large"


@pytest.mark.parametrize(
    "data",
    [GOOD_GIF, hostile.image("TIFF"), hostile.pdf(extra="/Rotate 90")],
    ids=["GIF", "TIFF", "a PDF page turned by 90"],
)
def test_a_page_has_the_size_that_its_inspection_foretold(stored, out, data):
    path = stored(data)
    info = inspect_file(path)
    image, pixels = decoded(path, info.kind, out)
    assert (image.source_width, image.source_height) == (info.pages[0].width, info.pages[0].height)
    assert pixels.shape == (image.height, image.width, 3)


def test_of_an_animation_the_first_frame_is_read_and_that_is_noted(stored, out):
    for form in ("GIF", "WEBP"):
        path = stored(hostile.frames(form, 30))
        info = inspect_file(path)
        assert len(info.pages) == 1
        assert info.notes == ("animation_first_frame",)


def test_every_page_of_a_tiff_and_of_a_pdf_is_a_page(stored, out):
    path = stored(hostile.frames("TIFF", 3))
    assert len(inspect_file(path).pages) == 3
    assert decoded(path, "tiff", out, index=2)[1].shape == (30, 40, 3)
    assert len(inspect_file(stored(hostile.pdf(pages=4))).pages) == 4


# --- Pixels ------------------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_turned_upright_once(stored, out, orientation):
    upright = np.zeros((30, 50, 3), np.uint8)
    upright[:15, :25] = (255, 0, 0)
    upright[:15, 25:] = (0, 255, 0)
    upright[15:, :25] = (0, 0, 255)
    turns = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
        8: lambda a: np.rot90(a, 3),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    held = Image.fromarray(np.ascontiguousarray(turns[orientation](upright)))
    held.save(buffer, "PNG", exif=exif)
    path = stored(buffer.getvalue())

    assert (inspect_file(path).pages[0].width, inspect_file(path).pages[0].height) == (50, 30)
    np.testing.assert_array_equal(decoded(path, "png", out)[1], upright)


def test_an_orientation_that_does_not_exist_is_ignored(stored, out):
    exif = Image.Exif()
    exif[0x0112] = 99
    path = stored(hostile.image("PNG", exif=exif))
    assert decoded(path, "png", out)[1].shape == (40, 60, 3)


def picture(mode: str, value: object, **options: object) -> bytes:
    buffer = io.BytesIO()
    form = options.pop("form", "PNG")
    Image.new(mode, (20, 10), value).save(buffer, form, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "kind", "colour"),
    [
        (picture("RGBA", (255, 0, 0, 0)), "png", 255),
        (picture("LA", (0, 255)), "png", 0),
        (picture("1", 1), "png", 255),
        (picture("P", 0), "png", 0),
        (picture("I;16", 32_896), "png", 128),
        (picture("CMYK", (0, 0, 0, 255), form="TIFF"), "tiff", 0),
        (picture("F", 0.5, form="TIFF"), "tiff", 0),
    ],
    ids=["transparent", "grey and alpha", "one bit", "palette", "16 bit", "CMYK", "float"],
)
def test_every_mode_becomes_rgb(stored, out, data, kind, colour):
    pixels = decoded(stored(data), kind, out)[1]
    assert pixels.dtype == np.uint8
    assert abs(int(pixels.mean()) - colour) <= 2


def test_a_page_over_the_cap_is_reduced_and_says_so(stored, out):
    path = stored(hostile.image("JPEG", (400, 300)))
    image, pixels = decoded(path, "jpeg", out, pixel_cap=400 * 300 // 4)
    assert (image.source_width, image.source_height) == (400, 300)
    assert (image.width, image.height) == (200, 150)
    assert image.reduced
    assert image.notes == ("reduced",)
    assert pixels.shape == (150, 200, 3)


@pytest.mark.parametrize(
    ("allowed", "size"),
    [
        (30_000, (200, 150)),  # a half of the sides, exactly
        (37_000, (200, 150)),  # and where that is nearly as much as allowed
        (38_000, (225, 168)),
        (119_999, (399, 299)),
        (29_999, (199, 149)),
        (100, (11, 8)),  # less than an eighth of the sides
    ],
)
def test_a_jpeg_over_the_cap_is_reduced_by_its_decoder_where_that_nearly_fits(
    stored, out, allowed, size
):
    path = stored(hostile.image("JPEG", (400, 300)))
    image, pixels = decoded(path, "jpeg", out, pixel_cap=allowed)
    assert (image.width, image.height) == (pixels.shape[1], pixels.shape[0]) == size
    assert (image.source_width, image.source_height) == (400, 300)
    assert image.reduced


def test_a_page_reduced_in_strips_is_the_page_reduced_at_once(stored, out):
    data = hostile.image("PNG", (300, 1700))
    pixels = decoded(stored(data), "png", out, pixel_cap=150 * 850)[1]
    at_once = Image.open(io.BytesIO(data)).resize((150, 850), Image.Resampling.BOX)
    assert pixels.shape == (850, 150, 3)
    assert np.abs(pixels.astype(int) - np.asarray(at_once).astype(int)).max() <= 1


def test_a_pdf_page_is_rendered_black_on_white(stored, out):
    path = stored(hostile.pdf(b"50 25 100 50 re f"))
    image, pixels = decoded(path, "pdf", out)
    assert (image.width, image.height) == (556, 278)
    assert pixels[138, 277].max() == 0
    assert pixels[5, 5].min() == 255
    assert not image.reduced


def test_an_empty_pdf_page_is_just_empty(stored, out):
    assert decoded(stored(hostile.pdf()), "pdf", out)[0].notes == ()


def test_the_view_is_small_private_and_of_our_own_making(stored, out):
    exif = Image.Exif()
    exif[0x010E] = "where I live"
    path = stored(hostile.image("JPEG", (900, 600), exif=exif))
    image, _ = decoded(path, "jpeg", out, view_side=300)
    with Image.open(image.view) as view:
        assert view.size == (300, 200)
    assert b"where I live" not in image.view.read_bytes()
    assert {stat.S_IMODE(p.stat().st_mode) for p in out.iterdir()} == {0o600}
    assert {p.name for p in out.iterdir()} == {image.path.name, image.view.name}


def test_who_shows_no_pages_gets_no_view(stored, out):
    image, pixels = decoded(stored(hostile.image("JPEG", (90, 60))), "jpeg", out, view_side=0)
    assert image.view is None
    assert pixels.shape == (60, 90, 3)
    assert [p.name for p in out.iterdir()] == [image.path.name]


def test_damage_that_the_header_hides_is_found_when_the_page_is_decoded(stored, out):
    whole = hostile.image("PNG", (300, 300))
    path = stored(whole[: len(whole) // 2] + hostile.chunk(b"IEND", b""))
    assert len(inspect_file(path).pages) == 1
    with pytest.raises(FileRefused) as caught:
        decoded(path, "png", out)
    assert caught.value.code == "damaged"


# --- The child ---------------------------------------------------------------------------------


def stand_in(monkeypatch, tmp_path: Path, code: str) -> None:
    """Let another program answer in the decoder's place. It leaves its number behind."""
    script = tmp_path / "stand_in.py"
    number = f"import os\nopen({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n"
    script.write_text(number + code)
    monkeypatch.setattr(client, "CHILD", script)


def pid_of_stand_in(tmp_path: Path) -> int:
    return int((tmp_path / "pid").read_text())


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("import os; os.kill(os.getpid(), 9)", DecoderCrashed),
        ("import ctypes; ctypes.string_at(0)", DecoderCrashed),
        ("import os; os.abort()", DecoderOutOfMemory),
        ("pass", DecoderCrashed),
        ("print('no json')", DecoderCrashed),
        ("print('x' * 50_000_000)", DecoderCrashed),
        ('print(\'{"memory": "limit"}\')', DecoderOutOfMemory),
        ("import os; os.kill(os.getpid(), 24)", DecoderTimeout),
    ],
)
def test_whatever_becomes_of_the_child_the_parent_gets_a_typed_error(
    stored, monkeypatch, tmp_path, code, error
):
    stand_in(monkeypatch, tmp_path, code)
    with pytest.raises(error):
        inspect_file(stored(GOOD_GIF))
    assert not Path(f"/proc/{pid_of_stand_in(tmp_path)}").exists()


def alive_in_group(group: int) -> list[int]:
    """Processes of a group that are not zombies, from /proc."""
    alive = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, pgrp = entry.read_bytes().rpartition(b")")[2].split()[:3]
            if int(pgrp) == group and state != b"Z":
                alive.append(int(entry.parent.name))
    return alive


HANG = "import hashlib; hashlib.pbkdf2_hmac('sha256', b'x', b'y', 2_000_000_000)"


def test_a_child_that_hangs_is_killed_with_all_that_it_started(stored, monkeypatch, tmp_path):
    grandchild = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'input()'])\n"
    stand_in(monkeypatch, tmp_path, grandchild + HANG)
    with pytest.raises(DecoderTimeout):
        inspect_file(stored(GOOD_GIF), DecodeLimits(wall_seconds=0.5))
    deadline = time.monotonic() + 10
    while left := alive_in_group(pid_of_stand_in(tmp_path)):
        assert time.monotonic() < deadline, f"still alive: {left}"
        os.sched_yield()


def test_a_child_is_stopped_when_the_page_is_no_longer_wanted(stored, out, monkeypatch, tmp_path):
    stand_in(monkeypatch, tmp_path, HANG)
    with pytest.raises(Cancelled):
        decoded(stored(GOOD_PNG), "png", out, should_stop=lambda: True)


def test_the_child_knows_nothing_of_us(stored, monkeypatch, tmp_path):
    monkeypatch.setenv("OCR_SECRET_KEY", "do not tell")
    report = tmp_path / "report"
    stand_in(
        monkeypatch,
        tmp_path,
        "import json, os, sys\n"
        f"json.dump([dict(os.environ), sorted(os.listdir('/proc/self/fd')), os.getcwd()],"
        f" open({str(report)!r}, 'w'))\nprint('{{\"pages\": [], \"notes\": []}}')",
    )
    inspect_file(stored(GOOD_GIF))
    environment, descriptors, folder = json.loads(report.read_text())
    # The C locale's own coercion may set one variable; nothing of ours is among them.
    assert not set(environment) - {"LC_CTYPE"}
    assert len(descriptors) <= 5
    assert folder == "/"


@pytest.mark.parametrize("name", ["working.npy", "view.jpg"])
def test_a_full_disk_is_neither_the_pages_fault_nor_a_crash(stored, out, name):
    (out / name).symlink_to("/dev/full")
    with pytest.raises(DecoderDiskFull) as caught:
        decoded(stored(GOOD_JPEG), "jpeg", out)
    assert caught.value.code == "disk_full"
    assert caught.value.retryable
    assert "No space left" in str(caught.value)


def test_the_child_works_within_its_memory_or_says_so(stored, out):
    limits = DecodeLimits(memory_bytes=150 * 1024 * 1024)
    path = stored(hostile.image("PNG", (6000, 6000), "L"))
    with pytest.raises(EngineError) as caught:
        decoded(path, "png", out, limits=limits)
    assert isinstance(caught.value, DecoderFailed)


def test_a_small_file_with_a_large_appetite_ends_at_its_limits(stored, out):
    bomb = hostile.pdf(b"q " * 1000 + b"0 0 1 1 re f " * 200_000)
    limits = DecodeLimits(cpu_seconds=2, wall_seconds=6)
    started = time.monotonic()
    with contextlib.suppress(DecoderFailed):
        decoded(stored(bomb), "pdf", out, limits=limits)
    assert time.monotonic() - started < 20


def test_pixels_lost_in_the_middle_of_a_png_are_damage_and_not_half_a_page(stored, out):
    whole = hostile.image("PNG", (300, 300))
    middle = len(whole) // 2
    path = stored(whole[:middle] + bytes(200) + whole[middle + 200 :])
    with pytest.raises(FileRefused) as caught:
        decoded(path, "png", out)
    assert caught.value.code == "damaged"
