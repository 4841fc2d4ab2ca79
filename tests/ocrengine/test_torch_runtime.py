"""Our checkpoints as networks of a bundle: tiny ones with seeded weights."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from ocrengine.bundles import load_bundle, write_checksums
from ocrengine.device import Device
from ocrengine.errors import BundleError
from ocrengine.nets import checkpoint
from ocrengine.nets.crnn import Crnn, CrnnConfig
from ocrengine.nets.dbnet import DbConfig, DbNetTwin
from ocrengine.runtimes.torch import load_detector, load_recognizer
from ocrengine.training.runs import SYMMETRIC

CPU = Device("cpu", "fp32", 1, "a test")
LINES = CrnnConfig(classes=4, stem=4, channels=(4, 4, 8, 8), hidden=4)
PAGES = DbConfig(width=4, neck=8)
SEEN = {"preprocessing": json.dumps(SYMMETRIC)}


@pytest.fixture
def detector(tmp_path):
    torch.manual_seed(1)
    path = tmp_path / "detector.safetensors"
    about = {"architecture": "dbnet-resnet18", "config": json.dumps(vars(PAGES)), **SEEN}
    checkpoint.save(path, DbNetTwin(PAGES).state_dict(), about)
    return path


@pytest.fixture
def recognizer(tmp_path):
    torch.manual_seed(1)
    path = tmp_path / "recognizer.safetensors"
    about = {"architecture": "crnn", "config": json.dumps(vars(LINES)), "charset": " a一", **SEEN}
    checkpoint.save(path, Crnn(LINES).state_dict(), about)
    return path


def test_a_detector_answers_with_probabilities(detector):
    network = load_detector(detector, CPU)
    output = network(np.zeros((1, 3, 64, 96), np.float32))
    assert output.shape == (1, 1, 64, 96)
    assert output.dtype == np.float32
    assert 0 <= output.min() <= output.max() <= 1


def test_a_recognizer_answers_with_logits_says_so_and_brings_its_charset(recognizer):
    loaded = load_recognizer(recognizer, CPU)
    output = loaded(np.zeros((2, 3, 32, 64), np.float32))
    assert output.shape == (2, 16, 4)
    assert loaded.metadata["answers"] == "logits"
    assert (loaded.metadata["charset"], loaded.metadata["height"]) == (" a一", "32")


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_the_precision_says_nearly_the_same(detector, recognizer, precision):
    half = replace(CPU, precision=precision)
    for load, shape in ((load_detector, (1, 3, 64, 64)), (load_recognizer, (1, 3, 32, 64))):
        path = detector if load is load_detector else recognizer
        pixels = np.random.default_rng(1).uniform(-1, 1, shape).astype(np.float32)
        answer = load(path, half)(pixels)
        assert answer.dtype == np.float32
        assert answer == pytest.approx(load(path, CPU)(pixels), abs=0.05)


def test_a_recognizer_sees_the_lightness_of_colours(recognizer):
    network = load_recognizer(recognizer, CPU)
    red = np.zeros((1, 3, 32, 64), np.float32)
    red[:, 0, :, 20:40] = 1
    gray = np.zeros_like(red)
    gray[..., 20:40] = 0.299
    assert network(red) == pytest.approx(network(gray), abs=1e-5)


def test_a_network_of_another_kind_is_refused(detector, recognizer):
    with pytest.raises(BundleError, match="holds crnn, not dbnet-resnet18"):
        load_detector(recognizer, CPU)
    with pytest.raises(BundleError, match="not crnn"):
        load_recognizer(detector, CPU)


def test_a_charset_of_another_size_is_refused(tmp_path, recognizer):
    tensors, metadata = checkpoint.load(recognizer)
    other = tmp_path / "other.safetensors"
    checkpoint.save(other, tensors, metadata | {"charset": "ab"})
    with pytest.raises(BundleError, match="4 classes"):
        load_recognizer(other, CPU)


def test_weights_that_do_not_fit_are_refused(tmp_path, recognizer):
    tensors, metadata = checkpoint.load(recognizer)
    del tensors["classifier.bias"]
    other = tmp_path / "other.safetensors"
    checkpoint.save(other, tensors, metadata)
    with pytest.raises(BundleError, match="does not fit"):
        load_recognizer(other, CPU)


def test_a_folder_is_a_bundle_by_its_path(tmp_path, detector, recognizer):
    assert detector.parent == recognizer.parent == tmp_path
    write_checksums(tmp_path, [".safetensors"])
    bundle = load_bundle(str(tmp_path), CPU)
    assert bundle.name == tmp_path.name
    assert bundle.detector_settings.preprocessing.multiple == 32
    settings = bundle.recognizer_settings
    lines = np.zeros((1, 3, settings.height, settings.min_width), np.float32)
    assert bundle.recognizer(lines).shape[2] == bundle.charset.classes == 4


@pytest.mark.parametrize(
    ("bundle", "other_runtime"), [("accurate", "torch"), ("fast", "onnxruntime")]
)
def test_a_bundle_does_without_the_other_runtime(bundle, other_runtime):
    code = (
        "import sys\n"
        "from ocrengine.bundles import load_bundle\n"
        "from ocrengine.device import Device\n"
        f"load_bundle('{bundle}', Device('cpu', 'fp32', 1, 'a test'))\n"
        f"sys.exit('{other_runtime}' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
