"""The steps together, with fake networks: what is found is read, ordered, dropped or turned."""

import numpy as np
import pytest

from ocrengine.detect import Detector
from ocrengine.pipeline import Stopwatch, read_page
from ocrengine.recognize import Recognizer
from tests.ocrengine.fake_networks import (
    CHARSET,
    DETECTING,
    RECOGNIZING,
    ColourRecognizer,
    InkDetector,
)

RED, GREEN, BLUE, GREY = (255, 0, 0), (0, 255, 0), (0, 0, 255), (60, 60, 60)


def page_of(bars, width=900, height=900):
    page = np.full((height, width, 3), 255, np.uint8)
    for colour, x, y, length in bars:
        page[y : y + 20, x : x + length] = colour
    return page


def read(page, *, detect_only=False, stopwatch=None):
    recognizer = Recognizer(ColourRecognizer(), RECOGNIZING, CHARSET, 48 * 640)
    return read_page(
        page,
        Detector(InkDetector(), DETECTING, 960),
        None if detect_only else recognizer,
        stopwatch=stopwatch or Stopwatch(),
    )


def texts(found):
    return "".join(reading.text for reading in found.readings)


def test_lines_come_back_in_reading_order():
    found = read(page_of([(BLUE, 500, 100, 90), (RED, 60, 100, 200), (GREEN, 60, 200, 200)]))
    assert texts(found) == "rbg"
    assert found.quads[:, 0, 0] == pytest.approx([60, 500, 60], abs=20)


def test_what_cannot_be_read_is_dropped_and_counted():
    found = read(page_of([(RED, 60, 100, 200), (GREY, 60, 200, 200), (GREEN, 60, 300, 200)]))
    assert texts(found) == "rg"
    assert found.dropped == 1
    assert len(found.quads) == len(found.scores) == 2


def test_detecting_only_keeps_every_outline_and_no_text():
    found = read(page_of([(RED, 60, 100, 200), (GREY, 60, 200, 200)]), detect_only=True)
    assert [r.text for r in found.readings] == ["", ""]
    assert found.dropped == 0


def test_an_empty_page_is_read_and_has_no_lines():
    found = read(page_of([]))
    assert found.readings == []
    assert found.quads.shape == (0, 4, 2)


def test_upside_down_lines_are_read_the_other_way_round():
    # Grey on the left and a colour on the right: legible only when turned by 180 degrees.
    page = page_of([(GREY, 60, 60 + 60 * n, 200) for n in range(8)])
    for n in range(8):
        page[60 + 60 * n : 80 + 60 * n, 160:300] = (RED, GREEN)[n % 2]
    found = read(page)
    assert found.rotation == 180
    assert texts(found) == "grgrgrgr"  # the last line of the page as it lies comes first


def test_the_page_may_be_read_only():
    page = page_of([(RED, 60, 100, 200)])
    page.flags.writeable = False
    assert texts(read(page)) == "r"


def test_each_step_is_timed():
    stopwatch = Stopwatch()
    read(page_of([(RED, 60, 100, 200)]), stopwatch=stopwatch)
    assert set(stopwatch.seconds) >= {"detect", "recognize", "order"}
