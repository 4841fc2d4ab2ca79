"""What lines say: cut at native size, batched, and given back in the order they were asked for."""

import cv2
import numpy as np
import pytest

from ocrengine.crops import cut_line
from ocrengine.recognize import Reading, Recognizer, split_at_gaps
from tests.ocrengine.fake_networks import CHARSET, RECOGNIZING, ColourRecognizer

RED, GREEN, BLUE, GREY = (255, 0, 0), (0, 255, 0), (0, 0, 255), (128, 128, 128)


def quad(x0, y0, x1, y1):
    return [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]


def recognizer(batch_pixels=48 * 640):
    network = ColourRecognizer()
    return Recognizer(network, RECOGNIZING, CHARSET, batch_pixels), network


def page_of(colours, width=300):
    """Bars of those colours below each other, and their outlines."""
    page = np.full((40 * len(colours) + 40, width + 40, 3), 255, np.uint8)
    quads = []
    for n, colour in enumerate(colours):
        y = 20 + 40 * n
        right = 20 + width - 7 * (n % 5)
        page[y : y + 20, 20:right] = colour
        quads.append(quad(20, y, right, y + 20))
    return page, np.array(quads, np.float32)


def test_each_line_gets_its_own_text_whatever_was_batched_with_it():
    colours = [(RED, GREEN, BLUE)[n % 3] for n in range(50)]
    page, quads = page_of(colours)
    readings = recognizer()[0].read_lines(page, quads)
    assert [r.text for r in readings] == ["rgb"[n % 3] for n in range(50)]
    assert all(r.confidence == pytest.approx(0.95) for r in readings)


def test_batches_stay_under_the_cap_of_padded_pixels():
    page, quads = page_of([RED] * 40)
    reader, network = recognizer(batch_pixels=48 * 2000)
    reader.read_lines(page, quads)
    assert max(b * h * w for b, _, h, w in network.shapes) <= 48 * 2000
    assert max(shape[0] for shape in network.shapes) > 1


def test_the_network_never_sees_a_line_wider_than_it_may():
    page, quads = page_of([GREEN], width=4000)
    reader, network = recognizer()
    assert set(reader.read_lines(page, quads)[0].text) <= {"g", " "}
    assert max(shape[3] for shape in network.shapes) <= 960


def test_a_long_line_is_cut_in_its_gaps():
    line = np.full((48, 3000, 3), 255, np.uint8)
    for x in range(0, 3000, 300):  # words of 250 pixels, gaps of 50
        line[10:38, x : x + 250] = np.random.default_rng(x).integers(0, 90, (28, 250, 1))
    pieces = split_at_gaps(line, 960)
    assert np.concatenate(pieces, axis=1).shape == line.shape
    assert all(piece.shape[1] <= 960 for piece in pieces)
    ends = np.cumsum([piece.shape[1] for piece in pieces])[:-1]
    assert all(250 <= end % 300 < 300 for end in ends)


def test_a_line_that_fits_is_not_cut():
    assert len(split_at_gaps(np.zeros((48, 960, 3), np.uint8), 960)) == 1


@pytest.mark.parametrize(
    ("texts", "line"),
    [
        (["the first", "the second"], "the first the second"),
        (["前半句", "后半句"], "前半句后半句"),
        (["", "一", "", "two"], "一two"),
        (["", ""], ""),
    ],
)
def test_pieces_of_a_line_become_one_text(texts, line):
    class Saying(Recognizer):
        def _read_pieces(self, crops):
            return [Reading(text, 0.9) for text in texts + [""] * (len(crops) - len(texts))]

    reader = Saying(ColourRecognizer(), RECOGNIZING, CHARSET, 48 * 640)
    blank = np.zeros((48, 960 * len(texts) - 400, 3), np.uint8)
    assert len(split_at_gaps(blank, 960)) >= len(texts)
    [reading] = reader.read_crops([blank])
    assert reading.text == line


def test_no_lines_need_no_network():
    reader, network = recognizer()
    assert reader.read_lines(np.zeros((9, 9, 3), np.uint8), np.zeros((0, 4, 2), np.float32)) == []
    assert network.shapes == []


def test_a_straight_line_is_sliced_out_of_the_page_unchanged():
    page = np.random.default_rng(0).integers(0, 255, (100, 400, 3), np.uint8)
    crop = cut_line(page, np.array(quad(30, 20, 330, 68), np.float32), 48)
    assert (crop == page[20:68, 30:330]).all()


def test_a_slanted_line_is_turned_straight():
    page = np.full((300, 300, 3), 255, np.uint8)
    corners = np.array([[50, 50], [250, 90], [244, 120], [44, 80]], np.float32)
    inner = np.array([[60, 57], [240, 93], [236, 113], [56, 77]], np.int32)
    cv2.fillPoly(page, [inner], RED)
    crop = cut_line(page, corners, 48)
    assert crop.shape[1] / crop.shape[0] == pytest.approx(204 / 31, rel=0.06)
    assert (crop[24, 30:-30] == RED).all()


def test_a_standing_line_is_laid_down_counter_clockwise():
    page = np.full((400, 100, 3), 255, np.uint8)
    page[20:200, 30:60] = RED
    page[200:380, 30:60] = GREEN
    crop = cut_line(page, np.array(quad(30, 20, 60, 380), np.float32), 48)
    assert crop.shape == (48, 576, 3)
    assert tuple(crop[24, 10]) == RED  # its upper end is now on the left
    assert tuple(crop[24, -10]) == GREEN


def test_a_line_that_touches_the_pages_edge_is_cut_there():
    page = np.full((60, 200, 3), 7, np.uint8)
    assert (cut_line(page, np.array(quad(-5, -5, 220, 70), np.float32), 48) == 7).all()
