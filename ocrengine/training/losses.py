"""What the networks are told they did wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from ocrengine.charset import BLANK

BLANK_WEIGHT = 0.08
"""Most steps show no letter's middle; without this nothing but blanks is ever said."""


@dataclass(frozen=True)
class ClassSubset:
    """The classes of one step: a full softmax over 9,000 costs more than the whole trunk."""

    rows: torch.Tensor
    """(K,) int64, sorted classes; the blank comes first"""
    bonus: torch.Tensor
    """(K,) float32: log(1 / odds of being drawn), added to the logits of randomly drawn classes,
    so that the few stand for the many and the softmax over all stays calibrated"""

    def to(self, device: torch.device) -> ClassSubset:
        return ClassSubset(self.rows.to(device), self.bonus.to(device))

    def position(self, classes: torch.Tensor) -> torch.Tensor:
        """Classes that are in the subset -> their places in it."""
        return torch.searchsorted(self.rows, classes)


def draw_subset(
    labels: NDArray[np.int64], always: int, classes: int, count: int, rng: np.random.Generator
) -> ClassSubset:
    """The first `always` classes, the batch's own, and `count` random others."""
    own = np.unique(labels[labels >= always])
    others = np.setdiff1d(np.arange(always, classes), own, assume_unique=True)
    count = min(count, len(others))
    drawn = rng.choice(others, count, replace=False)
    kept = np.concatenate([np.arange(always), own, drawn])
    bonus = np.zeros(len(kept), np.float32)
    bonus[always + len(own) :] = np.log(len(others) / max(count, 1))
    order = np.argsort(kept)
    return ClassSubset(torch.from_numpy(kept[order]), torch.from_numpy(bonus[order]))


def subset_logits(
    features: torch.Tensor, classifier: torch.nn.Linear, subset: ClassSubset
) -> torch.Tensor:
    """(B, T, features) -> (B, T, K)"""
    weight, bias = classifier.weight[subset.rows], classifier.bias[subset.rows]
    return F.linear(features, weight, bias) + subset.bonus


def frame_loss(logits: torch.Tensor, frames: torch.Tensor) -> torch.Tensor:
    """Cross-entropy step by step: we drew the line, so we know where every letter stands.

    logits   (B, T, K)
    frames   (B, T) places in the subset; 0 (blank) where no letter has its middle

    CTC alone says nothing at all for its first 15,000 lines; after a few hundred steps of this it
    learns from the start.
    """
    weights = torch.where(frames == BLANK, BLANK_WEIGHT, 1.0)
    losses = F.cross_entropy(logits.flatten(0, 1), frames.flatten(), reduction="none")
    return (losses * weights.flatten()).sum() / weights.sum()


def ctc_loss(logits: torch.Tensor, targets: list[torch.Tensor]) -> torch.Tensor:
    """Per character. Every step counts, the padding's too: there the network must say blank.

    logits   (B, T, K); targets one (length,) tensor of places in the subset per line
    """
    steps = torch.full((logits.shape[0],), logits.shape[1], dtype=torch.long)
    lengths = torch.tensor([len(target) for target in targets])
    log_probabilities = logits.float().log_softmax(2).transpose(0, 1)
    total = F.ctc_loss(
        log_probabilities,
        torch.cat(targets),
        steps,
        lengths,
        blank=BLANK,
        reduction="sum",
        zero_infinity=True,
    )
    return total / lengths.sum()


def db_loss(
    probability: torch.Tensor,
    threshold: torch.Tensor,
    targets: dict[str, torch.Tensor],
) -> torch.Tensor:
    """DB's sum (Liao et al.): 5 x cross-entropy with hard negatives, dice, 10 x L1 in the band.

    probability, threshold   (B, 1, H, W) logits
    targets                  kernel, counted, band, level: (B, H, W) float32
    """
    logits = probability.float().squeeze(1)
    level = torch.sigmoid(threshold.float().squeeze(1))
    kernel, counted = targets["kernel"], targets["counted"]
    binary = torch.sigmoid(50 * (torch.sigmoid(logits) - level))
    inside = (binary * kernel * counted).sum()
    dice = 1 - 2 * inside / ((binary * counted).sum() + (kernel * counted).sum() + 1e-6)
    band = targets["band"]
    border = ((level - targets["level"]).abs() * band).sum() / (band.sum() + 1e-6)
    return 5 * _hard_cross_entropy(logits, kernel, counted) + dice + 10 * border


def _hard_cross_entropy(
    logits: torch.Tensor, kernel: torch.Tensor, counted: torch.Tensor
) -> torch.Tensor:
    """Every positive pixel, and three times as many negatives: the worst ones."""
    losses = F.binary_cross_entropy_with_logits(logits, kernel, reduction="none") * counted
    positive = losses * kernel
    negative = (losses * (1 - kernel)).flatten()
    count = int((kernel * counted).sum())
    hard = min(3 * max(count, 100), int(((1 - kernel) * counted).sum()))
    worst = negative.topk(hard).values if hard else negative[:0]
    return (positive.sum() + worst.sum()) / (count + hard + 1e-6)
