"""Quadrilaterals: corner order, the closed form of unclipping, and the page's edges."""

import cv2
import numpy as np
import pytest

from ocrengine.geometry import bounds, clip_to, order_corners, sides, unclip


def rectangle(width, height, degrees=0.0, centre=(200.0, 150.0)):
    """(1, 4, 2), clockwise from top left."""
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [width / 2, height / 2]
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return (corners @ turn + centre).astype(np.float32)[None]


@pytest.mark.parametrize("degrees", [0, 7, -20, 30])
@pytest.mark.parametrize("shift", range(4))
def test_corners_come_out_clockwise_from_top_left_whatever_came_in(degrees, shift):
    quad = rectangle(100, 20, degrees)
    assert order_corners(np.roll(quad, shift, axis=1)) == pytest.approx(quad)


@pytest.mark.parametrize("degrees", [0, 12, -25])
def test_unclipping_moves_each_side_out_by_area_times_ratio_over_perimeter(degrees):
    grown = unclip(rectangle(100, 20, degrees), 1.6)
    distance = 100 * 20 * 1.6 / 240
    width, height = sides(grown)
    assert width[0] == pytest.approx(100 + 2 * distance, abs=1e-3)
    assert height[0] == pytest.approx(20 + 2 * distance, abs=1e-3)
    assert grown.mean(axis=1)[0] == pytest.approx([200, 150], abs=1e-3)


def test_unclipping_agrees_with_growing_the_rectangle_that_opencv_fits():
    quad = rectangle(120, 18, 9)
    _, (w, h), angle = cv2.minAreaRect(quad[0])
    distance = w * h * 1.5 / (2 * (w + h))
    expected = cv2.boxPoints(((200, 150), (w + 2 * distance, h + 2 * distance), angle))
    assert unclip(quad, 1.5)[0] == pytest.approx(order_corners(expected[None])[0], abs=0.01)


def test_a_box_without_area_stays_where_it_is():
    point = np.full((1, 4, 2), 5, np.float32)
    assert unclip(point, 1.6) == pytest.approx(point)


def test_nothing_in_nothing_out():
    none = np.zeros((0, 4, 2), np.float32)
    assert unclip(none, 1.6).shape == order_corners(none).shape == (0, 4, 2)


def test_corners_outside_the_page_are_moved_to_its_edge():
    clipped = clip_to(rectangle(600, 400), 300, 200)
    assert bounds(clipped)[0] == pytest.approx([0, 0, 300, 200])
