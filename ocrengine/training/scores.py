"""How far is what was read from what was written? Character error rate, normalisation first."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import numpy as np

_CJK = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u3040-\u30ff"
_SAME = str.maketrans(
    "‘’“”–—−―‐‑─·・•…`´「」『』、。《》〈〉【】〔〕￥",
    '\'\'""-------....\'\'"""",.<><>[][]¥',
)


def normalize(text: str, *, fold: bool = False, blanks: bool = True) -> str:
    """What counts as the same: NFKC, one kind of quotes and dashes, single blanks.

    fold     case aside
    blanks   False removes them; between two CJK characters they never count
    """
    text = unicodedata.normalize("NFKC", text).translate(_SAME)
    text = re.sub(r"\.{2,}", ".", re.sub(r"\s+", " ", text)).strip()
    if fold:
        text = text.casefold()
    if not blanks:
        return re.sub(r"\s", "", text)
    return re.sub(rf"(?<=[{_CJK}]) (?=[{_CJK}])", "", text)


def edit_distance(a: str, b: str) -> int:
    """Levenshtein's, row by row in numpy."""
    if not a or not b:
        return len(a) + len(b)
    codes = np.array([ord(c) for c in b])
    steps = np.arange(len(b) + 1)
    row = steps.copy()
    for i, character in enumerate(a, start=1):
        best = np.minimum(row[:-1] + (codes != ord(character)), row[1:] + 1)
        row = np.concatenate([[i], best])
        # An insertion costs one per step: a running minimum of (cost - place) finds the cheapest.
        row = np.minimum.accumulate(row - steps) + steps
    return int(row[-1])


def character_error_rate(pairs: Sequence[tuple[str, str]]) -> float:
    """Edits per character of the truth, over (truth, read) pairs already normalised."""
    edits = sum(edit_distance(truth, read) for truth, read in pairs)
    return edits / max(1, sum(len(truth) for truth, _ in pairs))


def interval(
    pairs: Sequence[tuple[str, str]], seed: int = 0, rounds: int = 500
) -> tuple[float, float]:
    """95 % bootstrap interval of the character error rate, lines drawn with replacement."""
    if not pairs:
        return 0.0, 0.0
    edits = np.array([edit_distance(truth, read) for truth, read in pairs], np.float64)
    lengths = np.array([len(truth) for truth, _ in pairs], np.float64)
    drawn = np.random.default_rng(seed).integers(0, len(pairs), (rounds, len(pairs)))
    rates = edits[drawn].sum(axis=1) / np.maximum(lengths[drawn].sum(axis=1), 1)
    low, high = np.percentile(rates, [2.5, 97.5])
    return float(low), float(high)
