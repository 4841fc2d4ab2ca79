"""Reading a folder without web, queue or database: the same decoder, the same engine.

One JSON per page: {"lines": [{"poly", "text", "conf"}, ...], "text"}, lines in reading order.
"""

from __future__ import annotations

import json
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from ocrengine.decoder.client import decode_page, inspect_file
from ocrengine.errors import EngineError
from ocrengine.process import EngineProcess
from ocrengine.types import PageResult

AHEAD = 2
"""Pages begun for each that is read at a time, before the first of them is asked for."""


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


def read_files(
    paths: Iterable[Path],
    engines: Sequence[EngineProcess],
    *,
    detect_only: bool = False,
    at_once: int | None = None,
) -> Iterator[PageRead]:
    """Every page of every file, in their order; each engine has as many pages at a time as it
    takes, and each page is decoded by a child of its own while others are read."""
    idle: SimpleQueue[EngineProcess] = SimpleQueue()
    # In turns: two pages are one for each of two engines, not both for the first.
    for _ in range(max(engine.pages for engine in engines)):
        for engine in engines:
            idle.put(engine)
    at_once = at_once or idle.qsize()

    def read(page: Callable[[EngineProcess], PageRead]) -> PageRead:
        engine = idle.get()
        try:
            return page(engine)
        finally:
            idle.put(engine)

    with ThreadPoolExecutor(at_once) as threads:
        ahead: deque[Future[PageRead]] = deque()
        for page in _pages_of(paths, detect_only):
            ahead.append(threads.submit(read, page))
            while len(ahead) > AHEAD * at_once:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def read_file(
    path: Path, engine: EngineProcess, *, detect_only: bool = False
) -> Iterator[PageRead]:
    """Every page of one file, each decoded, read and forgotten before the next."""
    for page in _pages_of([path], detect_only):
        yield page(engine)


def _pages_of(
    paths: Iterable[Path], detect_only: bool
) -> Iterator[Callable[[EngineProcess], PageRead]]:
    """What reads each page, given an engine; a file that is refused is one page with its error."""
    for path in paths:
        try:
            info = inspect_file(path)
        except EngineError as error:
            yield partial(_refused, PageRead(path, 0, 1, None, error))
            continue
        count = len(info.pages)
        for index in range(count):
            yield partial(_read, PageRead(path, index, count, None), info.kind, detect_only)


def _refused(page: PageRead, engine: EngineProcess) -> PageRead:
    return page


def _read(page: PageRead, kind: str, detect_only: bool, engine: EngineProcess) -> PageRead:
    try:
        return replace(page, result=_read_page(page.source, kind, page.index, engine, detect_only))
    except EngineError as error:
        return replace(page, error=error)


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
            view_side=0,
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
