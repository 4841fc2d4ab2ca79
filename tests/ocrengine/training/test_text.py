"""What lines say."""

import numpy as np
import pytest

from ocrengine.training.chance import choose
from ocrengine.training.corpus import TextSource, unify
from tests.ocrengine.training.material import CORPUS


def source(seed=1):
    return TextSource(CORPUS, np.random.default_rng(seed))


@pytest.mark.parametrize("longest", [2, 9, 40])
def test_a_line_keeps_its_length_and_has_no_blanks_at_its_ends(longest):
    text = source()
    for _ in range(300):
        line = text.line(False, longest)
        assert 0 < len(line) <= longest
        assert line == line.strip()


def test_the_same_seed_says_the_same():
    first, second = source(5), source(5)
    assert [first.line(False, 30) for _ in range(50)] == [second.line(False, 30) for _ in range(50)]


def test_wide_letters_and_digits_are_ascii_and_wide_punctuation_stays():
    assert unify("ＡＢＣ１２３，。　x") == "ABC123，。 x"


def test_choices_follow_their_shares():
    rng = np.random.default_rng(1)
    drawn = [choose(rng, [("a", 0.9), ("b", 0.1)]) for _ in range(1000)]
    assert 850 < drawn.count("a") < 950
