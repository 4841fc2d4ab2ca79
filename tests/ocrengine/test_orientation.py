"""A page is turned only when its own long lines say so; a correct page never is."""

import numpy as np
import pytest

from ocrengine.orientation import (
    find_rotation,
    is_upside_down,
    lies_on_its_side,
    to_upright,
    turn_corners,
)
from ocrengine.recognize import Reading

WIDTH, HEIGHT = 800, 1200


def lines(count=8, width=400, height=24):
    x0, y0 = 100, 100
    return np.array(
        [
            [[x0, y], [x0 + width, y], [x0 + width, y + height], [x0, y + height]]
            for y in (y0 + 60 * n for n in range(count))
        ],
        np.float32,
    )


def _size(rotation):
    """Of the page as it lies."""
    return (WIDTH, HEIGHT) if rotation == 180 else (HEIGHT, WIDTH)


def laid(rotation):
    """Upright lines as they lie on a page that must be turned clockwise by `rotation`."""
    return to_upright(lines(), (360 - rotation) % 360, WIDTH, HEIGHT)


def reader_of(rotation, *, sure=0.95, unsure=0.3):
    """Reads well only what runs in the direction of text on a page so laid."""
    along = {0: (1, 0), 90: (0, -1), 180: (-1, 0), 270: (0, 1)}[rotation]

    def read(quads):
        directions = quads[:, 1] - quads[:, 0]
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        right = (directions @ np.array(along)) > 0.9
        return [Reading("text", sure if ok else unsure) for ok in right]

    return read


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_turning_there_and_back_changes_nothing(rotation):
    size = (WIDTH, HEIGHT) if rotation in (0, 180) else (HEIGHT, WIDTH)
    there = to_upright(lines(), rotation, WIDTH, HEIGHT)
    back = to_upright(there, (360 - rotation) % 360, *size)
    assert back == pytest.approx(lines())


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_turned_corners_are_the_same_outlines_begun_at_their_own_top_left(rotation):
    quads = laid(rotation)
    turned = turn_corners(quads, rotation, *_size(rotation))
    assert np.sort(turned.reshape(8, -1), axis=1) == pytest.approx(
        np.sort(quads.reshape(8, -1), axis=1)
    )
    assert to_upright(turned, rotation, *_size(rotation)) == pytest.approx(lines())


@pytest.mark.parametrize("rotation", [90, 270])
def test_a_page_on_its_side_is_turned_the_way_it_reads_well(rotation):
    quads = laid(rotation)
    assert lies_on_its_side(quads)
    assert find_rotation(quads, reader_of(rotation), *_size(rotation)) == rotation


def test_a_page_upside_down_is_turned():
    quads = laid(180)
    bad = [Reading("?", 0.4)] * len(quads)
    assert is_upside_down(quads, bad, reader_of(180), WIDTH, HEIGHT)


def test_a_page_that_reads_well_is_not_even_tried():
    good = [Reading("text", 0.9)] * 8

    def must_not_read(quads):
        raise AssertionError("an upright page was read again")

    assert not lies_on_its_side(lines())
    assert not is_upside_down(lines(), good, must_not_read, WIDTH, HEIGHT)


def test_a_bad_scan_that_reads_badly_either_way_stays_as_it_is():
    bad = [Reading("?", 0.4)] * 8
    assert not is_upside_down(lines(), bad, reader_of(180, sure=0.5), WIDTH, HEIGHT)


def test_standing_lines_that_read_badly_either_way_turn_nothing():
    # A Chinese page set in vertical lines stands too.
    quads = laid(90)
    assert find_rotation(quads, reader_of(90, sure=0.6), *_size(90)) == 0


def test_a_standing_page_that_reads_about_as_well_both_ways_stays():
    quads = laid(90)
    assert find_rotation(quads, reader_of(90, unsure=0.9), *_size(90)) == 0


def test_a_few_lines_are_not_witnesses_enough():
    assert not lies_on_its_side(laid(90)[:3])
    assert not is_upside_down(laid(180)[:3], [Reading("?", 0.1)] * 3, reader_of(180), WIDTH, HEIGHT)


def test_a_page_with_a_standing_margin_note_lies_as_it_should():
    note = np.array([[[20, 100], [40, 100], [40, 700], [20, 700]]], np.float32)
    assert not lies_on_its_side(np.concatenate([lines(), note]))
