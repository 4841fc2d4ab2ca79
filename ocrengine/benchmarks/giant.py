"""Sheets far larger than a page: is 8-point print on them read, in what time and memory?"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ocrengine.benchmarks.accuracy import cpu_of
from ocrengine.decoder.client import children_usage, decode_page, inspect_file
from ocrengine.errors import EngineError
from ocrengine.process import EngineProcess
from ocrengine.profiles import MB, EngineProfile
from ocrengine.training.scores import edit_distance
from ocrengine.types import Line, PageResult

EM, LEADING = 33, 40
"""8 points at 300 dots per inch, set as tightly as books are, in pixels"""
_TEXT = (
    "the harbour office keeps every plan of the old quay and each survey since the first stone was"
    " laid a map shows water depth at low tide with bearings taken from the north tower engineers"
    " compare these records before any repair begins because settled ground moves slowly and cracks"
    " in masonry follow the line of buried timber below level three of section nine visitors may"
    " study copies on request between morning and evening but originals stay in their cabinet under"
    " lock with constant dry air and little light"
)


@dataclass(frozen=True)
class Sheet:
    """How a sheet is laid out; lengths in pixels."""

    name: str
    width: int
    height: int
    columns: int
    margin: int = 200
    gutter: int = 120


SHEETS = (
    Sheet("A0, eight columns", 10_000, 14_000, 8),
    Sheet("A0, lines across", 10_000, 14_000, 1),
    Sheet("strip", 400, 20_000, 1, margin=20),
)


@dataclass(frozen=True)
class Printed:
    left: int
    top: int
    right: int
    text: str


@dataclass(frozen=True)
class Giant:
    """One engine on one sheet."""

    sheet: str
    engine: str
    characters: int
    size: tuple[int, int]
    """Width and height that were read, after the page was reduced"""
    by_line: float
    """Character error rate, each printed line against what was read in its place"""
    in_order: float
    """Character error rate of the whole text in the engine's own order"""
    seconds: float
    cpu_seconds: float
    decoder_peak: int
    """bytes, of any decoder so far"""
    engine_peak: int


def draw_sheet(sheet: Sheet, seed: int = 1) -> tuple[Image.Image, list[Printed]]:
    """The sheet full of sentences, and its lines in reading order."""
    page = Image.new("RGB", (sheet.width, sheet.height), "white")
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(EM)
    words = _sentences(np.random.default_rng(seed))
    inner = sheet.width - 2 * sheet.margin
    width = (inner - (sheet.columns - 1) * sheet.gutter) // sheet.columns
    lines, word = [], next(words)
    for column in range(sheet.columns):
        left = sheet.margin + column * (width + sheet.gutter)
        for top in range(sheet.margin, sheet.height - sheet.margin - LEADING, LEADING):
            text = word
            while font.getlength(f"{text} {(word := next(words))}") <= width:
                text = f"{text} {word}"
            pen.text((left, top), text, font=font, fill="black")
            lines.append(Printed(left, top, left + width, text))
    return page, lines


def _sentences(rng: np.random.Generator) -> Iterator[str]:
    """Words without end, with numbers, commas and full stops among them."""
    known = _TEXT.split()
    while True:
        words = [known[i] for i in rng.integers(0, len(known), rng.integers(6, 16))]
        words[2] = f"{rng.integers(1, 9_999):,}"
        words[4] += ","
        yield from (words[0].capitalize(), *words[1:-1], f"{words[-1]}.")


def write_sheets(folder: Path, sheets: Sequence[Sheet]) -> None:
    """<name>.jpg and <name>.json, its lines, of each."""
    for sheet in sheets:
        page, lines = draw_sheet(sheet)
        page.save(folder / f"{sheet.name}.jpg", quality=85, dpi=(300, 300))
        text = json.dumps([vars(line) for line in lines])
        (folder / f"{sheet.name}.json").write_text(text)


def measure(
    bundles: Sequence[str], profiles: Sequence[EngineProfile], sheets: Sequence[Sheet] = SHEETS
) -> Iterator[Giant | str]:
    """Each sheet by each engine, loading included; or what became of it."""
    with (
        tempfile.TemporaryDirectory(prefix="sheets-") as name,
        # Who draws stays until the end: the peak of this process's children is that of decoders
        # only as long as no larger child has ended, nor was this process itself larger.
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as drawing,
    ):
        drawing.submit(write_sheets, Path(name), sheets).result()
        for path in sorted(Path(name).glob("*.jpg")):
            for bundle in bundles:
                for profile in profiles:
                    try:
                        yield measure_one(path, profile.override(threads=1), bundle)
                    except EngineError as error:
                        yield f"{path.stem}, {bundle}, {profile.name}: {error.code} ({error})"


def measure_one(path: Path, profile: EngineProfile, bundle: str) -> Giant:
    """Raises EngineError when it cannot be read within the profile's limits."""
    printed = [Printed(**line) for line in json.loads(path.with_suffix(".json").read_text())]
    started, decoding = time.monotonic(), children_usage()[0]
    with (
        tempfile.TemporaryDirectory(prefix="page-") as out,
        EngineProcess(profile, bundle) as engine,
    ):
        kind = inspect_file(path).kind
        cap = profile.max_page_pixels
        image = decode_page(path, kind, 0, out_dir=Path(out), pixel_cap=cap)
        decoded, decoder_peak = children_usage()
        result = engine.read_page(image)
        seconds = time.monotonic() - started
        assert engine.pid is not None
        cpu_seconds = decoded - decoding + cpu_of(engine.pid)
        engine_peak = engine.peak_memory
    return Giant(
        path.stem,
        f"{bundle}, {profile.name}",
        sum(len(line.text) for line in printed),
        (image.width, image.height),
        error_by_line(printed, result.lines),
        error_in_order(printed, result),
        seconds,
        cpu_seconds,
        decoder_peak,
        engine_peak,
    )


def error_by_line(printed: Sequence[Printed], read: Sequence[Line]) -> float:
    """Edits per printed character; what was read where nothing is printed counts as invented."""
    left, top, right = (
        np.array([getattr(p, k) for p in printed]) for k in ("left", "top", "right")
    )
    found: list[list[tuple[float, str]]] = [[] for _ in printed]
    edits = 0
    for line in read:
        x, y = np.mean(line.polygon, axis=0)
        there = (left <= x) & (x < right) & (top <= y) & (y < top + LEADING)
        if there.any():
            found[int(there.argmax())].append((x, line.text))
        else:
            edits += len(line.text)
    for truth, parts in zip(printed, found, strict=True):
        edits += edit_distance(truth.text, " ".join(text for _, text in sorted(parts)))
    return edits / sum(len(truth.text) for truth in printed)


def error_in_order(printed: Sequence[Printed], result: PageResult) -> float:
    truth = " ".join(line.text for line in printed)
    return edit_distance(truth, " ".join(line.text for line in result.lines)) / len(truth)


def table(measured: Sequence[Giant]) -> str:
    lines = [
        "| sheet | engine | characters | read at | CER by line | CER in order | seconds | CPU s"
        " | decoder's peak MB | engine's peak MB |",
        "|---" * 10 + "|",
    ]
    lines += [
        f"| {row.sheet} | {row.engine} | {row.characters:,} | {row.size[0]:,} x {row.size[1]:,}"
        f" | {row.by_line:.2%} | {row.in_order:.2%} | {row.seconds:.0f} | {row.cpu_seconds:.0f}"
        f" | {row.decoder_peak // MB} | {row.engine_peak // MB} |"
        for row in measured
    ]
    return "\n".join(lines)
