"""What one writes first: our own weights in torch, one file after another, one line after another.

A process of its own, `python -m ocrengine.benchmarks.naive BUNDLE TILE_SIDE`: it answers each path
on its standard input with the page's texts.
"""

from __future__ import annotations

import json
import sys

import numpy as np
from PIL import Image

from ocrengine.bundles import load_bundle
from ocrengine.detect import Detector
from ocrengine.device import Device
from ocrengine.memory import usable_cores
from ocrengine.pipeline import Stopwatch, read_page
from ocrengine.recognize import Recognizer


def main() -> None:
    name, tile_side = sys.argv[1], int(sys.argv[2])
    bundle = load_bundle(name, Device("cpu", "fp32", usable_cores(), "torch's own default"))
    detector = Detector(bundle.detector, bundle.detector_settings, tile_side)
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
