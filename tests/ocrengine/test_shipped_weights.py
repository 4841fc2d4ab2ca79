"""The weights in the repository: whole, small, and what they say they are."""

import subprocess
import sys

import numpy as np
import onnx
import pytest

from ocrengine.bundles import BUNDLES, WEIGHTS, load_bundle
from ocrengine.device import Device
from ocrengine.nets import checkpoint

CPU = Device("cpu", "int8", 1, "a test")
KINDS = ("safetensors", "int8.onnx")
SHIPPED = sorted(WEIGHTS.glob("*.safetensors"))


@pytest.fixture(scope="module")
def fast():
    return load_bundle("fast", CPU)


def test_every_file_agrees_with_its_checksum():
    names = {f"{role}.{kind}" for role in ("detector", "recognizer") for kind in KINDS}
    assert set(BUNDLES["fast"].verified_files()) == names


def test_all_weights_together_stay_under_30_megabytes():
    assert sum(path.stat().st_size for path in WEIGHTS.iterdir()) < 30e6


def test_on_a_processor_they_run_without_torch():
    code = (
        "import sys; from ocrengine import LOW_MEMORY; from ocrengine.engine import Engine;"
        " Engine(LOW_MEMORY, 'fast'); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("role", ["detector", "recognizer"])
def test_what_was_quantized_says_what_its_checkpoint_says(role):
    _, metadata = checkpoint.load(WEIGHTS / f"{role}.safetensors")
    quantized = onnx.load(WEIGHTS / f"{role}.int8.onnx")
    said = {entry.key: entry.value for entry in quantized.metadata_props}
    assert {key: said[key] for key in metadata} == metadata
    kinds = {tensor.data_type for tensor in quantized.graph.initializer}
    assert onnx.TensorProto.INT8 in kinds


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_checkpoint_says_what_it_is_and_what_it_has_seen(path):
    tensors, metadata = checkpoint.load(path)
    assert all(np.isfinite(tensor.numpy()).all() for tensor in tensors.values())
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
