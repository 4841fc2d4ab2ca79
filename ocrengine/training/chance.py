"""Weighted choices, by a generator that is handed in: the same seed chooses the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


def choose(rng: np.random.Generator, options: Sequence[tuple[T, float]]) -> T:
    """One of (option, share); shares sum to 1, and rounding errors go to the last."""
    roll = rng.random()
    for option, share in options:
        roll -= share
        if roll < 0:
            return option
    return options[-1][0]
