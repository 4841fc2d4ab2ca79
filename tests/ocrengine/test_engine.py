"""The real networks on pages rendered here: real words come back."""

import json

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from ocrengine.engine import Engine
from ocrengine.profiles import LOW_MEMORY
from ocrengine.types import PageResult

WORDS = ["The quick brown fox", "jumps over 1,234.56", "lazy dogs; TOTAL 78.90"]


def render(lines, *, size=32, width=900, height=420):
    page = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(size=size)
    for n, text in enumerate(lines):
        draw.text((60, 50 + n * size * 2), text, font=font, fill="black")
    return page


@pytest.fixture(scope="module")
def engine():
    return Engine(LOW_MEMORY)


def test_real_words_come_back(engine):
    result = engine.read(np.asarray(render(WORDS)))
    assert result.text.split("\n") == WORDS
    assert all(line.confidence > 0.9 for line in result.lines)


def test_outlines_lie_around_the_words_in_source_pixels(engine):
    # The working image is half the page: what comes back is in the page's own pixels.
    result = engine.read(np.asarray(render(WORDS)), source_size=(1800, 840))
    assert (result.width, result.height) == (1800, 840)
    xs, ys = zip(*result.lines[0].polygon, strict=True)
    assert min(xs) == pytest.approx(120, abs=16)
    assert 100 - 16 < min(ys) < 130
    assert max(ys) == pytest.approx(180, abs=24)
    assert result.receipt.working_size == (900, 420)


def test_a_result_survives_the_way_through_json(engine):
    result = engine.read(np.asarray(render(WORDS[:1])), notes=("reduced",))
    assert PageResult.from_dict(json.loads(json.dumps(result.to_dict()))) == result
    assert result.receipt.notes == ("reduced",)


def test_small_print_on_a_large_page_is_read_in_tiles(engine):
    page = render([], width=1800, height=1800)
    font = ImageFont.load_default(size=18)
    draw = ImageDraw.Draw(page)
    for n in range(20):
        draw.text(
            (80 + 700 * (n % 3), 60 + 80 * n), f"Clause {n}: small print", font=font, fill="black"
        )
    result = engine.read(np.asarray(page))
    assert result.receipt.tiles > 1
    assert [line.text for line in result.lines] == [f"Clause {n}: small print" for n in range(20)]


def test_a_page_that_lies_on_its_side_is_read_upright(engine):
    lines = [f"{n} {WORDS[n % 3]}" for n in range(6)]
    page = render(lines, height=700)
    lying = np.asarray(page.transpose(Image.Transpose.ROTATE_90))
    result = engine.read(lying)
    assert result.receipt.rotation == 90
    assert [line.text for line in result.lines] == lines
    assert (result.width, result.height) == (700, 900)


def test_a_page_upside_down_is_read_upright(engine):
    lines = [f"{n} {WORDS[n % 3]}" for n in range(6)]
    page = render(lines, height=700)
    result = engine.read(np.asarray(page.transpose(Image.Transpose.ROTATE_180)))
    assert result.receipt.rotation == 180
    assert [line.text for line in result.lines] == lines


def test_an_upright_page_is_left_alone(engine):
    assert engine.read(np.asarray(render(WORDS * 2, height=700))).receipt.rotation == 0


def test_detecting_only_reads_nothing(engine):
    result = engine.read(np.asarray(render(WORDS)), detect_only=True)
    assert len(result.lines) == 3
    assert result.text.strip() == ""


@pytest.mark.parametrize("colour", ["white", "black"])
def test_a_blank_page_has_no_lines(engine, colour):
    result = engine.read(np.asarray(Image.new("RGB", (600, 800), colour)))
    assert result.lines == ()


@pytest.mark.parametrize("size", [(1, 1), (3, 700), (700, 3)])
def test_a_page_of_hardly_any_pixels_is_no_trouble(engine, size):
    assert engine.read(np.asarray(Image.new("RGB", size, "white"))).lines == ()


def test_a_page_mapped_from_a_file_is_read_without_a_copy(engine, tmp_path):
    np.save(tmp_path / "page.npy", np.asarray(render(WORDS)))
    mapped = np.load(tmp_path / "page.npy", mmap_mode="r")
    assert engine.read(mapped).text.split("\n") == WORDS
