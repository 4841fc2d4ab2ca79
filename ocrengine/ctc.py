"""Greedy CTC decoding (Graves et al., 2006): best class per step, repeats merged, no blanks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ocrengine.charset import BLANK, Charset


def best_path(
    scores: NDArray[np.float32], logits: bool = False
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """(B, T, C) -> best class (B, T) and its probability (B, T), 0 where a step is not kept.

    logits   the scores are no probabilities yet. A softmax over 9,000 classes is a quarter of a
             line's work in INT8, and only one step in four ends up as a character.

    Kept apart from decoding so that the large array can be freed before the next batch is run.
    """
    best = scores.argmax(axis=2)
    kept = kept_steps(best)
    rows = scores[kept]
    highest = rows.max(axis=1, initial=-np.inf)
    probability = np.zeros(best.shape, np.float32)
    probability[kept] = 1 / np.exp(rows - highest[:, None]).sum(axis=1) if logits else highest
    return best, probability


def kept_steps(best: NDArray[np.intp]) -> NDArray[np.bool_]:
    """(..., T) -> the first of each run of one class that is not blank"""
    first = np.ones(best.shape, dtype=bool)
    first[..., 1:] = best[..., 1:] != best[..., :-1]
    return first & (best != BLANK)


def decode(
    best: NDArray[np.intp], probability: NDArray[np.float32], charset: Charset
) -> tuple[str, float]:
    """(T,) classes and probabilities -> text and confidence.

    Confidence is the mean probability of the steps that are kept: the first of each run of one
    class that is not blank. 0.0 when nothing is kept.
    """
    kept = kept_steps(best)
    if not kept.any():
        return "", 0.0
    return charset.decode(best[kept].tolist()), float(probability[kept].mean())
