"""The networks' shapes, and that what is folded says what was trained."""

import pytest
import torch

from ocrengine.nets.crnn import Crnn, CrnnConfig
from ocrengine.nets.dbnet import DbConfig, DbNet, DbNetTwin
from ocrengine.runtimes.torch import fold_batch_norms

TINY_LINES = CrnnConfig(classes=7, stem=4, channels=(4, 4, 8, 8), hidden=4)
TINY_PAGES = DbConfig(width=4, neck=8)


def seeded(net):
    """Batch norms with statistics of their own, as after a training."""
    generator = torch.Generator().manual_seed(3)
    for name, value in net.state_dict().items():
        if value.is_floating_point():
            value.copy_(torch.rand(value.shape, generator=generator) * 0.4 + 0.1)
        assert name
    return net.eval()


@pytest.mark.parametrize("width", [32, 36, 160, 640])
def test_a_line_gives_one_step_for_every_four_columns(width):
    net = seeded(Crnn(TINY_LINES))
    assert net(torch.zeros(2, 1, 32, width)).shape == (2, width // 4, 7)


def test_a_line_of_48_rows_is_a_matter_of_configuration():
    net = seeded(Crnn(CrnnConfig(classes=7, height=48, stem=4, channels=(4, 4, 8, 8), hidden=4)))
    assert net(torch.zeros(1, 1, 48, 160)).shape == (1, 40, 7)


def test_a_configuration_survives_being_written_down():
    import json

    assert CrnnConfig.from_json(json.dumps(vars(TINY_LINES))) == TINY_LINES


@pytest.mark.parametrize("size", [(32, 32), (96, 64), (160, 256)])
def test_a_page_gives_one_answer_for_every_pixel(size):
    net = seeded(DbNet(TINY_PAGES))
    assert net(torch.zeros(1, 3, *size)).shape == (1, 1, *size)


def test_the_trunk_gives_four_maps_each_half_the_size_of_the_last():
    net = seeded(DbNet(TINY_PAGES))
    maps = net.trunk(torch.zeros(1, 3, 64, 96))
    assert [tuple(m.shape[1:]) for m in maps] == [
        (channels, 64 >> shift, 96 >> shift)
        for channels, shift in zip(TINY_PAGES.stages, (2, 3, 4, 5), strict=True)
    ]


def test_a_detectors_configuration_is_read_from_files_that_name_their_trunk():
    earlier = '{"width": 32, "neck": 96, "trunk": "resnet18"}'
    assert DbConfig.from_json(earlier) == DbConfig(width=32, neck=96)


def test_the_training_twin_gives_two_maps_and_holds_the_same_weights():
    twin = seeded(DbNetTwin(TINY_PAGES))
    probability, threshold = twin.both(torch.ones(1, 3, 64, 64))
    kept = {k: v for k, v in twin.state_dict().items() if not k.startswith("threshold.")}
    alone = DbNet(TINY_PAGES).eval()
    alone.load_state_dict(kept)
    assert threshold.shape == (1, 1, 64, 64)
    assert torch.equal(alone(torch.ones(1, 3, 64, 64)), probability)


def test_the_papers_width_has_the_papers_size():
    parameters = sum(p.numel() for p in DbNet(DbConfig(width=64, neck=256)).parameters())
    assert 11.5e6 < parameters < 12.6e6


@pytest.mark.parametrize(
    ("net", "shape"),
    [(Crnn(TINY_LINES), (2, 1, 32, 64)), (DbNet(TINY_PAGES), (1, 3, 64, 64))],
)
def test_folding_batch_norms_changes_nothing_but_the_work(net, shape):
    seeded(net)
    pixels = torch.rand(shape, generator=torch.Generator().manual_seed(1))
    before = net(pixels)
    folded = fold_batch_norms(net)
    assert torch.allclose(folded(pixels), before, atol=1e-4, rtol=1e-4)
    left = [m for m in folded.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    # One follows a transposed convolution, which is not folded.
    assert len(left) == (1 if isinstance(net, DbNet) else 0)
