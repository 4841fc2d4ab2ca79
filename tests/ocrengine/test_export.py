"""Networks as ONNX files: the same answers, in a file that is kept only then."""

import io
import json

import numpy as np
import onnxruntime
import pytest
import torch
from django.core.management import CommandError, call_command

from documents.management.commands import export_onnx
from ocrengine import export
from ocrengine.bundles import load_bundle, write_checksums
from ocrengine.device import Device
from ocrengine.errors import BundleError
from ocrengine.nets import checkpoint
from ocrengine.nets.crnn import Crnn, CrnnConfig
from ocrengine.nets.dbnet import ARCHITECTURE, DbConfig, DbNetTwin
from ocrengine.profiles import BALANCED, LOW_MEMORY
from ocrengine.runtimes.onnx import OnnxNetwork
from ocrengine.runtimes.torch import load_detector, load_recognizer
from ocrengine.training.runs import SYMMETRIC

CPU = Device("cpu", "fp32", 1, "a test")
LINES = CrnnConfig(classes=4, stem=4, channels=(4, 4, 8, 8), hidden=8)
SEEN = {"preprocessing": json.dumps(SYMMETRIC)}


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).uniform(-1, 1, shape).astype(np.float32)


def make_bundle(folder):
    torch.manual_seed(1)
    pages = DbConfig(width=8, neck=16)
    about = {"architecture": ARCHITECTURE, "config": json.dumps(vars(pages)), **SEEN}
    checkpoint.save(folder / "detector.safetensors", DbNetTwin(pages).state_dict(), about)
    about = {"architecture": "crnn", "config": json.dumps(vars(LINES)), "charset": " a一", **SEEN}
    checkpoint.save(folder / "recognizer.safetensors", Crnn(LINES).state_dict(), about)
    return folder


@pytest.fixture
def folder(tmp_path):
    return make_bundle(tmp_path)


def test_a_detector_of_any_size_answers_as_torch_does(folder):
    weights = folder / "detector.safetensors"
    export.export_detector(weights, folder / "detector.onnx")
    own, other = load_detector(weights, CPU), OnnxNetwork(folder / "detector.onnx", CPU)
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
        folder / "detector.safetensors", folder / "fixed.onnx", (320, 640), fixed=True
    )
    assert made.takes == "(1, 3, 320, 640)"
    session = onnxruntime.InferenceSession(made.path, providers=["CPUExecutionProvider"])
    assert session.get_inputs()[0].shape == [1, 3, 320, 640]


@pytest.mark.parametrize("size", [(320, 320), (320, 1536), (1536, 1536)])
@pytest.mark.parametrize("fixed", [False, True])
def test_from_the_shortest_side_to_the_longest_both_give_the_same_answers(folder, size, fixed):
    weights = folder / "detector.safetensors"
    made = export.export_detector(weights, folder / "x.onnx", size, fixed=fixed)
    assert made.difference <= export.CLOSE
    own, other = load_detector(weights, CPU), OnnxNetwork(folder / "x.onnx", CPU)
    assert other(noise(1, 3, *size)) == pytest.approx(own(noise(1, 3, *size)), abs=1e-4)


@pytest.mark.parametrize("side", [0, 288, 333, 1568])
@pytest.mark.parametrize("fixed", [False, True])
def test_sides_that_make_no_sense_are_refused(folder, side, fixed):
    for size in ((side, 640), (640, side)):
        with pytest.raises(BundleError, match="multiple of 32"):
            export.export_detector(
                folder / "detector.safetensors", folder / "x.onnx", size, fixed=fixed
            )
    assert not (folder / "x.onnx").exists()


def test_networks_are_compared_on_print_and_every_picture_has_its_own():
    first, second = export._print(2, 64, 320)
    assert first.min() == second.min() == -1
    assert first.max() == second.max() == 1
    assert (first != second).any()


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
    from ocrengine.runtimes.torch import TorchNetwork

    export.export_bundle(folder, folder)
    write_checksums(folder, [".safetensors"])  # as a training does when it lands weights
    assert isinstance(load_bundle(str(folder), CPU).detector, TorchNetwork)


@pytest.mark.parametrize(("profile", "side"), [(LOW_MEMORY, 640), (BALANCED, 960)])
def test_the_command_compares_at_the_size_of_the_profiles_tiles(settings, profile, side):
    settings.OCR_PROFILE = profile
    options = export_onnx.Command().create_parser("manage.py", "export_onnx").parse_args([])
    assert (options.height, options.width, options.fixed) == (side, side, False)


def test_the_command_writes_a_bundle_that_needs_no_torch(folder):
    write_checksums(folder, [".safetensors"])
    call_command("export_onnx", bundle=str(folder), stdout=io.StringIO())
    assert isinstance(load_bundle(str(folder), CPU).detector, OnnxNetwork)


@pytest.mark.parametrize("fixed", [False, True])
def test_the_command_refuses_a_size_that_makes_no_sense(folder, tmp_path_factory, fixed):
    write_checksums(folder, [".safetensors"])
    out = tmp_path_factory.mktemp("elsewhere")
    with pytest.raises(CommandError, match="333 is no side"):
        call_command("export_onnx", bundle=str(folder), out=out, height=333, fixed=fixed)
    assert not list(out.iterdir())


def test_the_engines_own_detector_is_of_any_size(folder):
    with pytest.raises(BundleError, match="another folder"):
        export.export_bundle(folder, folder, (640, 640), fixed=True)


def test_a_bundle_that_is_not_ours_is_not_exported():
    with pytest.raises(BundleError, match="no network of ours"):
        export.folder_of("accurate")
