"""Lines that people have labelled: from a data set, from ICDAR's text files, from our own export.

<folder>/images/*  <folder>/gt/<stem>.json     {"image", "lines": [{"poly", "text"}], ...}
<folder>/images/*  <folder>/gt/gt_<stem>.txt   x1,y1,x2,y2,x3,y3,x4,y4,text   (ICDAR 2015)
<folder>/*.json    beside the original that its "title" names                (our export)
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrengine.crops import cut_line
from ocrengine.decoder.client import decode_page, inspect_file
from ocrengine.errors import BundleError

Picture = NDArray[np.uint8]
ALL_PIXELS = 80_000_000
UNREADABLE = "###"
"""ICDAR's mark for text that nobody could read."""


@dataclass(frozen=True)
class Label:
    quad: NDArray[np.float32] | None
    """(4, 2) clockwise from top left; None: the whole picture is the line"""
    text: str


@dataclass(frozen=True)
class LabelledPage:
    path: Path
    index: int
    labels: list[Label]
    subset: str = ""
    fold: bool = False
    """Case and blanks were not kept by who labelled it."""
    name: str = field(default="")

    def crops(self, height: int) -> Iterator[tuple[Picture, str]]:
        """(height, w, 3) uint8 RGB and its text, line by line."""
        if not self.labels:
            return
        picture = decode(self.path, self.index)
        tall, wide = picture.shape[:2]
        whole = np.array([[0, 0], [wide, 0], [wide, tall], [0, tall]], np.float32)
        for label in self.labels:
            quad = whole if label.quad is None else label.quad
            yield cut_line(picture, quad, height), label.text


def decode(path: Path, index: int = 0) -> Picture:
    """(H, W, 3) RGB, upright, by the decoder child as everywhere."""
    with tempfile.TemporaryDirectory(prefix="page-") as folder:
        kind = inspect_file(path).kind
        image = decode_page(path, kind, index, out_dir=Path(folder), pixel_cap=ALL_PIXELS)
        picture: Picture = np.load(image.path)
        return picture


def quad_of(polygon: list[list[float]]) -> NDArray[np.float32]:
    """Four corners, clockwise from top left; of more points, the smallest rectangle around."""
    points = np.array(polygon, np.float32)
    return points if len(points) == 4 else cv2.boxPoints(cv2.minAreaRect(points))


def labelled_pages(folder: Path) -> list[LabelledPage]:
    """Every labelled page of a folder, by name; BundleError when there is none."""
    pages = [*_data_set(folder), *_icdar(folder), *_exports(folder)]
    if not pages:
        raise BundleError(f"{folder} holds no labelled pages: no gt folder, no exported JSON")
    return pages


def _data_set(folder: Path) -> Iterator[LabelledPage]:
    for path in sorted((folder / "gt").glob("*.json")):
        truth = json.loads(path.read_text("utf-8"))
        labels = [
            Label(quad_of(line["poly"]), line["text"])
            for line in truth.get("lines", [])
            if line["text"].strip() and not line.get("ignore") and len(line["poly"]) >= 4
        ]
        if not labels and truth.get("level") == "line":
            labels = [Label(None, truth["text"])]
        fold = not truth.get("case_sensitive", True)
        image = folder / "images" / truth["image"]
        yield LabelledPage(image, 0, labels, truth.get("subset", folder.name), fold, path.stem)


def _icdar(folder: Path) -> Iterator[LabelledPage]:
    images = {path.stem: path for path in (folder / "images").glob("*")}
    for path in sorted((folder / "gt").glob("*.txt")):
        image = images.get(path.stem.removeprefix("gt_"))
        if image is None:
            raise BundleError(f"{path.name} has no picture of its name in images")
        rows = path.read_text("utf-8-sig").splitlines()
        labels = [_icdar_label(row, path.name) for row in rows if row.strip()]
        kept = [label for label in labels if label.text.strip() and label.text != UNREADABLE]
        yield LabelledPage(image, 0, kept, folder.name, name=path.stem)


def _icdar_label(row: str, name: str) -> Label:
    parts = row.split(",", 8)
    try:
        corners = np.array([float(part) for part in parts[:8]], np.float32).reshape(4, 2)
        return Label(corners, parts[8])
    except (ValueError, IndexError) as error:
        raise BundleError(f"{name}: not 'x1,y1,...,x4,y4,text': {row[:60]}") from error


def _exports(folder: Path) -> Iterator[LabelledPage]:
    for path in sorted(folder.glob("*.json")):
        document: dict[str, Any] = json.loads(path.read_text("utf-8"))
        if "pages" not in document:
            continue
        original = folder / str(document["title"])
        if original.parent != folder or not original.is_file():
            raise BundleError(f"{path.name} names {original.name}, which does not lie beside it")
        for page in document["pages"]:
            labels = [
                Label(quad_of(line["polygon"]), line["text"])
                for line in page["lines"]
                if line["text"].strip()
            ]
            number = int(page["number"])
            name = f"{path.stem}-p{number}"
            yield LabelledPage(original, number - 1, labels, folder.name, name=name)
