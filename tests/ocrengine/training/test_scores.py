"""Error rates: what counts as the same, and how much differs."""

import pytest

from ocrengine.training.scores import character_error_rate, edit_distance, interval, normalize


@pytest.mark.parametrize(
    ("a", "b", "distance"),
    [
        ("", "", 0), ("abc", "", 3), ("", "ab", 2), ("kitten", "sitting", 3), ("abc", "abc", 0),
        ("abcdef", "azced", 3), ("國語", "国語", 1), ("flaw", "lawn", 2),
    ],
)  # fmt: skip
def test_distances_are_levenshteins(a, b, distance):
    assert edit_distance(a, b) == edit_distance(b, a) == distance


@pytest.mark.parametrize(
    ("a", "b"),
    [("ＡＢ１", "AB1"), ("“x” — y", '"x" - y'), ("中 文", "中文"), ("a  b", "a b"), ("等…", "等.")],
)
def test_what_looks_the_same_counts_as_the_same(a, b):
    assert normalize(a) == normalize(b)


def test_case_and_blanks_are_left_out_only_when_asked():
    assert normalize("Total RM") == "Total RM"
    assert normalize("Total RM", fold=True, blanks=False) == "totalrm"


def test_the_rate_is_edits_per_character_of_the_truth():
    assert character_error_rate([("abcd", "abcx"), ("ab", "ab")]) == pytest.approx(1 / 6)
    assert character_error_rate([]) == 0


def test_the_interval_holds_the_rate_and_narrows_with_more_lines():
    few = [("abcd", "abcx"), ("abcd", "abcd"), ("abcd", "abcd")]
    low, high = interval(few)
    assert low <= character_error_rate(few) <= high
    narrower = interval(few * 40)
    assert narrower[1] - narrower[0] < high - low
