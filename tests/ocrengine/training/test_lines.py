"""Lines as the recogniser sees them."""

import numpy as np
import pytest

from ocrengine.training import lines
from ocrengine.training.glyphs import Setting, set_line
from ocrengine.training.lines import HEIGHT, WIDEST, LineMix, LineRenderer


def test_a_strip_knows_where_each_letter_stands(material):
    strip = set_line("lo l", material.faces[0])
    assert strip.text == "lo l"
    assert list(strip.centres) == sorted(strip.centres)
    assert strip.centres[-1] < strip.ink.shape[1]
    inked = strip.ink.any(axis=0)
    assert inked[round(float(strip.centres[0]))]
    assert not inked[round(float(strip.centres[2]))], "the middle of a space is empty"
    assert not strip.ink[: strip.top].any()
    assert not strip.ink[strip.bottom :].any()


def test_a_strip_of_nothing_but_space_is_none(material):
    assert set_line(" ", material.faces[0]) is None


@pytest.fixture(scope="module")
def samples(material):
    renderer = LineRenderer(7, material)
    return [renderer.sample(LineMix(chinese=0, longest=30)) for _ in range(120)]


def test_every_line_has_the_networks_height_and_a_middle_for_each_letter(samples):
    for sample in samples:
        assert sample.picture.shape[0] == HEIGHT
        assert sample.picture.dtype == np.uint8
        assert sample.picture.shape[1] <= WIDEST + HEIGHT
        assert len(sample.centres) == len(sample.text) > 0


def test_lines_of_interfaces_are_set_pixel_by_pixel(material, monkeypatch):
    monkeypatch.setattr(lines, "IN_PIXELS", 1.0)
    renderer = LineRenderer(7, material)
    for sample in (renderer.sample(LineMix(chinese=0, longest=12)) for _ in range(30)):
        assert sample.picture.shape[0] == HEIGHT
        assert len(sample.centres) == len(sample.text) > 0
        assert 0 <= sample.centres.min() <= sample.centres.max() < sample.picture.shape[1]


def test_a_small_em_gives_small_letters(material):
    small = set_line("lo", material.faces[0], setting=Setting(em=12))
    assert small.ink.shape[0] < set_line("lo", material.faces[0]).ink.shape[0] / 2


def test_lines_are_neither_blank_nor_all_alike(samples):
    assert all(np.ptp(sample.picture) > 10 for sample in samples)
    assert len({sample.text for sample in samples}) > 80


def test_the_same_seed_draws_the_same_lines(material, samples):
    again = LineRenderer(7, material).sample(LineMix(chinese=0, longest=30))
    assert again.text == samples[0].text
    assert np.array_equal(again.picture, samples[0].picture)


def test_only_what_a_face_can_draw_is_drawn(material):
    assert material.faces[0].can_draw("Total: 12")
    assert not material.faces[0].can_draw("總計")
