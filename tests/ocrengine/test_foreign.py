"""Checkpoints of other people's layouts, made here from their key lists."""

import json
import pickle

import numpy as np
import pytest
import torch

from ocrengine import foreign
from ocrengine.device import Device
from ocrengine.errors import BundleError
from ocrengine.foreign import convert, inspect_checkpoint
from ocrengine.nets.crnn_vgg import VggCrnn, VggCrnnConfig
from ocrengine.runtimes.torch import load_detector, load_recognizer

CPU = Device("cpu", "fp32", 1, "a test")
WIDTH, NECK = 4, 16


def norm(name, channels):
    kinds = ("weight", "bias", "running_mean", "running_var")
    return {f"{name}.{kind}": torch.rand(channels) + 0.5 for kind in kinds}


def block(name, inputs, outputs, *, changes):
    state = {
        f"{name}.conv1.weight": torch.randn(outputs, inputs, 3, 3),
        f"{name}.conv2.weight": torch.randn(outputs, outputs, 3, 3),
        **norm(f"{name}.bn1", outputs),
        **norm(f"{name}.bn2", outputs),
    }
    if changes:
        state[f"{name}.downsample.0.weight"] = torch.randn(outputs, inputs, 1, 1)
        state |= norm(f"{name}.downsample.1", outputs)
    return state


@pytest.fixture
def detector_state():
    """ModelScope's DBNet, narrow."""
    torch.manual_seed(1)
    state = {"backbone.conv1.weight": torch.randn(WIDTH, 3, 7, 7), **norm("backbone.bn1", WIDTH)}
    before = WIDTH
    for stage in range(4):
        outputs = WIDTH << stage
        state |= block(f"backbone.layer{stage + 1}.0", before, outputs, changes=stage > 0)
        state |= block(f"backbone.layer{stage + 1}.1", outputs, outputs, changes=False)
        state[f"decoder.in{stage + 2}.weight"] = torch.randn(NECK, outputs, 1, 1)
        name = "decoder.out2" if stage == 0 else f"decoder.out{stage + 2}.0"
        state[f"{name}.weight"] = torch.randn(NECK // 4, NECK, 3, 3)
        before = outputs
    inner = NECK // 4
    for head in ("binarize", "thresh"):
        state |= {
            f"decoder.{head}.0.weight": torch.randn(inner, NECK, 3, 3),
            f"decoder.{head}.3.weight": torch.randn(inner, inner, 2, 2),
            f"decoder.{head}.3.bias": torch.randn(inner),
            f"decoder.{head}.6.weight": torch.randn(inner, 1, 2, 2),
            f"decoder.{head}.6.bias": torch.randn(1),
            **norm(f"decoder.{head}.1", inner),
            **norm(f"decoder.{head}.4", inner),
        }
    return state


@pytest.fixture
def recognizer_state():
    torch.manual_seed(1)
    return VggCrnn(VggCrnnConfig(classes=5, width=4)).state_dict()


def saved(path, state):
    torch.save(state, path)
    return path


@pytest.mark.parametrize("prefix", ["", "module.", "model.module."])
def test_a_detector_is_recognised_under_any_wrapping(tmp_path, detector_state, prefix):
    wrapped = {"state_dict": {prefix + key: value for key, value in detector_state.items()}}
    found = inspect_checkpoint(saved(tmp_path / "model.pt", wrapped))
    assert found.family.startswith("ModelScope DBNet")
    assert found.config == {"width": WIDTH, "neck": NECK}
    assert found.fits
    assert found.unexpected == []
    assert found.preprocessing["bgr"] is True


def test_a_converted_detector_runs(tmp_path, detector_state):
    out = tmp_path / "detector.safetensors"
    convert(saved(tmp_path / "model.pt", detector_state), out)
    loaded = load_detector(out, CPU)
    assert loaded(np.zeros((1, 3, 64, 64), np.float32)).shape == (1, 1, 64, 64)
    assert json.loads(loaded.metadata["preprocessing"])["mean"][0] == pytest.approx(123.68 / 255)


def test_the_bias_before_a_batch_norm_is_not_lost(tmp_path, detector_state):
    found = inspect_checkpoint(saved(tmp_path / "model.pt", detector_state))
    bias = detector_state["decoder.binarize.3.bias"]
    mean = detector_state["decoder.binarize.4.running_mean"]
    assert torch.equal(found.tensors["probability.2.running_mean"], mean - bias)


def test_a_recogniser_needs_its_vocabulary_and_then_runs(tmp_path, recognizer_state):
    path, out = saved(tmp_path / "rec.pt", recognizer_state), tmp_path / "recognizer.safetensors"
    with pytest.raises(BundleError, match="vocabulary"):
        convert(path, out)
    vocabulary = tmp_path / "vocab.txt"
    vocabulary.write_text("a\n \n\u3000\n")
    convert(path, out, vocabulary)
    loaded = load_recognizer(out, CPU)
    assert loaded.metadata["charset"].startswith("a \u3000")
    assert loaded(np.zeros((2, 3, 32, 64), np.float32)).shape == (2, 16, 5)


def test_a_classic_recogniser_takes_lines_of_48_rows_too(recognizer_state):
    net = VggCrnn(VggCrnnConfig(classes=5, width=4)).eval()
    net.load_state_dict(recognizer_state)
    assert net(torch.zeros(1, 1, 48, 160)).shape == (1, 40, 5)


def lstm(name, inputs, hidden):
    state = {}
    for end in ("", "_reverse"):
        state |= {
            f"{name}.weight_ih_l0{end}": torch.randn(4 * hidden, inputs),
            f"{name}.weight_hh_l0{end}": torch.randn(4 * hidden, hidden),
            f"{name}.bias_ih_l0{end}": torch.randn(4 * hidden),
            f"{name}.bias_hh_l0{end}": torch.randn(4 * hidden),
        }
    return state


def linear(name, inputs, outputs):
    return {f"{name}.weight": torch.randn(outputs, inputs), f"{name}.bias": torch.randn(outputs)}


def convolution(name, inputs, outputs, side=3, *, bias=True):
    state = {f"{name}.weight": torch.randn(outputs, inputs, side, side)}
    return state | ({f"{name}.bias": torch.randn(outputs)} if bias else {})


def meijieru(hidden=6, classes=5):
    """Keys and shapes of crnn.pytorch, at an eighth of its width."""
    widths = [1, 8, 16, 32, 32, 64, 64, 64]
    state = {}
    for i in range(7):
        side = 2 if i == 6 else 3
        state |= convolution(f"cnn.conv{i}", widths[i], widths[i + 1], side)
        if i in (2, 4, 6):
            state |= norm(f"cnn.batchnorm{i}", widths[i + 1])
    state |= lstm("rnn.0.rnn", 64, hidden) | linear("rnn.0.embedding", 2 * hidden, hidden)
    return (
        state | lstm("rnn.1.rnn", hidden, hidden) | linear("rnn.1.embedding", 2 * hidden, classes)
    )


def clovaai(channels=64, hidden=6, classes=5):
    """Keys and shapes of None-VGG-BiLSTM-CTC, as torch.nn.DataParallel saves them."""
    one, two, four, eight = (channels // part for part in (8, 4, 2, 1))
    net = "FeatureExtraction.ConvNet"
    state = convolution(f"{net}.0", 1, one) | convolution(f"{net}.3", one, two)
    state |= convolution(f"{net}.6", two, four) | convolution(f"{net}.8", four, four)
    state |= convolution(f"{net}.11", four, eight, bias=False) | norm(f"{net}.12", eight)
    state |= convolution(f"{net}.14", eight, eight, bias=False) | norm(f"{net}.15", eight)
    state |= convolution(f"{net}.18", eight, eight, 2)
    for i, inputs in enumerate((channels, hidden)):
        state |= lstm(f"SequenceModeling.{i}.rnn", inputs, hidden)
        state |= linear(f"SequenceModeling.{i}.linear", 2 * hidden, hidden)
    state |= linear("Prediction", hidden, classes)
    return {f"module.{key}": value for key, value in state.items()}


@pytest.mark.parametrize(
    ("state", "family", "height", "steps"),
    [
        (meijieru(), "meijieru", 32, 17),
        (clovaai(), "clovaai", 32, 15),
        (clovaai(channels=256), "EasyOCR", 64, 15),
    ],
)
def test_published_recognisers_are_recognised_converted_and_run(
    tmp_path, state, family, height, steps
):
    path, out = saved(tmp_path / "rec.pth", state), tmp_path / "recognizer.safetensors"
    found = inspect_checkpoint(path)
    assert (found.missing, found.unexpected) == ([], [])
    assert family in found.family
    assert found.preprocessing == {"mean": [0.5] * 3, "std": [0.5] * 3, "bgr": False}
    vocabulary = tmp_path / "vocab.txt"
    vocabulary.write_text("a\nb\nc\nd\n")
    convert(path, out, vocabulary)
    loaded = load_recognizer(out, CPU)
    assert (loaded.metadata["charset"], loaded.metadata["height"]) == ("abcd", str(height))
    assert loaded(np.zeros((2, 3, height, 64), np.float32)).shape == (2, steps, 5)


def test_what_is_missing_is_named(tmp_path, detector_state):
    del detector_state["decoder.out4.0.weight"]
    path = saved(tmp_path / "model.pt", detector_state)
    assert inspect_checkpoint(path).missing == ["pyramid.smooth.2.weight"]
    with pytest.raises(BundleError, match="lacks 1 tensors"):
        convert(path, tmp_path / "out.safetensors")


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("backbone.layer2.0.conv2_offset.weight", "deformable"),
        ("module.FeatureExtraction.ConvNet.conv0_1.weight", "ResNet trunk"),
        ("Transformation.LocalizationNetwork.conv.0.weight", "straightens"),
        ("feat_extractor.0.weight", "docTR"),
        ("something.else", "no known layout"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(tmp_path, key, why):
    with pytest.raises(BundleError, match=why):
        inspect_checkpoint(saved(tmp_path / "model.pt", {key: torch.zeros(1)}))


@pytest.mark.parametrize(
    "name", ["checkpoint-80000", "model.ckpt.data-00000-of-00001", "graph.pb", "model.ckpt.index"]
)
def test_tensorflow_is_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"\0")
    with pytest.raises(BundleError, match="TensorFlow"):
        inspect_checkpoint(tmp_path / name)


class Evil:
    def __reduce__(self):
        return (print, ("this must never be printed",))


def test_a_file_that_wants_to_run_code_is_refused(tmp_path, capsys):
    path = tmp_path / "model.pt"
    path.write_bytes(pickle.dumps({"weight": Evil()}, protocol=2))
    with pytest.raises(BundleError):
        inspect_checkpoint(path)
    torch.save({"weight": Evil()}, path)
    with pytest.raises(BundleError):
        inspect_checkpoint(path)
    assert capsys.readouterr().out == ""


def test_a_file_over_the_limit_is_not_opened(tmp_path, monkeypatch):
    monkeypatch.setattr(foreign, "MAX_FILE", 10)
    with pytest.raises(BundleError, match="larger"):
        inspect_checkpoint(saved(tmp_path / "model.pt", {"weight": torch.zeros(100)}))


def test_shapes_that_contradict_the_layout_are_refused(tmp_path, recognizer_state):
    recognizer_state["conv1.0.weight"] = torch.zeros(3, 3)
    with pytest.raises(BundleError, match="another shape"):
        inspect_checkpoint(saved(tmp_path / "rec.pt", recognizer_state))
