"""Clean-up changes how text is encoded, never what it says."""

import pytest

from ocrengine.normalize import normalize_text


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("cafe\u0301", "café"),
        ("a\u0000b\u200bc\ufeff", "abc"),
        ("  two\u3000 words \t", "two words"),
        ("１２３，ＡＢＣ", "１２３，ＡＢＣ"),
        ("teh recieved 0O1l", "teh recieved 0O1l"),
        ("ﬁne", "ﬁne"),
    ],
)
def test_text_is_composed_and_visible_and_spelled_as_it_was_read(raw, clean):
    assert normalize_text(raw) == clean


def test_cleaning_twice_changes_nothing_more():
    once = normalize_text(" a\u0301\u00a0 b ")
    assert normalize_text(once) == once
