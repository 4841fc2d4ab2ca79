"""Stub pages: decoded and read by a thread that sleeps, so that a storm is about the queue.

Everything else is the product's own: claims, leases, heartbeats, stored images, results, quotas.
The text of a page says which page it is and who read it.
"""

import random
import time
from pathlib import Path

from django.conf import settings

from documents import worker
from documents.models import Page
from documents.services import leases, recognition
from ocrengine.decoder.client import WorkingImage
from ocrengine.types import Line, PageResult, Receipt

SIDE = 16


def stub_decode(page: Page, folder: Path, should_stop: object) -> WorkingImage:
    """An image that says of which page it is, and under which lease."""
    working, view = folder / "working.npy", folder / "view.jpg"
    working.write_text(str(page.pk))
    view.write_bytes(page.pk.bytes)
    return WorkingImage(working, SIDE, SIDE, SIDE, SIDE, view)


class StubReader:
    """In place of an engine child."""

    peak_memory = 0
    pages = 2

    def __init__(self, seconds: tuple[float, float], worker: str) -> None:
        self._seconds, self._worker = seconds, worker

    def read_page(self, image: WorkingImage, **_: object) -> PageResult:
        time.sleep(random.uniform(*self._seconds))
        text = f"{image.path.read_text()} {self._worker}"
        square = ((0.0, 0.0), (SIDE, 0.0), (SIDE, SIDE), (0.0, SIDE))
        receipt = Receipt(
            bundle="stub",
            bundle_sha256="0" * 64,
            profile="stub",
            source_size=(SIDE, SIDE),
            working_size=(SIDE, SIDE),
            detection_scale=1.0,
            tiles=1,
            precision="fp32",
        )
        return PageResult(SIDE, SIDE, (Line(square, text, 1.0),), receipt)

    def close(self) -> None:
        """Nothing runs beside it."""


def install() -> None:
    """Have the worker of this process read such pages."""

    def stub_engine_for(bundle: str) -> StubReader:
        return StubReader(settings.STUB_PAGE_SECONDS, leases.worker_name())

    worker.engine_for = stub_engine_for
    recognition._decode = stub_decode
