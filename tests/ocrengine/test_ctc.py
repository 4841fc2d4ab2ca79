"""Greedy CTC: repeats merge, a blank between them keeps both."""

import numpy as np
import pytest

from ocrengine import ctc
from ocrengine.charset import Charset

CHARSET = Charset(("a", "b", " "))
A, B, SPACE = 1, 2, 3


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        ([], ""),
        ([0, 0, 0], ""),
        ([A], "a"),
        ([A, A, A], "a"),
        ([A, 0, A], "aa"),
        ([0, A, A, 0, 0, B, B], "ab"),
        ([A, B, A], "aba"),
        ([A, SPACE, SPACE, B], "a b"),
    ],
)
def test_steps_become_text(steps, text):
    best = np.array(steps, np.intp)
    assert ctc.decode(best, np.ones(len(best), np.float32), CHARSET)[0] == text


def test_confidence_is_the_mean_of_the_steps_that_are_kept():
    best = np.array([0, A, A, 0, B])
    probability = np.array([0.99, 0.5, 0.9, 0.99, 0.7], np.float32)
    assert ctc.decode(best, probability, CHARSET)[1] == pytest.approx(0.6)


def test_nothing_read_has_no_confidence():
    assert ctc.decode(np.zeros(4, np.intp), np.ones(4, np.float32), CHARSET) == ("", 0.0)


def test_the_best_path_is_the_likeliest_class_of_each_step():
    probabilities = np.random.default_rng(0).random((3, 7, 5), np.float32)
    best, probability = ctc.best_path(probabilities)
    assert best.shape == probability.shape == (3, 7)
    assert (best == probabilities.argmax(axis=2)).all()
    kept = ctc.kept_steps(best)
    assert (probability[kept] == probabilities.max(axis=2)[kept]).all()
    assert not probability[~kept].any()


def test_logits_become_probabilities_where_a_character_is_kept():
    logits = np.random.default_rng(0).normal(0, 3, (3, 7, 5)).astype(np.float32)
    raised = np.exp(logits)
    probabilities = raised / raised.sum(axis=2, keepdims=True)
    best, probability = ctc.best_path(logits, logits=True)
    assert (best == probabilities.argmax(axis=2)).all()
    assert probability == pytest.approx(ctc.best_path(probabilities)[1], abs=1e-6)
