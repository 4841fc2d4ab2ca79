"""Checkpoints that other people trained: recognised by their keys, turned into ours or refused.

Key lists and preprocessing were read in the publishers' source; the weights themselves could not be
had, so that nothing here was verified against the originals. Tensors only: a file that wants to run
code when it is opened is refused.
"""

from __future__ import annotations

import json
import pickle
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from ocrengine.errors import BundleError
from ocrengine.nets import checkpoint
from ocrengine.nets.crnn_published import ClovaaiCrnn, MeijieruCrnn, PublishedCrnnConfig
from ocrengine.nets.crnn_vgg import VggCrnn, VggCrnnConfig
from ocrengine.nets.dbnet import ARCHITECTURE, DbConfig, DbNet

MAX_FILE = checkpoint.MAX_FILE
State = dict[str, torch.Tensor]

_PREFIXES = ("module.", "model.", "recognizer.")
_TENSORFLOW = re.compile(r"\.(index|meta|pb|h5)$|\.data-\d+-of-\d+$|^checkpoint(-\d+)?$")
_REFUSED = (
    # key that gives it away, what it is, why not
    ("conv2_offset", "DBNet with deformable convolutions", "ours has none, answers would differ"),
    ("FeatureExtraction.ConvNet.conv0_1", "a CRNN with a ResNet trunk", "it is not supported"),
    ("Transformation.", "a recogniser that straightens lines first", "it is not supported"),
    ("feat_extractor.", "a network of docTR's", "it is not supported"),
    ("cls.ctc", "a ConvNextViT recogniser", "it is not supported"),
)  # fmt: skip


@dataclass(frozen=True)
class Foreign:
    """A recognised checkpoint, as one of our architectures."""

    family: str
    architecture: str
    config: dict[str, Any]
    preprocessing: dict[str, object]
    tensors: State
    missing: list[str] = field(default_factory=list)
    """Keys of our architecture that the file lacks."""
    unexpected: list[str] = field(default_factory=list)
    """Keys of the file that our architecture has no place for."""

    @property
    def fits(self) -> bool:
        return not self.missing

    def in_words(self) -> str:
        lines = [f"family         {self.family}", f"architecture   {self.architecture}"]
        lines += [f"{name:<14} {value}" for name, value in self.config.items()]
        lines.append(f"preprocessing  {json.dumps(self.preprocessing)}")
        lines.append(f"missing        {', '.join(self.missing) or 'nothing'}")
        lines.append(f"left over      {', '.join(self.unexpected) or 'nothing'}")
        return "\n".join(lines)


def inspect_checkpoint(path: Path) -> Foreign:
    """What a file holds; BundleError says why it cannot be used."""
    state = stripped(read_state(path))
    for sign, what, why in _REFUSED:
        if any(sign in key for key in state):
            raise BundleError(f"{path.name} is {what}: {why}")
    if "backbone.conv1.weight" in state and "decoder.in5.weight" in state:
        return _modelscope_detector(state)
    if "conv0.0.weight" in state and "cls.weight" in state:
        return _modelscope_recognizer(state)
    if "cnn.conv0.weight" in state and "rnn.1.embedding.weight" in state:
        return _meijieru(state)
    if "FeatureExtraction.ConvNet.0.weight" in state and "Prediction.weight" in state:
        return _clovaai(state)
    some = ", ".join(sorted(state)[:5])
    raise BundleError(f"{path.name} is of no known layout; it starts with {some}")


def read_state(path: Path) -> State:
    """Tensors of a safetensors file or of a PyTorch archive."""
    if path.is_dir() or _TENSORFLOW.search(path.name):
        raise BundleError(f"{path.name} looks like TensorFlow: only PyTorch checkpoints are read")
    if path.stat().st_size > MAX_FILE:
        raise BundleError(f"{path.name} is larger than {MAX_FILE // 2**20} MB")
    if path.suffix == ".safetensors":
        return checkpoint.load(path)[0]
    try:
        # Tensors and plain containers only: nothing in the file is run.
        kept = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise BundleError(f"{path.name} cannot be read as tensors alone: {error}"[:300]) from error
    for wrapping in ("state_dict", "model"):
        if isinstance(kept, dict) and isinstance(kept.get(wrapping), dict):
            kept = kept[wrapping]
    if not isinstance(kept, dict):
        raise BundleError(f"{path.name} holds no named tensors")
    return {str(key): value for key, value in kept.items() if isinstance(value, torch.Tensor)}


def stripped(state: Mapping[str, torch.Tensor]) -> State:
    """Keys without the names of what the network was wrapped in."""
    found = dict(state)
    while prefix := next((p for p in _PREFIXES if found and _all_start(found, p)), None):
        found = {key.removeprefix(prefix): value for key, value in found.items()}
    return found


def _all_start(keys: Iterable[str], prefix: str) -> bool:
    return all(key.startswith(prefix) for key in keys)


# --- ModelScope's cv_resnet18_ocr-detection-db-line-level ---------------------------------------

_DETECTOR_KEYS = (
    (r"^backbone\.conv1\.", "trunk.stem.0.0."),
    (r"^backbone\.bn1\.", "trunk.stem.0.1."),
    (r"^backbone\.layer(\d)\.(\d)\.conv1\.", r"trunk.stages.<\1>.\2.first.0."),
    (r"^backbone\.layer(\d)\.(\d)\.bn1\.", r"trunk.stages.<\1>.\2.first.1."),
    (r"^backbone\.layer(\d)\.(\d)\.conv2\.", r"trunk.stages.<\1>.\2.second.0."),
    (r"^backbone\.layer(\d)\.(\d)\.bn2\.", r"trunk.stages.<\1>.\2.second.1."),
    (r"^backbone\.layer(\d)\.(\d)\.downsample\.", r"trunk.stages.<\1>.\2.around."),
    (r"^decoder\.in2\.", "pyramid.laterals.0."),
    (r"^decoder\.in3\.", "pyramid.laterals.1."),
    (r"^decoder\.in4\.", "pyramid.laterals.2."),
    (r"^decoder\.in5\.", "pyramid.laterals.3."),
    (r"^decoder\.out2\.", "pyramid.smooth.0."),
    (r"^decoder\.out3\.0\.", "pyramid.smooth.1."),
    (r"^decoder\.out4\.0\.", "pyramid.smooth.2."),
    (r"^decoder\.out5\.0\.", "pyramid.smooth.3."),
    (r"^decoder\.binarize\.0\.", "probability.0.0."),
    (r"^decoder\.binarize\.1\.", "probability.0.1."),
    (r"^decoder\.binarize\.3\.", "probability.1."),
    (r"^decoder\.binarize\.4\.", "probability.2."),
    (r"^decoder\.binarize\.6\.", "probability.4."),
)


def _renamed(key: str) -> str:
    for pattern, name in _DETECTOR_KEYS:
        found, count = re.subn(pattern, name, key)
        if count:
            # Their stages count from 1, ours from 0.
            return re.sub(r"<(\d)>", lambda m: str(int(m[1]) - 1), found)
    return key


def _modelscope_detector(state: State) -> Foreign:
    kept = {k: v for k, v in state.items() if not k.startswith(("decoder.thresh.", "backbone.fc."))}
    tensors = {_renamed(key): value.float() for key, value in kept.items()}
    bias = tensors.pop("probability.1.bias", None)
    if bias is not None and "probability.2.running_mean" in tensors:
        # A batch norm takes a mean away: it takes away the bias before it too.
        tensors["probability.2.running_mean"] = tensors["probability.2.running_mean"] - bias
    config = DbConfig(
        width=int(state["backbone.conv1.weight"].shape[0]),
        neck=int(state["decoder.in5.weight"].shape[0]),
    )
    # Constants in the order of RGB on channels in the order of BGR: so were they trained.
    mean = [123.68 / 255, 116.78 / 255, 103.94 / 255]
    preprocessing: dict[str, object] = {"mean": mean, "std": [1.0, 1.0, 1.0], "bgr": True}
    return _fitted(
        "ModelScope DBNet, line level", ARCHITECTURE, DbNet(config), preprocessing, tensors
    )


# --- ModelScope's cv_crnn_ocr-recognition-general -----------------------------------------------


def _modelscope_recognizer(state: State) -> Foreign:
    config = VggCrnnConfig(
        classes=int(state["cls.weight"].shape[0]), width=int(state["conv0.0.weight"].shape[0])
    )
    preprocessing: dict[str, object] = {"mean": [0.0] * 3, "std": [1.0] * 3, "bgr": False}
    tensors = {key: value.float() for key, value in state.items()}
    return _fitted("ModelScope CRNN, general", "crnn-vgg", VggCrnn(config), preprocessing, tensors)


# --- CRNNs that were published to be trained with ------------------------------------------------

_HALF: dict[str, object] = {"mean": [0.5] * 3, "std": [0.5] * 3, "bgr": False}


def _meijieru(state: State) -> Foreign:
    config = PublishedCrnnConfig(
        classes=int(state["rnn.1.embedding.weight"].shape[0]),
        channels=int(state["cnn.conv6.weight"].shape[0]) if "cnn.conv6.weight" in state else 512,
        hidden=int(state["rnn.0.embedding.weight"].shape[0]),
    )
    tensors = {key: value.float() for key, value in state.items()}
    return _fitted("meijieru's CRNN", "crnn-meijieru", MeijieruCrnn(config), _HALF, tensors)


def _clovaai(state: State) -> Foreign:
    channels = int(state["FeatureExtraction.ConvNet.0.weight"].shape[0]) * 8
    config = PublishedCrnnConfig(
        classes=int(state["Prediction.weight"].shape[0]),
        channels=channels,
        hidden=int(state["Prediction.weight"].shape[1]),
        # EasyOCR's second generation halves the channels and doubles the height.
        height=64 if channels == 256 else 32,
    )
    family = "EasyOCR's CRNN, second generation" if config.height == 64 else "clovaai's CRNN"
    tensors = {key: value.float() for key, value in state.items()}
    return _fitted(family, "crnn-clovaai", ClovaaiCrnn(config), _HALF, tensors)


def _fitted(
    family: str,
    architecture: str,
    net: DbNet | VggCrnn | MeijieruCrnn | ClovaaiCrnn,
    preprocessing: dict[str, object],
    tensors: State,
) -> Foreign:
    """Compared with our architecture, key by key; shapes must agree."""
    wanted = {k: v for k, v in net.state_dict().items() if not k.endswith("num_batches_tracked")}
    wrong = [k for k, v in wanted.items() if k in tensors and tensors[k].shape != v.shape]
    if wrong:
        raise BundleError(f"{family}: {wrong[0]} has another shape than its layout says")
    missing = sorted(set(wanted) - set(tensors))
    counters = {k for k in tensors if k.endswith("num_batches_tracked")}
    unexpected = sorted(set(tensors) - set(wanted) - counters)
    kept = {k: tensors[k] for k in wanted if k in tensors}
    return Foreign(
        family, architecture, dict(vars(net.config)), preprocessing, kept, missing, unexpected
    )


def convert(path: Path, out: Path, vocabulary: Path | None = None) -> Foreign:
    """Write a checkpoint of ours; a recogniser needs its vocabulary, one character per line."""
    found = inspect_checkpoint(path)
    if not found.fits:
        raise BundleError(f"{path.name} lacks {len(found.missing)} tensors: {found.missing[0]}")
    metadata = {
        "architecture": found.architecture,
        "config": json.dumps(found.config),
        "preprocessing": json.dumps(found.preprocessing),
        "provenance": f"converted from {path.name}, {found.family}",
        "licence": "as its publisher says",
    }
    if found.architecture.startswith("crnn-"):
        metadata["charset"] = _vocabulary(vocabulary, found.config["classes"])
    checkpoint.save(out, found.tensors, metadata)
    return found


def _vocabulary(path: Path | None, classes: int) -> str:
    """Characters in the order of their classes, from 1; classes nobody named are unprintable."""
    if path is None:
        raise BundleError("a recogniser's classes mean nothing without its vocabulary")
    # Only the newline is taken off: a line may be a space.
    characters = path.read_text("utf-8").removesuffix("\n").split("\n")
    odd = [c for c in characters if len(c) != 1]
    if odd or len(characters) > classes - 1:
        raise BundleError(f"{path.name} does not name {classes - 1} single characters")
    return "".join(characters) + "\x00" * (classes - 1 - len(characters))
