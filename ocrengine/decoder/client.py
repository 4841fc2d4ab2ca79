"""Untrusted bytes -> facts and working images, each by a child that is thrown away afterwards.

Standard library only, so that a web process can inspect an upload without loading a decoder. The
child gets the file as its standard input, an empty environment, a private folder, limits and a
wall clock; when it is done, or not, its whole process group is killed.
"""

from __future__ import annotations

import contextlib
import json
import resource
import signal
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ocrengine.decoder.forked import (
    MAX_ANSWER,
    ForkedChild,
    ServerDied,
    forked_usage,
    nursery,
)
from ocrengine.decoder.headers import plain_size
from ocrengine.decoder.sniffing import HEAD_BYTES, MIME, kind_of, looks_like
from ocrengine.errors import (
    Cancelled,
    DecoderCrashed,
    DecoderDiskFull,
    DecoderFailed,
    DecoderOutOfMemory,
    DecoderTimeout,
    FileRefused,
)

MB = 1024 * 1024
CHILD = Path(__file__).with_name("child.py")
POLL_SECONDS = 0.2
TRIES = 2
"""A server that is killed, or ends for want of work just then, is not the file's fault."""


@dataclass(frozen=True)
class DecodeLimits:
    """What a file may be, and what its child may use."""

    max_bytes: int = 100 * MB
    max_pages: int = 500
    max_side: int = 30_000
    max_pixels: int = 80_000_000
    max_pixels_streamed: int = 200_000_000
    """JPEG, and TIFF that can be read by strips: decoded reduced, so that pixels cost less."""
    pdf_dpi: int = 200
    memory_bytes: int = 1024 * MB
    cpu_seconds: int = 15
    """The slowest honest page seen, of 200 megapixels, took 5."""
    wall_seconds: float = 18.0
    """A page of 200 megapixels takes 4 on a quiet machine."""
    file_bytes: int = 256 * MB
    """What the child may write to one file: a 40 megapixel working image is 120 MB."""


@dataclass(frozen=True)
class PageInfo:
    """Pixels of the upright page; of a PDF's page, at the resolution it will be rendered at."""

    width: int
    height: int


@dataclass(frozen=True)
class FileInfo:
    kind: str
    mime: str
    size_bytes: int
    pages: tuple[PageInfo, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class WorkingImage:
    """What the engine reads: RGB uint8 (height, width, 3) as .npy; and a view for screens,
    where one was asked for."""

    path: Path
    width: int
    height: int
    source_width: int
    source_height: int
    view: Path | None = None
    notes: tuple[str, ...] = ()

    @property
    def reduced(self) -> bool:
        return (self.width, self.height) != (self.source_width, self.source_height)


def inspect_file(path: Path, limits: DecodeLimits | None = None) -> FileInfo:
    """Kind, pages and sizes of an upload, from its bytes and headers.

    Raises FileRefused with a code of its own for whatever shows at once: empty, wrong kind, too
    large, too many pixels or pages, encrypted, cut.
    """
    limits = limits or DecodeLimits()
    size = path.stat().st_size
    if size == 0:
        raise FileRefused("empty_file")
    if size > limits.max_bytes:
        sizes = {"size_mb": f"{size / MB:.1f}", "limit_mb": f"{limits.max_bytes / MB:.0f}"}
        raise FileRefused("file_too_large", **sizes)
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    kind = kind_of(head)
    if kind is None:
        raise FileRefused("unsupported_type", looks_like=looks_like(head))
    plain = plain_size(kind, path)
    if plain is not None and _is_within(plain, kind, limits):
        return FileInfo(kind, MIME[kind], size, (PageInfo(*plain),))
    answer = _run(path, {"do": "inspect", "kind": kind}, limits, None, None)
    pages = tuple(PageInfo(*page) for page in answer["pages"])
    return FileInfo(kind, MIME[kind], size, pages, tuple(answer["notes"]))


def _is_within(size: tuple[int, int], kind: str, limits: DecodeLimits) -> bool:
    """Whether the child would have no objection to that many pixels."""
    allowed = limits.max_pixels_streamed if kind == "jpeg" else limits.max_pixels
    return size[0] * size[1] <= allowed and max(size) <= limits.max_side


def decode_page(  # noqa: PLR0913  what varies from page to page
    path: Path,
    kind: str,
    index: int,
    *,
    out_dir: Path,
    pixel_cap: int,
    view_side: int = 1600,
    limits: DecodeLimits | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> WorkingImage:
    """Write the working image and the view image of one page into `out_dir`.

    pixel_cap   pixels up to which the page keeps its native size; it is reduced above that
    view_side   longest side of the view image; 0: none is wanted

    Raises FileRefused, DecoderTimeout, DecoderOutOfMemory, DecoderCrashed, DecoderDiskFull,
    Cancelled.
    """
    limits = limits or DecodeLimits()
    order = {
        "do": "decode",
        "kind": kind,
        "index": index,
        "pixel_cap": pixel_cap,
        "view_side": view_side,
    }
    answer = _run(path, order, limits, out_dir, should_stop)
    path, view = out_dir / answer.pop("path"), answer.pop("view")
    notes = tuple(answer.pop("notes"))
    return WorkingImage(path, **answer, view=out_dir / view if view else None, notes=notes)


def _run(
    path: Path,
    order: dict[str, Any],
    limits: DecodeLimits,
    out_dir: Path | None,
    should_stop: Callable[[], bool] | None,
) -> dict[str, Any]:
    order = order | {"limits": asdict(limits), "out_dir": str(out_dir or "")}
    for _ in range(TRIES):
        with path.open("rb") as file, contextlib.suppress(ServerDied):
            child = nursery(CHILD).order(json.dumps(order), file)
            try:
                _hear_out(child, limits, should_stop)
                return _answer_of(child)
            except DecoderFailed as error:
                error.exit_status = child.status
                raise
    raise DecoderCrashed("the process that starts decoders was killed twice")


def _hear_out(
    child: ForkedChild, limits: DecodeLimits, should_stop: Callable[[], bool] | None
) -> None:
    """Until it has ended, by itself or because its time is over."""
    try:
        _wait(child, limits, should_stop)
    finally:
        child.end()


def _wait(child: ForkedChild, limits: DecodeLimits, should_stop: Callable[[], bool] | None) -> None:
    deadline = time.monotonic() + limits.wall_seconds
    while child.status is None and len(child.output) <= MAX_ANSWER:
        child.listen(POLL_SECONDS)
        if time.monotonic() > deadline and child.status is None:
            raise DecoderTimeout(f"over {limits.wall_seconds:.0f} s")
        if child.status is None and should_stop is not None and should_stop():
            raise Cancelled


def _answer_of(child: ForkedChild) -> dict[str, Any]:
    status = child.status
    if status in (-signal.SIGXCPU, -signal.SIGALRM):
        raise DecoderTimeout("processor time ran out")
    try:
        answer: dict[str, Any] = json.loads(bytes(child.output[:MAX_ANSWER]))
    except ValueError:
        # pdfium aborts when it is refused memory, and no handler of ours can catch that.
        if status == -signal.SIGABRT:
            raise DecoderOutOfMemory("aborted under its memory limit") from None
        raise DecoderCrashed(f"ended with status {status} and no answer") from None
    if "refused" in answer:
        raise FileRefused(answer["refused"], **answer["params"])
    if "memory" in answer:
        raise DecoderOutOfMemory(answer["memory"])
    if "disk" in answer:
        raise DecoderDiskFull(answer["disk"])
    return answer


def children_usage() -> tuple[float, int]:
    """Processor seconds and peak resident bytes of this process's ended children, decoders
    among them."""
    seconds, peak = forked_usage()
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime + seconds, max(usage.ru_maxrss * 1024, peak)
