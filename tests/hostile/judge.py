"""What becomes of a file under the product's own policy: inspected, then its pages decoded."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

from documents.services.uploads import decode_limits
from ocrengine.decoder.client import DecodeLimits, WorkingImage, decode_page, inspect_file
from ocrengine.decoder.forked import forked_usage
from ocrengine.errors import EngineError

MB = 1024 * 1024
HANG_SECONDS = 20
CHILD_BYTES = 1024 * MB


@dataclass(frozen=True)
class Item:
    """One entry of the catalogue."""

    id: str
    name: str
    make: Callable[[], bytes]
    expect: str
    """Outcomes allowed, with | between: "ok", a note, or the code it is refused or failed with."""
    why: str = ""
    """Where a reader might expect another outcome."""
    absent: tuple[bytes, ...] = ()
    """What the view must not hold."""
    drawn: bool = False
    """There is something on the page, and it must be seen."""
    hungry: bool = False
    """It takes all the processor time that it is given."""

    def __str__(self) -> str:
        return f"{self.id} {self.name}"


@dataclass
class Verdict:
    code: str = "ok"
    """Of the file, or of the first page that failed; a note of the file or of a page; or ok."""
    sentence: str = ""
    pages: int = 0
    seconds: float = 0.0
    """Of the slowest step: the inspection, or a page."""
    peak_bytes: int = 0
    left: list[str] = field(default_factory=list)
    """Files that a failed page left behind in its folder, beside what it was asked for."""
    views: list[bytes] = field(default_factory=list)
    sizes: list[tuple[int, int]] = field(default_factory=list)

    def agrees(self, expected: str) -> bool:
        return self.code in expected.split("|")


def judge(
    path: Path, *, most_pages: int = 2, limits: DecodeLimits | None = None, look: bool = False
) -> Verdict:
    """Inspect a file and decode its first pages, each in a folder of its own, as workers do.

    look   keep the views
    Anything raised but EngineError is a bug, and is not caught here.
    """
    limits = limits or decode_limits()
    verdict, began = Verdict(), time.monotonic()
    try:
        info = inspect_file(path, limits)
    except EngineError as error:
        verdict.code, verdict.sentence = error.code, str(error)
        info = None
    _count(verdict, began)
    if info is None:
        return verdict
    verdict.pages = len(info.pages)
    notes = list(info.notes)
    for index in range(min(most_pages, len(info.pages))):
        began = time.monotonic()
        try:
            notes += _decode(path, info.kind, index, limits, verdict, look)
        except EngineError as error:
            if verdict.code == "ok":
                verdict.code, verdict.sentence = error.code, str(error)
        _count(verdict, began)
    worth_telling = [note for note in notes if note != "reduced"]
    if verdict.code == "ok" and worth_telling:
        verdict.code = worth_telling[0]
    return verdict


def _decode(
    path: Path, kind: str, index: int, limits: DecodeLimits, verdict: Verdict, look: bool
) -> tuple[str, ...]:
    with tempfile.TemporaryDirectory(prefix="hostile-") as name:
        folder = Path(name)
        cap = settings.OCR_PROFILE.max_page_pixels
        image: WorkingImage = decode_page(
            path, kind, index, out_dir=folder, pixel_cap=cap, limits=limits
        )
        wanted = {image.path, image.view}
        verdict.left += [str(file) for file in folder.rglob("*") if file not in wanted]
        verdict.sizes.append((image.source_width, image.source_height))
        if look and image.view:
            verdict.views.append(image.view.read_bytes())
        return image.notes


def _count(verdict: Verdict, began: float) -> None:
    verdict.seconds = max(verdict.seconds, time.monotonic() - began)
    verdict.peak_bytes = max(verdict.peak_bytes, forked_usage()[1])
