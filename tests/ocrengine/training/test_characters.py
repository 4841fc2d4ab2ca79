"""The charset: what can be said, and in which order."""

from ocrengine.training.characters import (
    always_present,
    big5_level_one,
    build_charset,
    gb2312,
    is_hanzi,
)


def test_the_codecs_give_the_standards_numbers_of_hanzi():
    assert len(gb2312()) == 6763
    assert len(big5_level_one()) == 5401


def test_the_charset_holds_both_scripts_and_space_once():
    characters = build_charset().characters
    assert {" ", "a", "Z", "~", "国", "國", "，", "¥", "é"} <= set(characters)
    assert len(characters) == len(set(characters)) == 9114


def test_classes_that_every_step_computes_come_before_all_hanzi():
    charset = build_charset()
    always = always_present(charset)
    assert not any(is_hanzi(c) for c in charset.characters[: always - 1])
    assert all(is_hanzi(c) for c in charset.characters[always - 1 :])
