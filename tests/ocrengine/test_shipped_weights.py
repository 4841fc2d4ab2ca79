"""The weights in the repository: whole, small, and what they say they are."""

import numpy as np
import pytest

from ocrengine.bundles import BUNDLES, WEIGHTS, load_bundle
from ocrengine.device import Device
from ocrengine.nets import checkpoint

CPU = Device("cpu", "fp32", 1, "a test")
SHIPPED = sorted(WEIGHTS.glob("*.safetensors"))


@pytest.fixture(scope="module")
def fast():
    return load_bundle("fast", CPU)


def test_every_file_agrees_with_its_checksum():
    assert set(BUNDLES["fast"].verified_files()) == {"detector", "recognizer"}


def test_all_weights_together_stay_under_30_megabytes():
    assert sum(path.stat().st_size for path in SHIPPED) < 30e6


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_checkpoint_says_what_it_is_and_what_it_has_seen(path):
    _, metadata = checkpoint.load(path)
    assert {"architecture", "config", "preprocessing", "provenance", "licence"} <= set(metadata)
    assert int(metadata["seen_samples"]) > 0
    assert 0 < float(metadata["held_out_error"]) < 2


def test_the_charset_fits_the_network(fast):
    settings = fast.recognizer_settings
    output = fast.recognizer(np.zeros((1, 3, settings.height, 64), np.float32))
    assert output.shape[2] == fast.charset.classes
    assert {" ", "A", "é", "國", "国"} <= set(fast.charset.characters)


def test_the_detector_answers_one_probability_for_each_pixel(fast):
    output = fast.detector(np.zeros((1, 3, 64, 96), np.float32))
    assert output.shape == (1, 1, 64, 96)
    assert 0 <= output.min() <= output.max() <= 1
