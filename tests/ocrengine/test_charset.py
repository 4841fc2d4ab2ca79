"""A charset must agree with the network's classes to the last character."""

from ocrengine.charset import Charset


def test_the_blank_comes_first_and_the_space_last():
    charset = Charset.from_lines("a\nb\n", space=True)
    assert charset.characters == ("a", "b", " ")
    assert charset.classes == 4
    assert charset.decode([1, 2, 3]) == "ab "


def test_a_line_that_is_a_blank_is_a_character():
    assert Charset.from_lines("a\n \n\u3000\n", space=False).characters == ("a", " ", "\u3000")


def test_a_line_separator_is_a_character_and_ends_no_line():
    # str.splitlines() would count one class too many from here on
    assert Charset.from_lines("a\n\u2028\nb", space=False).characters == ("a", "\u2028", "b")


def test_another_order_of_characters_is_another_charset():
    one = Charset.from_lines("a\nb", space=False)
    other = Charset.from_lines("b\na", space=False)
    assert one.fingerprint != other.fingerprint
