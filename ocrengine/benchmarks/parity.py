"""Do our networks answer alike in torch and as ONNX files, both in fp32? On rendered invoices."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ocrengine.benchmarks.bulk import Bulk, Texts, same_lines
from ocrengine.benchmarks.invoices import draw_invoice
from ocrengine.bundles import Bundle, Network, load_bundle, write_checksums
from ocrengine.detect import Detector, to_batch
from ocrengine.device import Device
from ocrengine.export import LONGEST, SHORTEST, USUAL, export_bundle, export_detector, folder_of
from ocrengine.memory import usable_cores
from ocrengine.pipeline import Stopwatch, read_page
from ocrengine.profiles import EngineProfile
from ocrengine.recognize import Recognizer
from ocrengine.runtimes.onnx import OnnxNetwork

SIZES = (
    (SHORTEST, SHORTEST),
    USUAL,
    (960, 1280),
    (SHORTEST, LONGEST),
    (LONGEST, LONGEST),
)
"""H and W, compared in a file of any size and in one of that size alone"""

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Parity:
    any_size: dict[tuple[int, int], float]
    """H and W -> the largest difference of a probability"""
    fixed: dict[tuple[int, int], float]
    lines: int
    same: float
    """Share of lines that say the same"""


def measure(bundle: str, profile: EngineProfile, invoices: int) -> Parity:
    """Both forms of a bundle of ours, exported anew, on pages drawn for it."""
    device = Device("cpu", "fp32", usable_cores(), "compared")
    with tempfile.TemporaryDirectory(prefix="parity-") as name:
        torch_folder, onnx_folder = _both_forms(folder_of(bundle), Path(name))
        own, other = (load_bundle(str(f), device) for f in (torch_folder, onnx_folder))
        any_size = {size: _difference(own, other.detector, size) for size in SIZES}
        fixed = {size: _difference(own, net, size) for size, net in _fixed(onnx_folder, device)}
        mine, its = (_texts(form, profile, invoices) for form in (own, other))
    return Parity(
        any_size,
        fixed,
        sum(len(page) for page in mine),
        same_lines(Bulk(texts=mine), Bulk(texts=its)),
    )


def _both_forms(weights: Path, folder: Path) -> tuple[Path, Path]:
    """The same checkpoints twice, with ONNX files beside the second."""
    forms = folder / "torch", folder / "onnx"
    for form in forms:
        form.mkdir()
        for path in weights.glob("*.safetensors"):
            shutil.copy(path, form)
        write_checksums(form, [".safetensors"])
    export_bundle(forms[1], forms[1])
    return forms


def _fixed(folder: Path, device: Device) -> Iterator[tuple[tuple[int, int], Network]]:
    for size in SIZES:
        made = export_detector(
            folder / "detector.safetensors", folder / "fixed.onnx", size, fixed=True
        )
        yield size, OnnxNetwork(made.path, device)


def _difference(own: Bundle, other: Network, size: tuple[int, int]) -> float:
    batch = to_batch(_print(*size), own.detector_settings.preprocessing)
    return float(np.abs(own.detector(batch) - other(batch)).max())


def _print(height: int, width: int) -> Image:
    """(height, width, 3): the upper left of two invoices side by side."""
    invoices = np.hstack([np.asarray(draw_invoice(number)) for number in (0, 1)])
    return invoices[:height, :width]


def _texts(bundle: Bundle, profile: EngineProfile, invoices: int) -> list[Texts]:
    detector = Detector(bundle.detector, bundle.detector_settings, profile.tile_side)
    recognizer = Recognizer(
        bundle.recognizer, bundle.recognizer_settings, bundle.charset, profile.batch_pixels
    )
    pages = (np.asarray(draw_invoice(number)) for number in range(invoices))
    return [
        [r.text for r in read_page(page, detector, recognizer, stopwatch=Stopwatch()).readings]
        for page in pages
    ]


def table(parity: Parity) -> str:
    lines = ["| H x W | file of any size | file of that size |", "|---|---|---|"]
    for size in SIZES:
        height, width = size
        lines.append(
            f"| {height} x {width} | {parity.any_size[size]:.1e} | {parity.fixed[size]:.1e} |"
        )
    return "\n".join(lines)
