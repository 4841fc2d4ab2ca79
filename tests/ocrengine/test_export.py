"""Networks as ONNX files: the same answers, in a file that is kept only then."""

import json

import numpy as np
import onnxruntime
import pytest
import torch

from ocrengine import export
from ocrengine.bundles import load_bundle
from ocrengine.device import Device
from ocrengine.errors import BundleError
from ocrengine.nets import checkpoint
from ocrengine.nets.crnn import Crnn, CrnnConfig
from ocrengine.nets.dbnet import DbConfig, DbNetTwin
from ocrengine.runtimes.onnx import OnnxNetwork
from ocrengine.runtimes.torch import load_detector, load_recognizer
from ocrengine.training.runs import SYMMETRIC

CPU = Device("cpu", "fp32", 1, "a test")
LINES = CrnnConfig(classes=4, stem=4, channels=(4, 4, 8, 8), hidden=8)
SEEN = {"preprocessing": json.dumps(SYMMETRIC)}


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).uniform(-1, 1, shape).astype(np.float32)


@pytest.fixture(params=["resnet18", "mobilenetv3-small", "shufflenetv2"])
def trunk(request) -> str:
    return request.param


def make_bundle(folder, trunk="resnet18"):
    torch.manual_seed(1)
    pages = DbConfig(width=8, neck=16, trunk=trunk)
    about = {"architecture": pages.architecture, "config": json.dumps(vars(pages)), **SEEN}
    checkpoint.save(folder / "detector.safetensors", DbNetTwin(pages).state_dict(), about)
    about = {"architecture": "crnn", "config": json.dumps(vars(LINES)), "charset": " a一", **SEEN}
    checkpoint.save(folder / "recognizer.safetensors", Crnn(LINES).state_dict(), about)
    return folder


@pytest.fixture
def folder(tmp_path):
    return make_bundle(tmp_path)


def test_a_detector_of_any_size_answers_as_torch_does(tmp_path, trunk):
    weights = make_bundle(tmp_path, trunk) / "detector.safetensors"
    export.export_detector(weights, tmp_path / "detector.onnx")
    own, other = load_detector(weights, CPU), OnnxNetwork(tmp_path / "detector.onnx", CPU)
    for shape in ((1, 3, 64, 64), (1, 3, 96, 352)):
        assert other(noise(*shape)) == pytest.approx(own(noise(*shape)), abs=1e-4)


def test_a_recogniser_of_any_batch_and_width_answers_as_torch_does(folder):
    weights = folder / "recognizer.safetensors"
    export.export_recognizer(weights, folder / "recognizer.onnx")
    own, other = load_recognizer(weights, CPU), OnnxNetwork(folder / "recognizer.onnx", CPU)
    for shape in ((1, 3, 32, 32), (7, 3, 32, 208)):
        assert other(noise(*shape)) == pytest.approx(own(noise(*shape)), abs=1e-4)


def test_a_detector_of_one_size_takes_no_other(folder):
    made = export.export_detector(
        folder / "detector.safetensors", folder / "fixed.onnx", (320, 640)
    )
    assert made.takes == "(1, 3, 320, 640)"
    session = onnxruntime.InferenceSession(made.path, providers=["CPUExecutionProvider"])
    assert session.get_inputs()[0].shape == [1, 3, 320, 640]


@pytest.mark.parametrize("side", [0, 288, 333, 1568])
def test_sides_that_make_no_sense_are_refused(folder, side):
    with pytest.raises(BundleError, match="multiple of 32"):
        export.export_detector(folder / "detector.safetensors", folder / "x.onnx", (side, 640))
    assert not (folder / "x.onnx").exists()


@pytest.mark.parametrize("difference", [0.1, float("nan")])
def test_a_file_that_would_answer_otherwise_is_not_kept(folder, monkeypatch, difference):
    monkeypatch.setattr(export, "_difference", lambda job, path: difference)
    with pytest.raises(BundleError, match="would differ"):
        export.export_detector(folder / "detector.safetensors", folder / "x.onnx")
    assert not [path.name for path in folder.iterdir() if "onnx" in path.name]


def test_an_exported_bundle_is_run_from_its_exports(folder):
    export.export_bundle(folder, folder)
    bundle = load_bundle(str(folder), CPU)
    assert isinstance(bundle.detector, OnnxNetwork)
    assert isinstance(bundle.recognizer, OnnxNetwork)
    assert bundle.charset.characters == (" ", "a", "一")


def test_exports_of_earlier_weights_are_left_behind(folder):
    from ocrengine.bundles import write_checksums
    from ocrengine.runtimes.torch import TorchNetwork

    export.export_bundle(folder, folder)
    write_checksums(folder, [".safetensors"])  # as a training does when it lands weights
    assert isinstance(load_bundle(str(folder), CPU).detector, TorchNetwork)


def test_the_engines_own_detector_is_of_any_size(folder):
    with pytest.raises(BundleError, match="another folder"):
        export.export_bundle(folder, folder, (640, 640))


def test_a_bundle_that_is_not_ours_is_not_exported():
    with pytest.raises(BundleError, match="no network of ours"):
        export.folder_of("accurate")
