"""Pruning: what is kept answers as before, as long as what is cut did nothing."""

import pytest
import torch

from ocrengine.errors import BundleError
from ocrengine.nets.dbnet import DbConfig, DbNetTwin
from ocrengine.training.slimming import prune_detector

NARROW = DbConfig(width=4, neck=8)
WIDE = DbConfig(width=8, neck=16)


def trained_like(config):
    """A network whose batch norms have statistics of their own."""
    generator = torch.Generator().manual_seed(3)
    net = DbNetTwin(config)
    for value in net.state_dict().values():
        if value.is_floating_point():
            value.copy_(torch.rand(value.shape, generator=generator) * 0.4 + 0.1)
    return net.eval()


def maps_of(net):
    pages = torch.rand((1, 3, 64, 96), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        return torch.cat(net.both(pages), dim=1)


def widened(net):
    """The same answers from a wider network: each added channel says nothing and is not heard."""
    wide = DbNetTwin(WIDE)
    for name, value in wide.state_dict().items():
        value.zero_()
        own = net.state_dict()[name]
        spread = value
        for axis, size in enumerate(own.shape):
            if value.shape[axis] != size:
                # Every other channel, so that places matter; a concatenation keeps its order.
                spread = spread[(slice(None),) * axis + (slice(None, None, 2),)]
        spread.copy_(own)
    return wide.eval()


def test_cutting_to_the_same_size_changes_nothing():
    whole = trained_like(WIDE).state_dict()
    cut = prune_detector(whole, WIDE, WIDE)
    assert all(torch.equal(cut[name], value) for name, value in whole.items())


def test_channels_that_say_nothing_are_the_ones_that_are_cut():
    small = trained_like(NARROW)
    wide = widened(small)
    assert torch.allclose(maps_of(wide), maps_of(small), atol=1e-5)
    again = DbNetTwin(NARROW).eval()
    again.load_state_dict(prune_detector(wide.state_dict(), WIDE, NARROW))
    assert torch.equal(maps_of(again), maps_of(small))


def test_a_network_cannot_be_cut_to_a_larger_one():
    with pytest.raises(BundleError, match="cannot be cut"):
        prune_detector(trained_like(NARROW).state_dict(), NARROW, WIDE)
