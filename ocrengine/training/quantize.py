"""INT8 forms of our networks: static, calibrated on rendered pages and lines.

Convolutions and the classifier multiply 8-bit numbers, whose ranges are taken from calibration
samples; the LSTM stays fp32. Weights have 7 bits, so that sums stay exact on processors whose 8-bit
instructions saturate (onnxruntime's "reduce_range"). What it is worth: docs/benchmarks.md.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from ocrengine import ctc
from ocrengine.bundles import FAST_DETECTING, drop_stale_exports, write_checksums
from ocrengine.detect import boxes_from_map
from ocrengine.device import Device
from ocrengine.errors import BundleError
from ocrengine.export import export_detector, export_recognizer
from ocrengine.runtimes.onnx import OnnxNetwork
from ocrengine.training.characters import build_charset
from ocrengine.training.detector import as_input, count_matches
from ocrengine.training.lines import LineMix, LineRenderer, Material
from ocrengine.training.pages import PageRenderer
from ocrengine.training.recognizer import Labeller, batches
from ocrengine.training.rewriting import rewrite_detector
from ocrengine.training.scores import edit_distance

Batch = NDArray[np.float32]
SEED = 77
PAGES, PAGE_SIDE = 40, 640
CHECKED = 8
"""Pages, and batches of lines, that the answers are compared on; the rest calibrates."""
ALIKE = 0.95
"""Least share of boxes, and of characters, on which both forms agree: on rendered samples, a tenth
of which nobody can read."""
LAYERS = ["Conv", "Add", "Relu", "MaxPool", "Concat", "Resize", "MatMul"]
_PLAIN = Device("cpu", "fp32", 1, "compared with")


@dataclass(frozen=True)
class Quantized:
    path: Path
    agreement: float
    """Share of the fp32 form's boxes, or characters, that this one finds too."""


class _Samples(CalibrationDataReader):  # type: ignore[misc]  # the package has no types
    def __init__(self, name: str, batches: Sequence[Batch]) -> None:
        self._rest: Iterator[dict[str, Batch]] = iter([{name: batch} for batch in batches])

    def get_next(self) -> dict[str, Batch] | None:
        return next(self._rest, None)


def quantize_bundle(folder: Path, material: Material) -> tuple[Quantized, Quantized]:
    """Checkpoints of a folder -> detector.int8.onnx and recognizer.int8.onnx beside them.

    Raises BundleError when an INT8 form answers too differently; it is not kept then.
    """
    drop_stale_exports(folder)
    with tempfile.TemporaryDirectory(prefix="quantize-") as name:
        out = Path(name)
        export_detector(
            folder / "detector.safetensors", out / "detector.onnx", rewrite=rewrite_detector
        )
        export_recognizer(folder / "recognizer.safetensors", out / "recognizer.onnx")
        written = (
            _quantize(
                out / "detector.onnx",
                folder / "detector.int8.onnx",
                rendered_pages(material),
                same_boxes,
            ),
            _quantize(
                out / "recognizer.onnx",
                folder / "recognizer.int8.onnx",
                rendered_lines(material),
                same_characters,
            ),
        )
    write_checksums(folder, [".safetensors", ".onnx"])
    return written


def rendered_pages(material: Material) -> list[Batch]:
    """(1, 3, PAGE_SIDE, PAGE_SIDE) each; others than any training or check is likely to see"""
    renderer = PageRenderer(SEED, material, PAGE_SIDE)
    pages = [as_input([renderer.sample().picture]).contiguous() for _ in range(PAGES)]
    return [page.numpy() for page in pages]


def rendered_lines(material: Material) -> list[Batch]:
    """(B, 3, 32, W) each, of many widths"""
    drawn = batches(LineRenderer(SEED, material), LineMix(), Labeller(build_charset()))
    return [np.repeat(batch.pictures.numpy(), 3, axis=1) for batch in drawn]


def _quantize(
    exported: Path, out: Path, samples: Sequence[Batch], agreement_of: Callable[..., float]
) -> Quantized:
    """One fp32 ONNX file -> its INT8 form, kept when both answer alike on the first samples."""
    prepared, half = (exported.with_suffix(end) for end in (".prepared", ".int8"))
    # Folds the casts of FP16 weights, which would be quantized around.
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(prepared)
    onnxruntime.InferenceSession(str(exported), options, providers=["CPUExecutionProvider"])
    quant_pre_process(str(prepared), str(prepared), skip_symbolic_shape=True)
    plain = OnnxNetwork(exported, _PLAIN)
    taken = onnx.load(prepared).graph.input[0].name
    quantize_static(
        str(prepared),
        str(half),
        _Samples(taken, samples[CHECKED:]),
        quant_format=QuantFormat.QDQ,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        per_channel=True,
        reduce_range=True,
        op_types_to_quantize=LAYERS,
    )
    model = onnx.load(half)
    helper.set_model_props(model, plain.metadata)
    onnx.save(model, half)
    small = OnnxNetwork(half, _PLAIN)
    agreement = agreement_of([(plain(batch), small(batch)) for batch in samples[:CHECKED]])
    if agreement < ALIKE:
        raise BundleError(f"{out.name} would agree on {agreement:.1%} alone; it is not kept")
    shutil.copyfile(half, out.with_suffix(".half"))
    out.with_suffix(".half").replace(out)
    return Quantized(out, agreement)


def same_boxes(answers: Sequence[tuple[Batch, Batch]]) -> float:
    """Probability maps (1, 1, H, W) -> share of the boxes of either that both have."""
    matched = counted = 0
    for pair in answers:
        a, b = (boxes_from_map((m[0, 0] * 255).astype(np.uint8), FAST_DETECTING)[0] for m in pair)
        matched += 2 * count_matches(a, b)
        counted += len(a) + len(b)
    return matched / counted if counted else 1.0


def same_characters(answers: Sequence[tuple[Batch, Batch]]) -> float:
    """Logits (B, T, C) -> 1 - distance between what both read, by characters."""
    distance = counted = 0
    for pair in answers:
        ours, theirs = (_classes(logits) for logits in pair)
        distance += sum(edit_distance(a, b) for a, b in zip(ours, theirs, strict=True))
        counted += sum(map(len, ours))
    return 1 - distance / counted if counted else 1.0


def _classes(logits: Batch) -> list[str]:
    best, _ = ctc.best_path(logits, logits=True)
    return [
        "".join(map(chr, row[kept])) for row, kept in zip(best, ctc.kept_steps(best), strict=True)
    ]
