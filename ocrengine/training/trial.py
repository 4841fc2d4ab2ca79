"""What fine-tuning is worth: pages in a typeface that no training has seen, before and after."""

from __future__ import annotations

import resource
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrengine.errors import BundleError
from ocrengine.training.corpus import TextSource
from ocrengine.training.degrade import Degrader, Gray
from ocrengine.training.fine_tuning import Report, prepare
from ocrengine.training.fonts import Face
from ocrengine.training.glyphs import EM, Strip, set_line
from ocrengine.training.lines import Material, what_it_draws

PAGES = 20
LINES = 16
"""Lines of a page"""
PITCH = 64
SIDES = 60
WIDTH = 1240
SHRUNK = 0.6
"""From the size at which letters are drawn to that of the file: 24 pixels to the em."""


@dataclass(frozen=True)
class Trial:
    family: str
    report: Report
    seconds: float
    peak_mb: int


def unseen_faces(material: Material, families: list[str]) -> list[Face]:
    """One face of each of those families, in their order; BundleError for one that is not there."""
    first = {face.family: face for face in reversed(material.faces)}
    for family in families:
        if family not in first:
            raise BundleError(
                f"no held-out typeface is called {family!r}; there are {', '.join(sorted(first))}"
            )
    return [first[family] for family in families]


def run_trial(face: Face, weights: Path, folder: Path) -> Trial:
    """Render PAGES to learn from and PAGES to check on, teach, score; nothing is replaced."""
    started = time.monotonic()
    material = Material([face], Material.installed(held_out=True).corpus)
    for seed, part in enumerate(("taught", "checked")):
        write_pages(material, folder / part, seed)
    report = prepare(weights, folder / "taught", folder / "checked").run()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return Trial(face.family, report, time.monotonic() - started, peak)


def write_pages(material: Material, folder: Path, seed: int) -> None:
    """PAGES in ICDAR's layout: images/, and gt/ with a line x1,y1,...,x4,y4,text for each."""
    rng = np.random.default_rng(900 + seed)
    source, degrader = TextSource(material.corpus, rng), Degrader(rng)
    for name in ("images", "gt"):
        (folder / name).mkdir(parents=True)
    for number in range(PAGES):
        page, rows = _page([_strip(material.faces[0], source, rng) for _ in range(LINES)], degrader)
        cv2.imwrite(str(folder / "images" / f"{number}.png"), page)
        (folder / "gt" / f"{number}.txt").write_text("\n".join(rows), "utf-8")


def _strip(face: Face, source: TextSource, rng: np.random.Generator) -> Strip:
    while True:
        text = what_it_draws(face, source.line(face.is_han, int(rng.integers(6, 30))))
        strip = set_line(text, face)
        if strip is not None:
            return strip


def _page(strips: list[Strip], degrader: Degrader) -> tuple[Gray, list[str]]:
    """(H, W) uint8, and its labels"""
    ink: NDArray[np.uint8] = np.zeros((PITCH * (len(strips) + 1), WIDTH), np.uint8)
    rows = []
    for i, strip in enumerate(strips):
        height, width = strip.ink.shape
        width = min(width, WIDTH - 2 * SIDES)
        kept = int(np.searchsorted(strip.centres, width))
        top = PITCH * i + PITCH // 2
        ink[top : top + height, SIDES : SIDES + width] = strip.ink[:, :width]
        box = np.array([SIDES, top + strip.top, SIDES + width, top + strip.bottom], float) * SHRUNK
        x0, y0, x1, y1 = (round(float(v)) for v in (*(box[:2] - 2), *(box[2:] + 2)))
        rows.append(f"{x0},{y0},{x1},{y0},{x1},{y1},{x0},{y1},{strip.text[:kept]}")
    small = cv2.resize(ink, None, fx=SHRUNK, fy=SHRUNK, interpolation=cv2.INTER_AREA)
    page = degrader.print_on_paper(small.astype(np.uint8, copy=False))
    return degrader.spoil(page, EM * SHRUNK * 0.7), rows
