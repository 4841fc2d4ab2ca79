"""Tiles cover the page, keep each pixel once, and stay within their budget of pixels."""

import numpy as np
import pytest

from ocrengine.tiles import MULTIPLE, OVERLAP, plan_tiles, round_up

SIZES = [(640, 640), (1000, 700), (700, 1000), (2480, 3508), (3508, 2480), (300, 9000), (5000, 90)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("side", [640, 960])
def test_each_pixel_of_the_page_is_kept_exactly_once(size, side):
    width, height = size
    kept = np.zeros((height, width), np.uint8)
    for tile in plan_tiles(width, height, side):
        kept[tile.y.keep_from : tile.y.keep_to, tile.x.keep_from : tile.x.keep_to] += 1
    assert (kept == 1).all()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("side", [640, 960])
def test_no_tile_leaves_the_page_or_its_budget(size, side):
    width, height = size
    for tile in plan_tiles(width, height, side):
        assert 0 <= tile.x.start < tile.x.stop <= width
        assert 0 <= tile.y.start < tile.y.stop <= height
        area = (tile.x.stop - tile.x.start) * (tile.y.stop - tile.y.start)
        assert area <= side * side


@pytest.mark.parametrize("size", SIZES)
def test_what_a_tile_keeps_has_context_on_every_side_that_is_not_the_pages_edge(size):
    width, height = size
    for tile in plan_tiles(width, height, 640):
        for span, length in ((tile.x, width), (tile.y, height)):
            assert span.start == 0 or span.keep_from - span.start >= OVERLAP // 2
            assert span.stop == length or span.stop - span.keep_to >= OVERLAP // 2


def test_a_page_with_few_enough_pixels_is_one_tile_however_long():
    assert len(list(plan_tiles(100, 4000, 640))) == 1


@pytest.mark.parametrize(("length", "rounded"), [(1, 32), (32, 32), (33, 64), (640, 640)])
def test_sides_are_rounded_up_to_what_the_network_allows(length, rounded):
    assert round_up(length) == rounded
    assert rounded % MULTIPLE == 0
