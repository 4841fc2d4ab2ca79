"""How well does a bundle's recogniser read real lines, cut where people say that lines are?

A data set is a folder per set, each in one of the layouts of labels.py, scored by subset.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ocrengine.bundles import get_bundle, load_bundle
from ocrengine.device import Device, choose_device
from ocrengine.errors import BundleError
from ocrengine.profiles import EngineProfile
from ocrengine.recognize import Recognizer
from ocrengine.training.detector import CHECK_PAGES, SIDE, held_out_pages, score_pages
from ocrengine.training.fonts import installed_faces
from ocrengine.training.labels import LabelledPage, labelled_pages
from ocrengine.training.lines import Material
from ocrengine.training.recognizer import CHECK_LINES, held_out_lines, score_lines
from ocrengine.training.scores import character_error_rate, edit_distance, interval, normalize

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class ReadLine:
    truth: str
    read: str
    fold: bool
    """Case and spaces aside, where the truth's authors did not keep them."""
    crop: Picture

    @property
    def pair(self) -> tuple[str, str]:
        first, second = (
            normalize(text, fold=self.fold, blanks=not self.fold)
            for text in (self.truth, self.read)
        )
        return first, second


@dataclass
class SubsetScore:
    lines: list[ReadLine] = field(default_factory=list)

    @property
    def pairs(self) -> list[tuple[str, str]]:
        return [line.pair for line in self.lines]

    def row(self) -> dict[str, float]:
        """Lines, character error rate with its 95 % interval, share of exact lines."""
        pairs = self.pairs
        low, high = interval(pairs)
        exact = sum(a == b for a, b in pairs) / max(1, len(pairs))
        rate = character_error_rate(pairs)
        return {"lines": len(pairs), "cer": rate, "low": low, "high": high, "exact": exact}

    def worst(self, count: int) -> list[ReadLine]:
        return sorted(self.lines, key=lambda line: -edit_distance(*line.pair))[:count]


def evaluate(
    data: Path, sets: list[str], bundle: str, profile: EngineProfile, limit: int | None = None
) -> Iterator[tuple[str, dict[str, SubsetScore]]]:
    """Each set's name and its scores by subset; `limit` lines of each subset at most."""
    loaded = load_bundle(bundle, choose_device(profile, get_bundle(bundle).precisions))
    reader = Recognizer(
        loaded.recognizer, loaded.recognizer_settings, loaded.charset, profile.batch_pixels
    )
    for name in sets:
        scores: dict[str, SubsetScore] = defaultdict(SubsetScore)
        for page in labelled_pages(data / name):
            score = scores[page.subset]
            if limit is None or len(score.lines) < limit:
                score.lines += read_page(page, reader)
        yield name, {subset: score for subset, score in scores.items() if score.lines}


def read_page(page: LabelledPage, reader: Recognizer) -> list[ReadLine]:
    """Every labelled line of a page, as it was read."""
    cut = list(page.crops(reader.settings.height))
    readings = reader.read_crops([crop for crop, _ in cut])
    return [
        ReadLine(text, reading.text, page.fold, crop)
        for (crop, text), reading in zip(cut, readings, strict=True)
    ]


def rendered(
    bundle: str = "fast", precision: str = "fp32", device: str = "cpu"
) -> dict[str, float]:
    """Scores on rendered lines and pages of held-out fonts and text: the training's own check.

    bundle   our own networks: fast, or a folder; BundleError for others, and for a precision that
             they do not have on a processor
    """
    spec = get_bundle(bundle)
    usable = {*spec.precisions} - ({"fp16"} if device == "cpu" else set())
    if "detector.safetensors" not in spec.files() or precision not in usable:
        raise BundleError(f"the bundle {bundle} has no networks of ours in {precision}")
    loaded = load_bundle(bundle, Device(device, precision, 1, "what is scored"))
    material = Material.installed(held_out=True)
    lines = held_out_lines(material, CHECK_LINES)
    pages = held_out_pages(material, CHECK_PAGES, SIDE)
    found = score_lines(loaded.recognizer, lines, loaded.charset)
    return found | score_pages(loaded.detector, pages)


def table(found: dict[str, dict[str, SubsetScore]]) -> str:
    """Markdown: one row per set and subset."""
    lines = ["| set | subset | lines | CER | 95 % | exact |", "|---|---|---|---|---|---|"]
    for name, scores in found.items():
        for subset, score in sorted(scores.items()):
            row = score.row()
            lines.append(
                f"| {name} | {subset} | {row['lines']} | {row['cer']:.3f} |"
                f" {row['low']:.3f} to {row['high']:.3f} | {row['exact']:.1%} |"
            )
    return "\n".join(lines)


def worst_sheet(lines: list[ReadLine], path: Path, width: int = 900) -> None:
    """Pictures of the worst lines, what they say and what was read."""
    face = next(face for face in installed_faces() if face.is_han)
    font = ImageFont.truetype(face.path, 15, index=face.index)
    sheet = Image.new("RGB", (width, 80 * max(1, len(lines))), "white")
    pen = ImageDraw.Draw(sheet)
    for row, line in enumerate(lines):
        sheet.paste(Image.fromarray(np.ascontiguousarray(line.crop[:, :width])), (0, 80 * row))
        pen.text((0, 80 * row + 34), line.truth, font=font, fill="black")
        pen.text((0, 80 * row + 54), line.read, font=font, fill="red")
    sheet.save(path)
