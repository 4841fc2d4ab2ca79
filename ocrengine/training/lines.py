"""One line of text as a recogniser sees it: cut from a page, neither tight nor clean."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrengine.training.characters import is_hanzi
from ocrengine.training.corpus import Corpus, TextSource, load_corpus
from ocrengine.training.degrade import Degrader
from ocrengine.training.fonts import Face, installed_faces
from ocrengine.training.glyphs import EM, Setting, Strip, set_line

Gray = NDArray[np.uint8]
HEIGHT = 32
WIDEST = 1024
ON_SCREEN = 0.13
"""Share of lines that were never printed: small, crisp, as often light on dark as dark on light."""
IN_PIXELS = 0.15
"""Share of lines set pixel by pixel, as interfaces are, with a face's own bitmaps if any."""
PAD = 3 * EM // 2
"""Room around the line while it is drawn, for neighbours and slack, in drawing pixels."""


@dataclass(frozen=True)
class LineSample:
    picture: Gray
    """(32, w) uint8"""
    text: str
    centres: NDArray[np.float32]
    """(len(text),) x of each character's middle in the picture, pixels; empty when not known"""


@dataclass(frozen=True)
class LineMix:
    """Shares that the training shifts as it goes on."""

    chinese: float = 0.6
    longest: int = 40


@dataclass(frozen=True)
class Material:
    """What is drawn, and with what."""

    faces: list[Face]
    corpus: Corpus

    @classmethod
    def installed(cls, held_out: bool = False) -> Material:
        """The training's share of what this system has, or the share that is only scored with."""
        faces = [face for face in installed_faces() if face.is_held_out == held_out]
        return cls(faces, load_corpus(held_out))


class Typesetter:
    """Text and a face that can draw it, set as a strip."""

    def __init__(self, rng: np.random.Generator, material: Material) -> None:
        self.rng = rng
        self.latin = _by_family([face for face in material.faces if not face.is_han])
        self.han = _by_family([face for face in material.faces if face.is_han])
        self.source = TextSource(material.corpus, rng)

    def _face(self, families: list[list[Face]]) -> Face:
        styles = families[int(self.rng.integers(len(families)))]
        return styles[int(self.rng.integers(len(styles)))]

    def strip(self, mix: LineMix, em: int = EM) -> Strip:
        """A set line; tries again until a face covers the text."""
        while True:
            chinese = self._is_chinese(mix)
            text = self.source.line(chinese, self._length(chinese, mix.longest))
            strip = self._try(text) if em == EM else self._in_pixels(text, em)
            if strip is not None:
                return strip

    def long_strip(self, mix: LineMix) -> Strip:
        """A line of running text, about as long as the mix allows."""
        while True:
            chinese = self._is_chinese(mix)
            text = ""
            while len(text) < mix.longest:
                text += ("" if chinese else " ") + self.source.running_text(chinese)
            strip = self._try(text[: mix.longest].strip())
            if strip is not None:
                return strip

    def _is_chinese(self, mix: LineMix) -> bool:
        return bool(self.han) and bool(self.rng.random() < mix.chinese)

    def _length(self, chinese: bool, longest: int) -> int:
        if self.rng.random() < 0.08:
            longest *= 2
        most = int(longest * 0.6) if chinese else longest
        return int(self.rng.integers(2, max(2, most) + 1))

    def _try(self, text: str) -> Strip | None:
        rng = self.rng
        has_hanzi = any(is_hanzi(c) or ord(c) > 0x2E80 for c in text)
        latin = None
        if has_hanzi or (self.han and rng.random() < 0.12):
            face = self._face(self.han)
            if rng.random() < 0.4:
                latin = self._face(self.latin)
        else:
            face = self._face(self.latin)
        text = what_it_draws(face, text)
        if not text:
            return None
        tracking = rng.normal(0, 0.8) if rng.random() < 0.7 else rng.uniform(-1.5, 8)
        return set_line(text, face, latin, Setting(float(tracking), float(rng.uniform(0.75, 1.8))))

    def _in_pixels(self, text: str, em: int) -> Strip | None:
        """With bitmaps where there are some, and Chinese faces' own narrow Latin letters."""
        families = self.han if self.han and self.rng.random() < 0.8 else self.latin
        bitmaps = [family for family in self.han if family[0].has_pixels]
        if families is self.han and bitmaps and self.rng.random() < 0.35:
            families = bitmaps
        face = self._face(families)
        text = what_it_draws(face, text)
        return set_line(text, face, setting=Setting(em=em)) if text else None


def what_it_draws(face: Face, text: str) -> str:
    """The text without the characters that a face lacks."""
    if face.can_draw(text):
        return text
    return " ".join("".join(c for c in text if c == " " or ord(c) in face.covers).split())


def _by_family(faces: list[Face]) -> list[list[Face]]:
    families: dict[str, list[Face]] = {}
    for face in faces:
        families.setdefault(face.family, []).append(face)
    return list(families.values())


class LineRenderer:
    """Endless lines. The same seed gives the same lines."""

    def __init__(self, seed: int, material: Material) -> None:
        self.rng = np.random.default_rng(seed)
        self.typesetter = Typesetter(self.rng, material)
        self.degrader = Degrader(self.rng)
        self._last: list[Strip] = []

    def sample(self, mix: LineMix) -> LineSample:
        if self.rng.random() < IN_PIXELS:
            return self._screenshot(self.typesetter.strip(mix, int(self.rng.integers(11, 18))))
        strip = self.typesetter.strip(mix)
        self._last = [*self._last[-7:], strip]
        ink = self._with_surroundings(strip)
        return self._photograph(strip, ink)

    def _with_surroundings(self, strip: Strip) -> Gray:
        """The strip with PAD around it: neighbours above and below, rules, leaders."""
        height, width = strip.ink.shape
        ink = np.zeros((height + 2 * PAD, width + 2 * PAD), np.uint8)
        ink[PAD : PAD + height, PAD : PAD + width] = strip.ink
        rng = self.rng
        if rng.random() < 0.4:
            pitch = height * rng.uniform(0.86, 1.3)
            for side in (-1, 1):
                if rng.random() < 0.7:
                    self._paste_neighbour(ink, round(PAD + side * pitch))
        if rng.random() < 0.14:
            self._rule(ink, strip)
        return ink

    def _paste_neighbour(self, ink: Gray, top: int) -> None:
        other = self._last[int(self.rng.integers(len(self._last)))].ink
        left = int(self.rng.integers(-40, max(1, ink.shape[1] // 2)))
        y0, y1 = max(0, top), min(ink.shape[0], top + other.shape[0])
        x0, x1 = max(0, left), min(ink.shape[1], left + other.shape[1])
        if y0 < y1 and x0 < x1:
            part = ink[y0:y1, x0:x1]
            np.maximum(part, other[y0 - top : y1 - top, x0 - left : x1 - left], out=part)

    def _rule(self, ink: Gray, strip: Strip) -> None:
        """An underline, or the sides of a table's cell."""
        rng = self.rng
        thick = int(rng.integers(1, 4))
        base = PAD + strip.bottom
        gap = int(rng.integers(1, 9))
        if rng.random() < 0.7:
            cv2.line(ink, (0, base + gap), (ink.shape[1], base + gap), 255, thick)
        if rng.random() < 0.4:
            y = PAD + strip.top - gap
            cv2.line(ink, (0, y), (ink.shape[1], y), 255, thick)
        if rng.random() < 0.3:
            x = PAD - int(rng.integers(3, 14))
            cv2.line(ink, (x, 0), (x, ink.shape[0]), 255, thick)

    def _crop_box(self, strip: Strip) -> tuple[float, float, float, float]:
        """x0, y0, x1, y1 in drawing pixels: tight, loose or a little off, as boxes are."""
        rng = self.rng
        tall = strip.bottom - strip.top
        top, bottom = float(strip.top), float(strip.bottom)
        if rng.random() < 0.35:
            top, bottom = 0.0, float(strip.ink.shape[0])
        # A dash or a comma alone would otherwise fill the whole height.
        slack = max(0.0, 0.45 * EM - tall) / 2
        loose = rng.uniform(0.0, 0.28) if rng.random() < 0.7 else rng.uniform(-0.05, 0.06)
        size = max(tall, 0.6 * EM)
        top -= slack + size * (loose + rng.uniform(-0.05, 0.05))
        bottom += slack + size * (loose + rng.uniform(-0.05, 0.05))
        left, right = (
            size * (rng.uniform(-0.03, 0.4) if rng.random() < 0.6 else rng.uniform(-0.07, 0.08))
            for _ in range(2)
        )
        right += strip.ink.shape[1]
        return PAD - left, max(top + PAD, 0.0), right + PAD, bottom + PAD

    def _photograph(self, strip: Strip, ink: Gray) -> LineSample:
        """Shrink to its size in a file, print, spoil, then cut and scale as the engine does."""
        rng = self.rng
        x0, y0, x1, y1 = self._crop_box(strip)
        on_screen = rng.random() < ON_SCREEN
        native = float(np.exp(rng.uniform(np.log(11), np.log(20 if on_screen else 52))))
        scale = native / (y1 - y0)
        squeeze = float(np.clip(rng.normal(1, 0.2), 0.5, 1.75))
        width = max(4, round((x1 - x0) * scale * squeeze))
        height = max(8, round(native))
        if width * HEIGHT / height > WIDEST:
            width = WIDEST * height // HEIGHT
        matrix = self._geometry((x0, y0, x1, y1), width, height)
        small = self._shrink(ink, matrix, width, height)
        picture = self.degrader.show(small) if on_screen else self._printed(small, native)
        final = max(4, round(width * HEIGHT / height))
        picture = cv2.resize(picture, (final, HEIGHT), interpolation=cv2.INTER_LINEAR)
        middle = np.full(len(strip.centres), (strip.top + strip.bottom) / 2 + PAD, np.float32)
        points = np.stack([strip.centres + PAD, middle, np.ones_like(middle)])
        moved = matrix @ points
        centres = moved[0] / moved[2] * (final / width)
        return LineSample(picture, strip.text, centres.astype(np.float32))

    def _screenshot(self, strip: Strip) -> LineSample:
        """Pixel for pixel, then scaled once: the whole picture perhaps, and the line to HEIGHT."""
        rng = self.rng
        above, below, left, right = (int(n) for n in rng.integers(0, 5, 4))
        ink = np.pad(strip.ink[strip.top : strip.bottom], ((above, below), (left, right)))
        if below > 1 and rng.random() < 0.2:
            ink[-below + 1] = 255
        picture = self.degrader.show(ink)
        if rng.random() < 0.4:
            picture = self.degrader.blur(picture, rng.uniform(0.2, 0.6))
        height, width = picture.shape
        scale = HEIGHT / height
        final = int(np.clip(round(width * scale * rng.uniform(0.9, 1.1)), 4, WIDEST))
        way = cv2.INTER_CUBIC if rng.random() < 0.3 else cv2.INTER_LINEAR
        picture = cv2.resize(picture, (final, HEIGHT), interpolation=way)
        return LineSample(picture, strip.text, (strip.centres + left) * np.float32(final / width))

    def _printed(self, ink: Gray, native: float) -> Gray:
        if self.rng.random() < 0.2:
            ink = self.degrader.wear(ink)
        if self.rng.random() < 0.15 and ink.shape[0] > 20:
            ink = self.degrader.spread(ink)
        return self.degrader.spoil(self.degrader.print_on_paper(ink), native * 0.7)

    def _geometry(
        self, box: tuple[float, float, float, float], width: int, height: int
    ) -> NDArray[np.float64]:
        """(3, 3): drawing pixels -> crop pixels, with slant, tilt and perspective."""
        rng = self.rng
        x0, y0, x1, y1 = box
        tall = y1 - y0
        corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32)
        if rng.random() < 0.25:
            slant = rng.normal(0, 0.16) * tall
            corners[:2, 0] -= slant / 2
            corners[2:, 0] += slant / 2
        if rng.random() < 0.35:
            # A page lies askew as a whole: long lines climb further, in boxes that stay upright.
            rise = float(np.clip(rng.normal(0, 0.012) * (x1 - x0), -0.7 * tall, 0.7 * tall))
            corners[[0, 3], 1] -= rise / 2
            corners[[1, 2], 1] += rise / 2
            grown = abs(rise) / 2 * rng.uniform(0.2, 1)
            corners[:2, 1] -= grown
            corners[2:, 1] += grown
        if rng.random() < 0.2:
            corners += rng.normal(0, 0.035 * tall, (4, 2)).astype(np.float32)
        target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
        return cv2.getPerspectiveTransform(corners, target)

    def _shrink(self, ink: Gray, matrix: NDArray[np.float64], width: int, height: int) -> Gray:
        """Warped without aliasing: blurred first where it shrinks by more than a half."""
        shrink = 1 / max(float(np.hypot(matrix[0, 1], matrix[1, 1])), 1e-3)
        if shrink > 1.3:
            kernel = max(1, round(shrink))
            ink = cv2.blur(ink, (kernel, kernel))
        return cv2.warpPerspective(ink, matrix, (width, height), flags=cv2.INTER_LINEAR)
