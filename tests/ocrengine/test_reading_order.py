"""In which order a person reads: pages drawn as boxes, listed as they should be read.

Each case is shuffled before it is ordered, so that no answer is right by accident.
"""

import math

import numpy as np
import pytest

from ocrengine.reading_order import page_skew, reading_order

LINE, PITCH = 20, 30


def line(x, y, width, height=LINE):
    return [[x, y], [x + width, y], [x + width, y + height], [x, y + height]]


def column(x, y, width, rows, *, last=0.6, pitch=PITCH):
    """A paragraph: full lines, and a last one that is shorter."""
    lines = [line(x, y + n * pitch, width) for n in range(rows)]
    lines[-1] = line(x, y + (rows - 1) * pitch, width * last)
    return lines


def row(y, *cells):
    """(x, width) of each cell."""
    return [line(x, y, width) for x, width in cells]


ONE_COLUMN = column(100, 100, 800, 20)
TWO_COLUMNS = column(100, 100, 380, 25) + column(520, 100, 380, 25)
UNEVEN_COLUMNS = column(100, 100, 380, 25) + column(520, 112, 380, 14)
THREE_COLUMNS = column(60, 100, 260, 25) + column(360, 106, 260, 25) + column(660, 97, 260, 22)
HEADLINE = [line(100, 40, 800, 50), *column(100, 130, 380, 20), *column(520, 130, 380, 20)]
FOOTLINE = [*column(100, 100, 380, 20), *column(520, 100, 380, 20), line(300, 800, 400)]
HEADLINE_BETWEEN = [
    *column(100, 100, 380, 10),
    *column(520, 100, 380, 10),
    line(100, 440, 800, 40),
    *column(100, 520, 380, 10),
    *column(520, 520, 380, 10),
]
RECEIPT = [
    line(150, 20, 300),
    line(180, 50, 240),
    *[cell for n in range(12) for cell in row(120 + 34 * n, (40, 180 + 7 * n), (480, 80))],
    *row(560, (40, 90), (460, 100)),
    line(120, 620, 360),
]
CROOKED_RECEIPT = [
    line(150, 20, 300),
    *[
        cell
        for n in range(12)
        for cell in (line(40, 120 + 34 * n, 180), line(480, 125 + 34 * n, 80, 22))
    ],
]
OPEN_TABLE = [
    *row(60, (80, 120), (330, 90), (520, 90), (710, 90)),
    *[
        cell
        for n in range(15)
        for cell in row(110 + 34 * n, (80, 150), (340, 70), (530, 70), (720, 70))
    ],
]

CASES = {
    "nothing": [],
    "a single line": [line(10, 10, 100)],
    "one column": ONE_COLUMN,
    "two columns on one grid": TWO_COLUMNS,
    "two columns of uneven length": UNEVEN_COLUMNS,
    "three columns": THREE_COLUMNS,
    "a headline over two columns": HEADLINE,
    "a line under two columns": FOOTLINE,
    "a headline between two pairs of columns": HEADLINE_BETWEEN,
    "a receipt, each value beside its key": RECEIPT,
    "a receipt whose values sit a little lower": CROOKED_RECEIPT,
    "an open table, row by row": OPEN_TABLE,
}


def ordered(boxes, **kwargs):
    """Shuffle, order, and say which of the original boxes came when."""
    quads = np.array(boxes, np.float32).reshape(-1, 4, 2)
    shuffled = np.random.default_rng(3).permutation(len(quads))
    return shuffled[reading_order(quads[shuffled], **kwargs)].tolist()


def turned(boxes, degrees, centre=(500, 500)):
    """Clockwise, as a page that lies crooked on the scanner."""
    angle = math.radians(degrees)
    matrix = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    return (np.array(boxes, np.float32) - centre) @ matrix + centre


@pytest.mark.parametrize("name", CASES)
def test_lines_are_read_as_a_person_reads_them(name):
    assert ordered(CASES[name]) == list(range(len(CASES[name])))


@pytest.mark.parametrize("degrees", [-4, -1.5, 1.5, 4])
@pytest.mark.parametrize("name", ["two columns on one grid", "a headline over two columns"])
def test_a_skewed_page_is_read_like_a_straight_one(name, degrees):
    crooked = turned(CASES[name], degrees)
    assert page_skew(crooked.astype(np.float32)) == pytest.approx(degrees, abs=0.1)
    assert ordered(crooked) == list(range(len(CASES[name])))


@pytest.mark.parametrize("name", CASES)
def test_the_size_of_a_page_in_pixels_does_not_matter(name):
    boxes = np.array(CASES[name], np.float32).reshape(-1, 4, 2) * 3.3
    assert ordered(boxes) == list(range(len(boxes)))


def test_a_ruled_table_is_read_cell_by_cell():
    # Two rows of two cells; each cell holds two lines, and only the rulings say so.
    cells = [(60, 60), (560, 60), (60, 160), (560, 160)]
    boxes = [line(x, y + 30 * n, 300 - 60 * n) for x, y in cells for n in range(2)]
    rulings = np.array(
        [
            [[40, 140], [960, 140]],
            [[510, 40], [510, 240]],
        ],
        np.float32,
    )
    assert ordered(boxes, rulings=rulings) == list(range(len(boxes)))


def test_a_rule_in_each_of_two_columns_does_not_divide_the_page():
    # As in a newspaper, where rules between articles happen to lie on one level.
    left = [*column(100, 100, 380, 10), *column(100, 440, 380, 10)]
    right = [*column(520, 100, 380, 10), *column(520, 440, 380, 10)]
    rulings = np.array([[[95, 410], [485, 410]], [[515, 410], [905, 410]]], np.float32)
    assert ordered(left + right, rulings=rulings) == list(range(40))


def test_a_rule_right_across_the_page_divides_it():
    above = column(100, 100, 380, 10) + column(520, 100, 380, 10)
    below = column(100, 440, 380, 10) + column(520, 440, 380, 10)
    rulings = np.array([[[95, 410], [905, 410]]], np.float32)
    assert ordered(above + below, rulings=rulings) == list(range(40))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", CASES)
def test_a_tenth_of_a_pixel_changes_nothing(name, seed):
    boxes = np.array(CASES[name], np.float32).reshape(-1, 4, 2)
    shaken = boxes + np.random.default_rng(seed).uniform(-0.1, 0.1, boxes.shape)
    assert ordered(shaken) == list(range(len(boxes)))


def test_without_rulings_the_same_boxes_are_rows():
    boxes = [line(60, 60, 300), line(560, 60, 300), line(60, 90, 240), line(560, 90, 240)]
    assert ordered(boxes) == [0, 1, 2, 3]


@pytest.mark.parametrize("seed", range(20))
def test_every_line_comes_out_once_whatever_the_page_looks_like(seed):
    random = np.random.default_rng(seed)
    count = int(random.integers(2, 120))
    x, y = random.uniform(0, 1000, (2, count))
    boxes = [
        line(a, b, w, h)
        for a, b, w, h in zip(
            x, y, random.uniform(5, 600, count), random.uniform(5, 60, count), strict=True
        )
    ]
    assert sorted(ordered(boxes)) == list(range(count))


def test_a_few_short_lines_say_nothing_about_skew():
    assert page_skew(turned([line(10, 10, 40), line(10, 60, 40)], 5).astype(np.float32)) == 0.0


def test_lines_that_disagree_are_not_a_skew():
    fan = [turned([line(100, 100 * n, 500)], 5 * n - 10)[0] for n in range(6)]
    assert page_skew(np.array(fan, np.float32)) == 0.0
