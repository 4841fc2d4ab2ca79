"""Losses fall where answers get better."""

import numpy as np
import pytest
import torch

from ocrengine.training.losses import (
    ctc_loss,
    db_loss,
    draw_subset,
    frame_loss,
    subset_logits,
)


def test_a_subset_holds_the_first_classes_the_batchs_own_and_some_at_random():
    subset = draw_subset(np.array([3, 50, 50]), 10, 100, 20, np.random.default_rng(1))
    rows = subset.rows.tolist()
    assert rows == sorted(set(rows))
    assert rows[:10] == list(range(10))
    assert 50 in rows
    assert len(rows) == 10 + 1 + 20


def test_only_random_classes_are_raised_so_that_few_stand_for_many():
    subset = draw_subset(np.array([50]), 10, 100, 20, np.random.default_rng(1))
    own = subset.rows.tolist().index(50)
    assert subset.bonus[:10].eq(0).all()
    assert subset.bonus[own] == 0
    raised = subset.bonus[subset.bonus > 0]
    assert raised.tolist() == pytest.approx([np.log(89 / 20)] * 20)


def test_the_subsets_softmax_estimates_the_one_over_all():
    torch.manual_seed(1)
    classifier = torch.nn.Linear(8, 2000)
    features = torch.randn(1, 4, 8)
    rng = np.random.default_rng(1)
    whole = classifier(features).logsumexp(2)
    drawn = [
        subset_logits(features, classifier, draw_subset(np.array([7]), 10, 2000, 400, rng))
        for _ in range(50)
    ]
    estimate = torch.stack([logits.logsumexp(2) for logits in drawn]).mean(dim=0)
    assert torch.allclose(estimate, whole, atol=0.05)


def test_the_frames_loss_falls_when_letters_are_named_where_they_stand():
    frames = torch.tensor([[0, 2, 0, 1]])
    wrong = torch.zeros(1, 4, 3)
    right = torch.nn.functional.one_hot(frames, 3) * 5.0
    assert frame_loss(right, frames) < frame_loss(wrong, frames)


def test_ctc_asks_for_the_labels_and_for_blanks_in_the_padding():
    targets = [torch.tensor([1, 2])]
    right = torch.full((1, 6, 3), -5.0)
    for step, said in enumerate([1, 0, 2, 0, 0, 0]):
        right[0, step, said] = 5.0
    chatty = right.clone()
    chatty[0, 5] = torch.tensor([-5.0, -5.0, 5.0])
    chatty[0, 4] = torch.tensor([5.0, -5.0, -5.0])
    assert ctc_loss(right, targets) < 0.1
    assert ctc_loss(chatty, targets) > 1


def test_a_label_that_does_not_fit_its_steps_teaches_nothing():
    logits = torch.zeros(1, 2, 3, requires_grad=True)
    ctc_loss(logits, [torch.tensor([1, 1, 1])]).backward()
    assert torch.isfinite(logits.grad).all()


def test_the_detectors_loss_falls_towards_the_truth():
    kernel = torch.zeros(1, 32, 32)
    kernel[:, 10:20, 4:28] = 1
    band = torch.ones_like(kernel)
    targets = {"kernel": kernel, "counted": band, "band": band, "level": band * 0.3}
    level = torch.full((1, 1, 32, 32), float(np.log(0.3 / 0.7)))
    right = (kernel * 12 - 6).unsqueeze(1)
    assert db_loss(right, level, targets) < 0.3
    assert db_loss(torch.zeros_like(right), level, targets) > 2
    assert db_loss(-right, level, targets) > db_loss(torch.zeros_like(right), level, targets)
