"""What of a page is worth a look: all that is printed, and little of what is not."""

import numpy as np
import pytest

from ocrengine.foreground import find_foreground


def blank(height, width, paper=255):
    return np.full((height, width, 3), paper, np.uint8)


def extent(page):
    rows, columns = find_foreground(page)
    return rows.start, rows.stop, columns.start, columns.stop


def test_blank_margins_are_left_out_but_for_a_little():
    page = blank(640, 640)
    page[200:400, 150:500] = 0
    top, bottom, left, right = extent(page)
    assert (200 - 32 <= top < 200, 400 < bottom <= 400 + 32) == (True, True)
    assert (150 - 32 <= left < 150, 500 < right <= 500 + 32) == (True, True)


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (37, 4001), (2999, 1999), (6000, 20)])
def test_an_empty_page_is_whole_whatever_its_size(size):
    assert extent(blank(*size)) == (0, size[0], 0, size[1])


@pytest.mark.parametrize("size", [(1999, 2999), (3507, 2480), (901, 7003)])
def test_what_is_printed_in_the_last_corner_is_not_lost(size):
    page = blank(*size)
    page[-12:, -12:] = 0
    assert extent(page)[1::2] == size


def test_pale_print_is_print():
    page = blank(1280, 1280, paper=230)
    page[600:620, 600:700:4] = 190
    top, bottom, left, right = extent(page)
    assert (top < 600, bottom > 620, left < 600, right > 700) == (True,) * 4


def test_fine_print_on_a_huge_sheet_is_seen_as_a_texture():
    page = blank(7000, 5000)
    # Hairlines a pixel wide: after reduction by eleven, none of them is black any more.
    page[6000:6018, 4000:4400:3] = 0
    top, bottom, left, right = extent(page)
    assert (top < 6000, bottom > 6018, left < 4000, right > 4400) == (True,) * 4


def test_a_noisy_scan_is_looked_at_whole():
    noise = np.random.default_rng(4).integers(150, 255, (640, 640, 1), np.uint8)
    assert extent(np.repeat(noise, 3, axis=2)) == (0, 640, 0, 640)
