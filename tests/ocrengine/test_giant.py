"""Sheets of print to measure with, and how what was read of them is judged."""

import pytest

from ocrengine.benchmarks import giant
from ocrengine.benchmarks.giant import LEADING, Printed, Sheet
from ocrengine.errors import DecoderOutOfMemory
from ocrengine.profiles import LOW_MEMORY
from ocrengine.types import Line

SMALL = Sheet("small", 1600, 700, 2, margin=40, gutter=60)
TWO = [Printed(0, 0, 100, "abcd"), Printed(0, LEADING, 100, "efghij")]


def line(text, left, top, width=80):
    corners = ((left, top), (left + width, top), (left + width, top + 30), (left, top + 30))
    return Line(corners, text, 1.0, 1.0)


def test_a_sheet_is_full_of_lines_that_keep_to_their_column():
    page, lines = giant.draw_sheet(SMALL)
    assert page.size == (1600, 700)
    assert len({printed.left for printed in lines}) == 2
    assert all(printed.right <= 1600 - 40 for printed in lines)
    assert [p.top for p in lines if p.left == 40] == list(range(40, 700 - 40 - LEADING, LEADING))
    assert all(len(printed.text) > 30 for printed in lines)
    for printed in lines:
        above = (printed.left, printed.top, printed.right, printed.top + LEADING)
        assert page.crop(above).getextrema()[0][0] < 100


def test_the_same_sheet_is_drawn_again_and_another_for_another_seed():
    assert giant.draw_sheet(SMALL)[1] == giant.draw_sheet(SMALL)[1]
    assert giant.draw_sheet(SMALL)[1] != giant.draw_sheet(SMALL, seed=2)[1]


@pytest.mark.parametrize(
    ("read", "edits"),
    [
        ([line("abcd", 0, 2), line("efghij", 0, 42)], 0),
        ([line("efghij", 0, 42), line("abcd", 0, 2)], 0),  # order is not asked for
        ([line("ij", 50, 42, 30), line("efgh", 0, 42, 45), line("abcd", 0, 2)], 1),
        ([line("abcd", 0, 2)], 6),
        ([line("abcd", 0, 2), line("efghij", 0, 42), line("xyz", 300, 300)], 3),
    ],
)
def test_each_printed_line_is_held_against_what_was_read_in_its_place(read, edits):
    assert giant.error_by_line(TWO, read) == pytest.approx(edits / 10)


def test_a_sheet_is_read_and_one_that_cannot_be_is_told(monkeypatch):
    [row] = giant.measure(["fast"], [LOW_MEMORY], [SMALL])
    assert row.size == (1600, 700)
    assert row.by_line < 0.05
    assert row.in_order < 0.05
    assert row.engine_peak > 0 < row.decoder_peak  # how much depends on what ran before
    assert giant.table([row]).splitlines()[-1].startswith("| small | fast, low_memory | ")

    def fail(*args, **options):
        raise DecoderOutOfMemory("too large")

    monkeypatch.setattr(giant, "decode_page", fail)
    assert list(giant.measure(["fast"], [LOW_MEMORY], [SMALL])) == [
        "small, fast, low_memory: page_memory (too large)"
    ]
