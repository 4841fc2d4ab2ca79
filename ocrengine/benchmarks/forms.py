"""What each form of our own networks costs and finds: in FP32, BF16, INT8, on a GPU in FP32 and
FP16, or with other weights.

Each runs in a process of its own, `python -m ocrengine.benchmarks.forms BUNDLE PRECISION DEVICE`,
so that its memory is its own; all answer in turns, so that a busy machine hurts all alike.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ocrengine.bundles import get_bundle, load_bundle
from ocrengine.device import Device, finds_gpu
from ocrengine.errors import BundleError
from ocrengine.memory import peak_memory_of
from ocrengine.process import child_environment
from ocrengine.profiles import BALANCED

ROUNDS = 15
PAGE = (1, 3, 640, 640)
LINES = (8, 3, 32, 320)


@dataclass
class Form:
    """One bundle in one precision, and what was measured."""

    bundle: str
    precision: str
    files: dict[str, int]
    """Bytes of the detector's and the recogniser's file"""
    device: str = "cpu"
    peak: int = 0
    """Bytes of a process that holds both networks and has run both; on a GPU, of the GPU's"""
    milliseconds: dict[str, list[float]] = field(default_factory=dict)
    """A page of 640 x 640 found, eight lines of 320 px read: processor time; on a GPU, wall time"""
    scores: dict[str, float] = field(default_factory=dict)
    """On rendered lines and pages that no training sees"""

    @property
    def name(self) -> str:
        where = "" if self.device == "cpu" else " on a GPU"
        return f"{Path(self.bundle).name}, {self.precision}{where}"

    @property
    def can_be_measured(self) -> bool:
        return self.device == "cpu" or finds_gpu(by_torch=True)

    def row(self) -> str:
        size = " + ".join(f"{bytes_ / 1e6:.1f}" for bytes_ in self.files.values())
        if not self.milliseconds:
            return f"| {self.name} | {size} | not measured: no GPU here | - | - | - | - |"
        page, lines = (statistics.median(times) for times in self.milliseconds.values())
        errors = ", ".join(f"{self.scores[f'cer_{kind}']:.3f}" for kind in ("english", "chinese"))
        found = f"{self.scores['mean']:.3f} | {errors}"
        return f"| {self.name} | {size} | {page:.0f} | {lines:.0f} | {self.peak >> 20} | {found} |"


HEADING = (
    "| form | MB of files | detector, ms | 8 lines, ms | peak MB | F | CER English, Chinese |\n"
    "|---|---|---|---|---|---|---|"
)


class Running:
    """A form in its own process, which answers one line with one measurement."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self._child = subprocess.Popen(
            [sys.executable, "-m", __name__, form.bundle, form.precision, form.device],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # As the engine child is told: with malloc's own thresholds, buffers of this size are
            # mapped anew for every layer, and eight lines take 49 ms instead of 19.
            env=child_environment(BALANCED.override(threads=1)),
        )

    def measure(self) -> None:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write("\n")
        self._child.stdin.flush()
        line = self._child.stdout.readline()
        if not line:
            raise RuntimeError(f"the process of {self.form.name} ended")
        answer = json.loads(line)
        self.form.peak = answer["peak"]
        for part in ("page", "lines"):
            self.form.milliseconds.setdefault(part, []).append(answer[part])

    def close(self) -> None:
        self._child.kill()
        self._child.communicate()  # waits, and closes the pipes


def forms_of(bundle: str) -> list[Form]:
    """One for each precision of a bundle of our own networks, and those of a GPU; BundleError for
    any other bundle."""
    spec = get_bundle(bundle)
    files = spec.files()
    if "detector.safetensors" not in files:
        raise BundleError(f"the bundle {bundle} is no network of ours, and has one form")
    found = []
    for precision in spec.precisions:
        # FP16 is a GPU's; no processor is asked for it.
        devices = {"fp32": ["cpu", "cuda"], "fp16": ["cuda"]}.get(precision, ["cpu"])
        kind = {"int8": "int8.onnx", "fp32": "onnx"}.get(precision, "safetensors")
        kind = kind if f"detector.{kind}" in files else "safetensors"
        paths = (files[f"{role}.{kind}"] for role in ("detector", "recognizer"))
        sizes = [path.stat().st_size for path in paths]
        sized = dict(zip(("detector", "recognizer"), sizes, strict=True))
        found += [Form(bundle, precision, sized, device) for device in devices]
    return sorted(found, key=lambda form: form.device)


def measure(forms: Sequence[Form], rounds: int = ROUNDS) -> None:
    """Time and memory of each; a first round, in which buffers are made, does not count."""
    running = [Running(form) for form in forms if form.can_be_measured]
    try:
        for _ in range(rounds + 1):
            for one in running:
                one.measure()
    finally:
        for one in running:
            one.close()
    for form in forms:
        for times in form.milliseconds.values():
            del times[0]


def _peak(device: Device) -> int:
    if device.name == "cpu":
        return peak_memory_of(os.getpid())  # getrusage(2) tells that of the process that started us
    import torch  # noqa: PLC0415  heavy; a GPU's networks are run by it anyway

    return int(torch.cuda.max_memory_allocated())


def main() -> None:
    device = Device(sys.argv[3], sys.argv[2], 1, "a measurement")
    bundle = load_bundle(sys.argv[1], device)
    now = time.process_time if device.name == "cpu" else time.perf_counter
    noise = np.random.default_rng(1)
    page, lines = (noise.uniform(-1, 1, shape).astype(np.float32) for shape in (PAGE, LINES))
    for _ in sys.stdin:
        start = now()
        bundle.detector(page)
        middle = now()
        bundle.recognizer(lines)
        answer = {
            "page": 1000 * (middle - start),
            "lines": 1000 * (now() - middle),
            "peak": _peak(device),
        }
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
