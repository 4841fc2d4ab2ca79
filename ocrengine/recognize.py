"""What does each line say? Crops -> batches -> probabilities -> text and confidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrengine import ctc
from ocrengine.batching import plan_batches
from ocrengine.bundles import Network, RecognizerSettings
from ocrengine.charset import Charset
from ocrengine.crops import cut_line
from ocrengine.normalize import normalize_text

Image = NDArray[np.uint8]
WIDTH_STEP = 32
WINDOW = 16
"""Crops held at a time, so that a page of 3,000 lines needs no more memory than one of 16."""


@dataclass(frozen=True)
class Reading:
    text: str
    confidence: float


class Recognizer:
    """A recognition network, its preprocessing and its charset."""

    def __init__(
        self,
        network: Network,
        settings: RecognizerSettings,
        charset: Charset,
        batch_pixels: int,
    ) -> None:
        self.network, self.settings, self.charset = network, settings, charset
        self.batch_pixels = batch_pixels

    def read_lines(self, image: Image, quads: NDArray[np.float32]) -> list[Reading]:
        """(H, W, 3) page and (N, 4, 2) lines in its pixels -> one Reading each, in that order."""
        by_width = np.argsort(np.linalg.norm(quads[:, 1] - quads[:, 0], axis=1), kind="stable")
        readings = [Reading("", 0.0)] * len(quads)
        for start in range(0, len(quads), WINDOW):
            window = by_width[start : start + WINDOW]
            crops = [cut_line(image, quads[i], self.settings.height) for i in window]
            for index, reading in zip(window, self.read_crops(crops), strict=True):
                readings[index] = reading
        return readings

    def read_crops(self, crops: Sequence[Image]) -> list[Reading]:
        """Crops (height, w, 3) uint8 RGB -> readings."""
        narrowed = [self._narrow(crop) for crop in crops]
        readings = [Reading("", 0.0)] * len(crops)
        batches = plan_batches(
            [crop.shape[1] for crop in narrowed],
            height=self.settings.height,
            max_pixels=self.batch_pixels,
            step=WIDTH_STEP,
            smallest=self.settings.min_width,
        )
        for padded, members in batches:
            batch = self._batch([narrowed[i] for i in members], padded)
            best, probability = ctc.best_path(self.network(batch))
            for row, index in enumerate(members):
                text, confidence = ctc.decode(best[row], probability[row], self.charset)
                readings[index] = Reading(normalize_text(text), confidence)
        return readings

    def _narrow(self, crop: Image) -> Image:
        """Squeeze what is wider than the network should ever see."""
        widest = self.settings.max_width
        if crop.shape[1] <= widest:
            return crop
        return cv2.resize(crop, (widest, crop.shape[0]), interpolation=cv2.INTER_AREA)

    def _batch(self, crops: list[Image], padded: int) -> NDArray[np.float32]:
        """(B, 3, height, padded) float32; padding is 0 after normalization, as in training."""
        settings = self.settings.preprocessing
        batch = np.zeros((len(crops), 3, self.settings.height, padded), np.float32)
        scale = np.array([1 / (255 * s) for s in settings.std], np.float32)[:, None, None]
        offset = np.array(
            [m / s for m, s in zip(settings.mean, settings.std, strict=True)], np.float32
        )[:, None, None]
        for row, crop in enumerate(crops):
            channels = crop[..., ::-1] if settings.bgr else crop
            batch[row, :, :, : crop.shape[1]] = channels.transpose(2, 0, 1) * scale - offset
        return batch
