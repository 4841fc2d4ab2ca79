"""Reading a folder without web, queue or database: the same decoder, the same engine.

One JSON per page: {"lines": [{"poly", "text", "conf"}, ...], "text"}, lines in reading order.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ocrengine.decoder.client import decode_page, inspect_file
from ocrengine.errors import EngineError
from ocrengine.process import EngineProcess
from ocrengine.types import PageResult


@dataclass(frozen=True)
class PageRead:
    """One page of one file: its result, or why there is none."""

    source: Path
    index: int
    page_count: int
    result: PageResult | None
    error: EngineError | None = None

    @property
    def stem(self) -> str:
        """The file's name; with the page's number when it has several."""
        suffix = f"-p{self.index + 1}" if self.page_count > 1 else ""
        return f"{self.source.stem}{suffix}"


def files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file())


def read_file(
    path: Path, engine: EngineProcess, *, detect_only: bool = False
) -> Iterator[PageRead]:
    """Every page of one file, each decoded, read and forgotten before the next."""
    try:
        info = inspect_file(path)
    except EngineError as error:
        yield PageRead(path, 0, 1, None, error)
        return
    count = len(info.pages)
    for index in range(count):
        try:
            result = _read_page(path, info.kind, index, engine, detect_only)
        except EngineError as error:
            yield PageRead(path, index, count, None, error)
        else:
            yield PageRead(path, index, count, result)


def _read_page(
    path: Path, kind: str, index: int, engine: EngineProcess, detect_only: bool
) -> PageResult:
    with tempfile.TemporaryDirectory(prefix="page-") as folder:
        image = decode_page(
            path,
            kind,
            index,
            out_dir=Path(folder),
            pixel_cap=engine.profile.max_page_pixels,
        )
        return engine.read_page(image, detect_only=detect_only)


def as_prediction(result: PageResult) -> dict[str, Any]:
    """The scorer's schema; coordinates in the upright page's own pixels."""
    return {
        "lines": [
            {
                "poly": [list(point) for point in line.polygon],
                "text": line.text,
                "conf": line.confidence,
            }
            for line in result.lines
        ],
        "text": result.text,
        "receipt": result.to_dict()["receipt"],
        "seconds": result.seconds,
    }


def write_prediction(page: PageRead, out: Path) -> None:
    if page.result is not None:
        text = json.dumps(as_prediction(page.result), ensure_ascii=False)
        (out / f"{page.stem}.json").write_text(text, encoding="utf-8")
