"""What happens to ink between a printer and a file: paper, light, blur, thermal heads, JPEG.

Everything works on gray uint8 pictures, and noise is cut from banks that are made once: a fresh
field of Gaussian noise costs more than the whole rest of a sample.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Gray = NDArray[np.uint8]
BANK = 24
SIDE = 768


class Degrader:
    """Banks of paper, noise and worn ink, and the ways of spoiling a picture with them."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self._paper = [self._make_paper() for _ in range(BANK)]
        self._noise = [rng.normal(0, 1, (SIDE, SIDE)).astype(np.float16) for _ in range(4)]
        self._worn = [self._make_worn() for _ in range(BANK)]

    def _soft_field(self, cells: int) -> NDArray[np.float32]:
        """Smooth random field, -1..1, (SIDE, SIDE)"""
        coarse = self.rng.uniform(-1, 1, (cells + 2, cells + 2)).astype(np.float32)
        return cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)

    def _make_paper(self) -> NDArray[np.float32]:
        """Deviation from the paper's mean, grey levels: slow light, fibres, and fine grain."""
        light = self._soft_field(2) * self.rng.uniform(0, 22)
        fibre = self._soft_field(int(self.rng.integers(20, 200))) * self.rng.uniform(0, 9)
        grain = self.rng.normal(0, self.rng.uniform(0, 7), (SIDE, SIDE)).astype(np.float32)
        return light + fibre + grain

    def _make_worn(self) -> NDArray[np.float32]:
        """Factor on ink, 0..1: blotches, and the streaks of a thermal head's dead dots."""
        worn = 1 - np.clip(self._soft_field(int(self.rng.integers(10, 150))) * 2 - 0.9, 0, 1)
        speckle = self.rng.random((SIDE, SIDE)) < self.rng.uniform(0, 0.12)
        worn[speckle] *= self.rng.uniform(0, 0.7)
        if self.rng.random() < 0.5:
            worn[:, self.rng.random(SIDE) < 0.02] *= self.rng.uniform(0.2, 0.8)
        if self.rng.random() < 0.5:
            worn[self.rng.random(SIDE) < 0.04, :] *= self.rng.uniform(0.2, 0.8)
        return worn.astype(np.float32)

    def _patch(
        self, bank: list[NDArray[np.float32]], shape: tuple[int, int]
    ) -> NDArray[np.float32]:
        field = bank[int(self.rng.integers(len(bank)))]
        height, width = shape
        if height > SIDE or width > SIDE:
            field = np.tile(field, (-(-height // SIDE), -(-width // SIDE)))
        y = int(self.rng.integers(field.shape[0] - height + 1))
        x = int(self.rng.integers(field.shape[1] - width + 1))
        return field[y : y + height, x : x + width]

    def wear(self, ink: Gray) -> Gray:
        """Ink with gaps in it, as faded receipts and poor copies have."""
        return (ink * self._patch(self._worn, ink.shape)).astype(np.uint8)

    def spread(self, ink: Gray) -> Gray:
        """Ink that runs or retreats by up to a pixel."""
        kernel = np.ones((2, 2) if self.rng.random() < 0.8 else (3, 3), np.uint8)
        return (
            cv2.dilate(ink, kernel) if self.rng.random() < 0.6 else cv2.erode(ink, kernel[:2, :2])
        )

    def print_on_paper(self, ink: Gray) -> Gray:
        """Ink (h, w), 255 = full -> a gray picture of it on paper; sometimes light on dark."""
        rng = self.rng
        paper = rng.uniform(140, 255) if rng.random() < 0.5 else rng.uniform(225, 255)
        contrast = max(rng.uniform(0.25, 1) ** 0.7, 0.28)
        dark = paper * (1 - contrast)
        if rng.random() < 0.1:
            paper, dark = dark, paper
        texture = self._patch(self._paper, ink.shape)
        if rng.random() < 0.25:
            texture = texture * 0  # born digital
        if rng.random() < 0.05:
            texture = texture - self._halftone(ink.shape)
        picture = paper + texture - ink * np.float32((paper - dark) / 255)
        return np.clip(picture, 0, 255).astype(np.uint8)

    def show(self, ink: Gray) -> Gray:
        """Ink (h, w), 255 = full -> gray picture of it on a screen, whose small letters are snapped
        to pixels: hardly a stroke is gray."""
        rng = self.rng
        crisp = np.clip(
            (ink.astype(np.float32) - rng.uniform(20, 80)) * rng.uniform(1.2, 2), 0, 255
        )
        back, front = rng.uniform(0, 100), rng.uniform(130, 255)
        if rng.random() < 0.4:
            back, front = rng.uniform(180, 255), rng.uniform(0, 110)
        picture = back + crisp * np.float32((front - back) / 255)
        if rng.random() < 0.15:
            picture += self._patch(self._paper, ink.shape) * 0.5
        picture = np.clip(picture, 0, 255).astype(np.uint8)
        return self.compress(picture, int(rng.integers(50, 95))) if rng.random() < 0.3 else picture

    def _halftone(self, shape: tuple[int, int]) -> NDArray[np.float32]:
        """The dots that stand for gray where a printer knows only black: (h, w), grey levels."""
        height, width = shape
        pitch = int(self.rng.integers(2, 6))
        dots = np.zeros((pitch, pitch), np.float32)
        dots[: max(1, pitch // 2), : max(1, pitch // 2)] = self.rng.uniform(40, 150)
        tiled = np.tile(dots, (-(-height // pitch), -(-width // pitch)))
        return tiled[:height, :width]

    def blur(self, picture: Gray, strength: float) -> Gray:
        """Out of focus, or moved; strength in pixels."""
        if self.rng.random() < 0.7:
            return cv2.GaussianBlur(picture, (0, 0), max(0.2, strength))
        length = max(2, round(2 * strength) + 1)
        kernel = np.zeros((length, length), np.float32)
        angle = self.rng.uniform(0, np.pi)
        middle = (length - 1) / 2
        dx, dy = np.cos(angle) * middle, np.sin(angle) * middle
        ends = np.round([middle - dx, middle - dy, middle + dx, middle + dy]).astype(int)
        cv2.line(kernel, ends[:2].tolist(), ends[2:].tolist(), 1)
        return cv2.filter2D(picture, -1, kernel / kernel.sum())

    def noise(self, picture: Gray, strength: float) -> Gray:
        """Gaussian, strength in grey levels."""
        field = self._patch(self._noise, picture.shape[:2]).astype(np.float32)  # type: ignore[arg-type]
        return np.clip(picture + field * np.float32(strength), 0, 255).astype(np.uint8)

    def specks(self, picture: Gray, share: float) -> Gray:
        """Black and white dots on that share of the pixels."""
        count = int(picture.size * share)
        y, x = (self.rng.integers(0, size, count) for size in picture.shape[:2])
        picture = picture.copy()
        picture[y, x] = np.where(self.rng.random(count) < 0.6, 0, 255)
        return picture

    def compress(self, picture: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
        flag = cv2.IMREAD_GRAYSCALE if picture.ndim == 2 else cv2.IMREAD_COLOR
        encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        decoded = cv2.imdecode(encoded, flag)
        assert decoded is not None
        return decoded.astype(np.uint8, copy=False)

    def binarize(self, picture: Gray) -> Gray:
        """As a fax does: every pixel black or white."""
        level = float(picture.min()) * 0.5 + float(picture.max()) * 0.5
        level += self.rng.uniform(-20, 20)
        return np.where(picture > level, 255, 0).astype(np.uint8)

    def sharpen(self, picture: Gray) -> Gray:
        """As scanners do, too much: edges ring."""
        radius, amount = self.rng.uniform(0.6, 2), self.rng.uniform(0.5, 2.5)
        soft = cv2.GaussianBlur(picture, (0, 0), radius)
        return cv2.addWeighted(picture, 1 + amount, soft, -amount, 0).astype(np.uint8, copy=False)

    def spoil(self, picture: Gray, letter: float) -> Gray:
        """A random few of the above, no worse than letters of that height (pixels) stand."""
        rng = self.rng
        if rng.random() < 0.45:
            picture = self.blur(picture, rng.uniform(0.2, 0.05 * letter + 0.1))
        if rng.random() < 0.4:
            picture = self.noise(picture, rng.uniform(1, 16))
        if rng.random() < 0.08:
            picture = self.specks(picture, rng.uniform(0.001, 0.02))
        if rng.random() < 0.15:
            picture = self.sharpen(picture)
        if rng.random() < 0.1 and letter > 11:
            picture = self.binarize(picture)
        if rng.random() < 0.4:
            picture = self.compress(picture, int(rng.integers(30, 95)))
        return picture
