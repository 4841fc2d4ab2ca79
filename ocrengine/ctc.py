"""Greedy CTC decoding (Graves et al., 2006): best class per step, repeats merged, no blanks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ocrengine.charset import BLANK, Charset


def best_path(probabilities: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """(B, T, C) -> best class (B, T) and its probability (B, T).

    Kept apart from decoding so that the large array can be freed before the next batch is run.
    """
    best = probabilities.argmax(axis=2)
    return best, np.take_along_axis(probabilities, best[..., None], axis=2)[..., 0]


def decode(
    best: NDArray[np.intp], probability: NDArray[np.float32], charset: Charset
) -> tuple[str, float]:
    """(T,) classes and probabilities -> text and confidence.

    Confidence is the mean probability of the steps that are kept: the first of each run of one
    class that is not blank. 0.0 when nothing is kept.
    """
    first = np.ones(len(best), dtype=bool)
    first[1:] = best[1:] != best[:-1]
    kept = first & (best != BLANK)
    if not kept.any():
        return "", 0.0
    return charset.decode(best[kept].tolist()), float(probability[kept].mean())
