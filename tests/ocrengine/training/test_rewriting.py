"""Rewritten layers: other arithmetic, the same answers."""

import pytest
import torch
from torch import nn

from ocrengine.nets.blocks import convolution
from ocrengine.nets.dbnet import DbConfig, DbNet, map_head
from ocrengine.training.rewriting import FoldedStem, ShuffledHead, rewrite_detector


def filled(net):
    """With weights and statistics of their own, so that none of them goes unnoticed."""
    generator = torch.Generator().manual_seed(5)
    for value in net.state_dict().values():
        if value.is_floating_point():
            value.copy_(torch.rand(value.shape, generator=generator) - 0.3)
            if value.ndim == 1:
                value.abs_()
    return net.eval()


def picture(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(2))


@torch.inference_mode()
def test_a_stem_on_folded_pixels_sees_what_the_strided_one_saw():
    plain = filled(convolution(3, 8, 7, 2))[0]
    pages = picture(2, 3, 64, 96)
    assert FoldedStem(plain)(pages) == pytest.approx(plain(pages), abs=1e-4)


@torch.inference_mode()
def test_a_head_of_shuffled_pixels_draws_the_map_of_transposed_convolutions():
    head = filled(map_head(16))
    features = picture(2, 16, 8, 12)
    expected = head(features)
    assert expected.shape == (2, 1, 32, 48)
    assert ShuffledHead(head)(features) == pytest.approx(expected, rel=1e-4)


@torch.inference_mode()
def test_a_rewritten_detector_has_no_transposed_convolution_and_answers_as_before():
    detector = nn.Module()
    detector.net = filled(DbNet(DbConfig(width=4, neck=8)))
    pages = picture(1, 3, 64, 96)
    expected = detector.net(pages)
    rewrite_detector(detector)
    assert not any(isinstance(layer, nn.ConvTranspose2d) for layer in detector.modules())
    assert detector.net(pages) == pytest.approx(expected, rel=1e-3)
