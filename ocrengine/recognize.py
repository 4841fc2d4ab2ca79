"""What does each line say? Crops -> batches -> probabilities -> text and confidence."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ocrengine import ctc
from ocrengine.batching import plan_batches
from ocrengine.bundles import Network, RecognizerSettings
from ocrengine.charset import Charset
from ocrengine.crops import cut_line
from ocrengine.normalize import normalize_text

Image = NDArray[np.uint8]
WIDTH_STEP = 16
EARLIEST_CUT = 0.6
"""Share of the widest piece before which a long line is not cut."""
WINDOW = 64
"""Crops held at a time, so that a page of 3,000 lines needs no more memory than one of 64."""


@dataclass(frozen=True)
class Reading:
    text: str
    confidence: float


ReadCrops = Callable[[Sequence[Image]], Sequence[Reading]]
"""Crops (height, w, 3) uint8 RGB -> readings, in that order."""


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

    def read_lines(
        self, image: Image, quads: NDArray[np.float32], read_crops: ReadCrops | None = None
    ) -> list[Reading]:
        """(H, W, 3) page and (N, 4, 2) lines in its pixels -> one Reading each, in that order.

        read_crops   what reads crops of several pages together, in place of our own
        """
        read = read_crops or self.read_crops
        by_width = np.argsort(np.linalg.norm(quads[:, 1] - quads[:, 0], axis=1), kind="stable")
        readings = [Reading("", 0.0)] * len(quads)
        for start in range(0, len(quads), WINDOW):
            window = by_width[start : start + WINDOW]
            crops = [cut_line(image, quads[i], self.settings.height) for i in window]
            for index, reading in zip(window, read(crops), strict=True):
                readings[index] = reading
        return readings

    def read_crops(self, crops: Sequence[Image]) -> list[Reading]:
        """Crops (height, w, 3) uint8 RGB -> readings; what is too wide is read in pieces."""
        split = [split_at_gaps(crop, self.settings.max_width) for crop in crops]
        pieces = iter(self._read_pieces([piece for parts in split for piece in parts]))
        return [_joined([next(pieces) for _ in parts]) for parts in split]

    def _read_pieces(self, crops: Sequence[Image]) -> list[Reading]:
        readings = [Reading("", 0.0)] * len(crops)
        batches = plan_batches(
            [crop.shape[1] for crop in crops],
            height=self.settings.height,
            max_pixels=self.batch_pixels,
            step=WIDTH_STEP,
            smallest=self.settings.min_width,
        )
        for padded, members in batches:
            batch = self._batch([crops[i] for i in members], padded)
            best, probability = ctc.best_path(self.network(batch), self.settings.logits)
            for row, index in enumerate(members):
                text, confidence = ctc.decode(best[row], probability[row], self.charset)
                readings[index] = Reading(normalize_text(text), confidence)
        return readings

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


def split_at_gaps(crop: Image, widest: int) -> list[Image]:
    """Pieces of (height, w, 3), none wider than `widest`, cut where the line is emptiest."""
    pieces = []
    while crop.shape[1] > widest:
        contrast = crop[:, : widest + 1].astype(np.float32).std(axis=0).sum(axis=1)
        # Smoothed over half a height: the middle of a space, not the inside of a letter.
        half = crop.shape[0] // 2
        smooth = np.convolve(contrast, np.ones(half), mode="same")
        earliest = int(widest * EARLIEST_CUT)
        # The last columns are smoothed with nothing beyond them, and only look empty.
        cut = earliest + int(smooth[earliest : widest - half].argmin())
        pieces.append(crop[:, :cut])
        crop = crop[:, cut:]
    return [*pieces, crop]


def _joined(pieces: list[Reading]) -> Reading:
    """One reading of a line's pieces; cuts were made in gaps, so that words stay words."""
    if len(pieces) == 1:
        return pieces[0]
    characters = sum(len(piece.text) for piece in pieces)
    if not characters:
        return Reading("", 0.0)
    weighted = sum(piece.confidence * len(piece.text) for piece in pieces)
    return Reading(_spliced([p.text for p in pieces if p.text]), weighted / characters)


def _spliced(texts: Sequence[str]) -> str:
    """Texts of pieces as one: with a space, but none between characters that are set without."""
    line = texts[0]
    for text in texts[1:]:
        wide = any(unicodedata.east_asian_width(c) in "WF" for c in (line[-1], text[0]))
        line += text if wide else f" {text}"
    return line
