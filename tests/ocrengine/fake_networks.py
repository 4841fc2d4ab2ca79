"""Networks that need no weights: ink is text, and every line says what its colour says."""

from __future__ import annotations

import numpy as np

from ocrengine.bundles import DetectorSettings, Preprocessing, RecognizerSettings
from ocrengine.charset import Charset

PLAIN = Preprocessing((0.5, 0.5, 0.5), (0.5, 0.5, 0.5), bgr=False, multiple=32)
DETECTING = DetectorSettings(PLAIN, binarize=0.3, box_score=0.5, unclip_ratio=1.5, dilate=False)
RECOGNIZING = RecognizerSettings(PLAIN, height=48, min_width=48, max_width=960, min_confidence=0.5)
CHARSET = Charset(("r", "g", "b", "?"))


class InkDetector:
    """Probability 1 where a pixel is not white. Remembers the shapes it was given."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        self.shapes.append(batch.shape)
        return (batch.min(axis=1, keepdims=True) < 0).astype(np.float32)


class ColourRecognizer:
    """Reads a bar as the colour of its left end; surest of pure colours, unsure of grey."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        self.shapes.append(batch.shape)
        count, _, height, width = batch.shape
        steps = np.zeros((count, width // 8, CHARSET.classes), np.float32)
        steps[:, :, 0] = 1
        left = batch[:, :, height // 3 : 2 * height // 3, 16:24].mean(axis=(2, 3))
        for row, colour in enumerate(left):
            pure = np.ptp(colour) > 1
            steps[row, 0] = 0
            steps[row, 0, 1 + int(colour.argmax()) if pure else 4] = 0.95 if pure else 0.2
        return steps
