"""What one writes first: our own weights, one file after another, the whole page at native
size through the detector, one line after another through the recogniser.

A process of its own, `python -m ocrengine.benchmarks.naive BUNDLE PRECISION`: it answers each path
on its standard input with the page's texts. Fp32 is torch's, int8 is ONNX Runtime's.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ocrengine.bundles import load_bundle
from ocrengine.detect import Detection, Detector
from ocrengine.device import Device
from ocrengine.memory import usable_cores
from ocrengine.pipeline import Stopwatch, read_page
from ocrengine.recognize import Recognizer

WHOLE = 30_000
"""Side of a tile that holds any page."""


class WholePage(Detector):
    """Looks once, at everything."""

    def find(self, image: NDArray[np.uint8], tile_side: int | None = None) -> Detection:
        return self.look_closely(image, tile_side)


def main() -> None:
    name, precision = sys.argv[1:]
    bundle = load_bundle(name, Device("cpu", precision, usable_cores(), "the runtime's default"))
    settings = replace(bundle.detector_settings, largest_tile=None)
    detector = WholePage(bundle.detector, settings, WHOLE)
    recognizer = Recognizer(
        bundle.recognizer, bundle.recognizer_settings, bundle.charset, batch_pixels=1
    )
    for line in sys.stdin:
        with Image.open(line.strip()) as file:
            image = np.asarray(file.convert("RGB"))
        found = read_page(image, detector, recognizer, stopwatch=Stopwatch())
        print(json.dumps([reading.text for reading in found.readings]), flush=True)


if __name__ == "__main__":
    main()
