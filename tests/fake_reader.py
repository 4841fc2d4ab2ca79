"""Readers that stand in for the engine child: one that reads, and ones that die."""

from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future
from typing import Any

from documents.services.desk import Desk
from documents.services.leases import Lease
from ocrengine.decoder.client import WorkingImage
from ocrengine.errors import EngineError
from ocrengine.types import Line, PageResult, Receipt


class FakeReader:
    """Reads the same lines in every page, or raises the next of the errors it was given."""

    peak_memory = 123_000_000
    pages = 1

    def __init__(
        self,
        texts: Iterable[str] = ("Hello", "World"),
        errors: Iterable[EngineError] = (),
        while_reading: Callable[[], None] | None = None,
    ) -> None:
        self.texts = tuple(texts)
        self.errors = list(errors)
        self.while_reading = while_reading
        self.tile_sides: list[int | None] = []
        self.detect_only: list[bool] = []
        self.alone: list[bool] = []

    def read_page(
        self,
        image: WorkingImage,
        *,
        detect_only: bool = False,
        tile_side: int | None = None,
        alone: bool = False,
        should_stop: Callable[[], bool] | None = None,
        on_wait: Callable[[], None] | None = None,
    ) -> PageResult:
        self.tile_sides.append(tile_side)
        self.alone.append(alone)
        self.detect_only.append(detect_only)
        if self.while_reading:
            self.while_reading()
        if self.errors:
            raise self.errors.pop(0)
        return PageResult(
            width=image.source_width,
            height=image.source_height,
            lines=tuple(
                Line(
                    ((10, 10 + 50 * n), (300, 10 + 50 * n), (300, 50 + 50 * n), (10, 50 + 50 * n)),
                    text,
                    0.9,
                )
                for n, text in enumerate(self.texts)
            ),
            receipt=Receipt(
                bundle="fake",
                bundle_sha256="0" * 64,
                profile="balanced",
                source_size=(image.source_width, image.source_height),
                working_size=(image.width, image.height),
                detection_scale=1.0,
                tiles=1,
                precision="fp32",
                notes=image.notes,
            ),
        )

    def close(self) -> None:
        """Nothing to close."""


class AtOnce(Executor):
    """Runs what it is given in the thread that gives it: the test's own, with its database."""

    def submit(self, run: Callable[..., Any], /, *args: Any, **options: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(run(*args, **options))
        except Exception as error:
            done.set_exception(error)
        return done


class Never(Executor):
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.given: list[tuple[Any, ...]] = []

    def submit(self, run: Callable[..., Any], /, *args: Any, **options: Any) -> Future[Any]:
        self.given.append((run, *args))
        return Future()


def read_leased(lease: Lease, reader: FakeReader, worker: str) -> None:
    """Read one leased page and settle it."""
    with Desk(worker, lambda bundle: reader, AtOnce()) as desk:
        desk.take(lease)
        desk.finish()
