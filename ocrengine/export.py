"""Our networks as ONNX files: for a runtime that needs no torch, and for other programs.

Weights lie in the file as FP16 and are cast while it is loaded, so that it is no larger than the
checkpoint; the arithmetic is fp32. A file appears only after it has given torch's own answers.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from PIL import Image, ImageDraw, ImageFont
from torch import nn

from ocrengine.bundles import drop_stale_exports, get_bundle, write_checksums
from ocrengine.device import Device
from ocrengine.errors import BundleError
from ocrengine.runtimes.onnx import OnnxNetwork
from ocrengine.runtimes.torch import TorchNetwork, read_detector, read_recognizer

OPSET = 17
SHORTEST, LONGEST, MULTIPLE = 320, 1536, 32
"""Pixels: the sides that a detector of fixed size may have."""
USUAL = (640, 640)
CLOSE = 1e-3
"""Largest difference of a probability that is still the same answer."""
LETTERS = 20
"""Pixels"""
SENTENCE = (
    "Invoice no. 4,170 of 28 March: 12 boxes of blue ball pens, 39.60 in all; paid on receipt. "
)
_PLAIN = Device("cpu", "fp32", 1, "compared with")

Axes = dict[str, dict[int, str]]


@dataclass(frozen=True)
class Exported:
    path: Path
    takes: str
    """Shape of the input, such as '(1, 3, 640, 640)'."""
    difference: float
    """Largest, of a probability, between torch's answers and this file's."""


@dataclass(frozen=True)
class _Job:
    net: nn.Module
    own: nn.Module
    """What its answers are compared with; the same, unless layers were rewritten."""
    inputs: list[NDArray[np.float32]]
    """The first is traced, all are compared."""
    names: tuple[str, str]
    axes: Axes
    """What may vary; nothing in a file of fixed size."""
    metadata: dict[str, str]


def folder_of(bundle: str) -> Path:
    """Where a bundle of our own networks lies. Raises BundleError for any other."""
    checkpoint = get_bundle(bundle).files().get("detector.safetensors")
    if checkpoint is None:
        raise BundleError(f"the bundle {bundle} is no network of ours; nothing is to be exported")
    return checkpoint.parent


def export_bundle(
    folder: Path, out: Path, size: tuple[int, int] = USUAL, *, fixed: bool = False
) -> tuple[Exported, Exported]:
    """Both networks of a folder. In the folder itself the engine uses them from then on.

    size, fixed   see export_detector; a file of fixed size is no use to the engine, which tiles
                  pages
    """
    if fixed and out == folder:
        raise BundleError("the engine needs a detector of any size here; choose another folder")
    if out == folder:
        drop_stale_exports(folder)
    written = (
        export_detector(folder / "detector.safetensors", out / "detector.onnx", size, fixed=fixed),
        export_recognizer(folder / "recognizer.safetensors", out / "recognizer.onnx"),
    )
    if out == folder:
        write_checksums(folder, [".safetensors", ".onnx"])
    return written


def check_side(side: int) -> None:
    """Raises BundleError for a side that no detector of fixed size may have."""
    if not SHORTEST <= side <= LONGEST or side % MULTIPLE:
        raise BundleError(
            f"{side} is no side to export: choose {SHORTEST} to {LONGEST}, a multiple of {MULTIPLE}"
        )


def export_detector(
    weights: Path,
    out: Path,
    size: tuple[int, int] = USUAL,
    *,
    fixed: bool = False,
    rewrite: Callable[[nn.Module], None] | None = None,
) -> Exported:
    """Checkpoint -> ONNX file, (1, 3, H, W) -> (1, 1, H, W) probabilities.

    size    H and W at which it is traced and compared
    fixed   it takes that size alone; else any multiples of 32, and is compared at others too
    rewrite  changes layers in place before they are written; answers must stay
    """
    for side in size:
        check_side(side)
    own, metadata = read_detector(weights)
    net, _ = read_detector(weights)
    if rewrite is not None:
        rewrite(net)
    others = [] if fixed else [(SHORTEST, LONGEST), (LONGEST, SHORTEST)]
    free = {2: "height", 3: "width"}
    return _export(
        _Job(
            net,
            own,
            [_print(1, *shape) for shape in (size, *others)],
            ("pages", "map"),
            {} if fixed else {"pages": free, "map": free},
            metadata,
        ),
        out,
    )


def export_recognizer(weights: Path, out: Path) -> Exported:
    """Checkpoint -> ONNX file, (B, 3, h, W) -> (B, T, classes) logits; any B and W."""
    net, metadata = read_recognizer(weights)
    height = int(metadata["height"])
    shapes = [(2, 160), (1, 96), (5, 320)]
    return _export(
        _Job(
            net,
            net,
            [_print(count, height, width) for count, width in shapes],
            ("lines", "steps"),
            {"lines": {0: "batch", 3: "width"}, "steps": {0: "batch", 1: "steps"}},
            metadata,
        ),
        out,
    )


def _print(count: int, height: int, width: int) -> NDArray[np.float32]:
    """(count, 3, height, width), -1 to 1: rows of print, each picture with its own. In mere noise
    a network finds nothing, and any two agree."""
    font = ImageFont.load_default(LETTERS)
    pictures = []
    for number in range(count):
        picture = Image.new("RGB", (width, height), "white")
        pen = ImageDraw.Draw(picture)
        for row, y in enumerate(range(2, height, 2 * LETTERS)):
            pen.text((2, y), SENTENCE[7 * (number + row) % len(SENTENCE) :], "black", font)
        pictures.append(np.asarray(picture, np.float32).transpose(2, 0, 1) / 127.5 - 1)
    return np.stack(pictures)


def _export(job: _Job, out: Path) -> Exported:
    out.parent.mkdir(parents=True, exist_ok=True)
    half = out.with_name(f".{out.name}.half")
    try:
        _write(job, half)
        difference = _difference(job, half)
        if not difference <= CLOSE:  # nor when it is no number at all
            raise BundleError(f"{out.name} would differ from torch by {difference:.2g}; not kept")
        os.replace(half, out)
    finally:
        half.unlink(missing_ok=True)
    shape = list(job.inputs[0].shape)
    takes = [job.axes.get(job.names[0], {}).get(axis, str(n)) for axis, n in enumerate(shape)]
    return Exported(out, f"({', '.join(takes)})", difference)


def _write(job: _Job, path: Path) -> None:
    with warnings.catch_warnings():
        # The tracer warns of shapes it takes for constants; _difference() looks at what it made.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            job.net,
            (torch.from_numpy(job.inputs[0]),),
            str(path),
            dynamo=False,
            opset_version=OPSET,
            input_names=[job.names[0]],
            output_names=[job.names[1]],
            dynamic_axes=job.axes,
            training=torch.onnx.TrainingMode.PRESERVE,
        )
    model = onnx.load(path)
    _halve(model.graph)
    helper.set_model_props(model, job.metadata)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _halve(graph: onnx.GraphProto) -> None:
    """Kernels and matrices as FP16, each with a cast that the runtime does once, while loading."""
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or len(tensor.dims) < 2:
            continue  # vectors stay FP32, as in a checkpoint
        name = tensor.name
        values = numpy_helper.to_array(tensor).astype(np.float16)
        tensor.CopyFrom(numpy_helper.from_array(values, f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def _difference(job: _Job, path: Path) -> float:
    own, other = TorchNetwork(job.own, _PLAIN, job.metadata), OnnxNetwork(path, _PLAIN)
    answers = ((own(batch), other(batch)) for batch in job.inputs)
    if job.metadata.get("answers") == "logits":
        answers = ((_softmax(mine), _softmax(its)) for mine, its in answers)
    return max(float(np.abs(mine - its).max()) for mine, its in answers)


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return raised / raised.sum(axis=-1, keepdims=True)
