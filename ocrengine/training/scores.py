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
    """Levenshtein's, a whole row in a few additions of long numbers (Hyyrö 2003): bit i of `up` and
    `down` says that the row's i-th step goes up or down by one."""
    if not a:
        return len(b)
    places: dict[str, int] = {}
    for i, character in enumerate(a):
        places[character] = places.get(character, 0) | 1 << i
    every, last = (1 << len(a)) - 1, 1 << len(a) - 1
    up, down, distance = every, 0, len(a)
    for character in b:
        same = places.get(character, 0)
        diagonal = (((same & up) + up) ^ up) | same | down
        rises, falls = down | (every & ~(diagonal | up)), up & diagonal
        distance += bool(rises & last) - bool(falls & last)
        rises = rises << 1 | 1
        up = every & (falls << 1 | ~(diagonal | rises))
        down = every & rises & diagonal
    return distance


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
