"""Pages as the detector sees them, and what it should say about them."""

import cv2
import numpy as np
import pytest

from ocrengine.geometry import unclip
from ocrengine.training.db_targets import SHRINK, make_targets, offset_of, shift_edges
from ocrengine.training.pages import PageRenderer

LINE = np.array([[20, 20], [120, 20], [120, 40], [20, 40]], np.float32)


@pytest.fixture(scope="module")
def pages(material):
    renderer = PageRenderer(3, material, side=256)
    return [renderer.sample() for _ in range(40)]


def test_lines_lie_on_their_page_clockwise_from_top_left(pages):
    assert sum(len(page.quads) for page in pages) > 100
    for page in pages:
        assert page.picture.shape == (256, 256, 3)
        for quad in page.quads:
            assert 0 <= quad.min() <= quad.max() <= 256
            assert cv2.contourArea(quad, oriented=True) > 0


def test_there_is_ink_inside_an_outline(pages):
    contrasts = []
    for page in pages:
        gray = page.picture.mean(axis=2)
        for quad in page.quads:
            mask = np.zeros(gray.shape, np.uint8)
            cv2.fillPoly(mask, [np.round(quad).astype(np.int32)], 1)
            contrasts.append(np.ptp(gray[mask > 0]))
    # A corner of a turned line that the page's edge cuts off may hold none.
    assert np.percentile(contrasts, 2) > 10


def test_the_same_seed_draws_the_same_page(material, pages):
    again = PageRenderer(3, material, side=256).sample()
    assert np.array_equal(again.picture, pages[0].picture)
    assert np.array_equal(again.quads, pages[0].quads)


def test_a_kernel_lies_inside_its_line_by_the_papers_offset():
    distance = offset_of(LINE)
    assert distance == pytest.approx(100 * 20 * (1 - SHRINK**2) / 240)
    inner = shift_edges(LINE, distance)
    assert inner[0] == pytest.approx([20 + distance, 20 + distance])
    assert inner[2] == pytest.approx([120 - distance, 40 - distance])


def test_a_turned_line_keeps_its_turn_when_its_edges_move():
    turned = cv2.transform(LINE[None], np.array([[0.8, -0.6, 50], [0.6, 0.8, 0]]))[0]
    inner = shift_edges(turned.astype(np.float32), 5)
    back = shift_edges(inner, -5)
    assert back == pytest.approx(turned, abs=1e-3)


def test_unclipping_a_kernel_gives_the_line_back():
    inner = shift_edges(LINE, offset_of(LINE))[None]
    found = unclip(inner, 2.4)[0]
    shared, _ = cv2.intersectConvexConvex(found, LINE)
    union = cv2.contourArea(found) + cv2.contourArea(LINE) - shared
    assert shared / union > 0.85


def test_targets_say_text_inside_and_thresholds_around_a_line():
    maps = make_targets(160, LINE[None], [])
    assert maps["kernel"][30, 70] == 1
    assert maps["kernel"][22, 70] == 0, "the border is no kernel"
    assert maps["level"][20, 70] == pytest.approx(0.7, abs=0.05)
    assert maps["level"][100, 70] == pytest.approx(0.3)
    assert maps["band"][20, 70] == 1
    assert maps["counted"].all()


def test_what_nobody_could_read_is_not_counted():
    tiny = np.array([[[10, 10], [60, 10], [60, 12], [10, 12]]], np.float32)
    maps = make_targets(160, tiny, [LINE])
    assert not maps["kernel"].any()
    assert maps["counted"][11, 30] == 0
    assert maps["counted"][30, 70] == 0
