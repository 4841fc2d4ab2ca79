"""INT8 forms: kept where they answer alike, and run where the engine may choose."""

import json

import numpy as np
import pytest
import torch

from ocrengine.bundles import get_bundle, load_bundle, write_checksums
from ocrengine.device import Device
from ocrengine.errors import BundleError
from ocrengine.export import export_bundle
from ocrengine.nets import checkpoint
from ocrengine.nets.crnn import Crnn, CrnnConfig
from ocrengine.nets.dbnet import ARCHITECTURE, DbConfig, DbNetTwin
from ocrengine.training import quantize
from ocrengine.training.characters import build_charset
from ocrengine.training.runs import SYMMETRIC

INT8, FP32 = (Device("cpu", precision, 1, "a test") for precision in ("int8", "fp32"))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A bundle of tiny networks, and few samples to calibrate them with."""
    monkeypatch.setattr(quantize, "PAGES", 3)
    monkeypatch.setattr(quantize, "PAGE_SIDE", 320)
    monkeypatch.setattr(quantize, "CHECKED", 1)
    torch.manual_seed(1)
    pages = DbConfig(width=8, neck=16)
    seen = {"preprocessing": json.dumps(SYMMETRIC)}
    about = {"architecture": ARCHITECTURE, "config": json.dumps(vars(pages)), **seen}
    checkpoint.save(tmp_path / "detector.safetensors", DbNetTwin(pages).state_dict(), about)
    charset = build_charset()
    lines = CrnnConfig(classes=charset.classes, stem=4, channels=(4, 4, 8, 8), hidden=8)
    about = {"architecture": "crnn", "config": json.dumps(vars(lines)), **seen}
    about["charset"] = "".join(charset.characters)
    checkpoint.save(tmp_path / "recognizer.safetensors", Crnn(lines).state_dict(), about)
    write_checksums(tmp_path, [".safetensors"])
    return tmp_path


def test_a_quantized_bundle_is_run_in_int8_and_still_knows_its_charset(folder, material):
    written = quantize.quantize_bundle(folder, material)
    assert [file.path.name for file in written] == ["detector.int8.onnx", "recognizer.int8.onnx"]
    assert "int8" in get_bundle(str(folder)).precisions
    bundle = load_bundle(str(folder), INT8)
    assert bundle.charset == build_charset()
    page = np.random.default_rng(1).uniform(-1, 1, (1, 3, 64, 96)).astype(np.float32)
    own = load_bundle(str(folder), FP32)
    assert bundle.detector(page) == pytest.approx(own.detector(page), abs=0.1)


def test_a_form_that_answers_otherwise_is_not_kept(folder, material, monkeypatch):
    monkeypatch.setattr(quantize, "same_boxes", lambda answers: 0.5)
    with pytest.raises(BundleError, match="would agree on"):
        quantize.quantize_bundle(folder, material)
    assert not list(folder.glob("*.onnx"))


def test_forms_of_earlier_weights_are_removed_by_the_next_export(folder, material):
    quantize.quantize_bundle(folder, material)
    write_checksums(folder, [".safetensors"])  # as a training does when it lands weights
    assert "int8" not in get_bundle(str(folder)).precisions
    export_bundle(folder, folder)
    assert sorted(path.name for path in folder.glob("*.onnx")) == [
        "detector.onnx",
        "recognizer.onnx",
    ]


def test_boxes_that_only_one_form_finds_count_against_both():
    both, one = (np.zeros((1, 1, 96, 200), np.float32) for _ in range(2))
    both[0, 0, 10:22, 20:180] = both[0, 0, 60:72, 20:180] = 1
    one[0, 0, 10:22, 20:180] = 1
    assert quantize.same_boxes([(both, both)]) == 1
    assert quantize.same_boxes([(both, one)]) == pytest.approx(2 / 3)


def test_characters_that_differ_count():
    logits = np.zeros((1, 8, 5), np.float32)
    for step, character in enumerate([1, 0, 2, 0, 3, 0, 4, 0]):
        logits[0, step, character] = 9
    other = logits.copy()
    other[0, 0] = [0, 0, 0, 0, 9]
    assert quantize.same_characters([(logits, logits)]) == 1
    assert quantize.same_characters([(logits, other)]) == pytest.approx(0.75)
