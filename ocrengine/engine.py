"""The engine in one process: load a bundle once, read page after page.

Heavy: importing this loads a neural runtime. Only the engine child and commands do;
everybody else talks to ocrengine.process.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrengine.bundles import get_bundle, load_bundle
from ocrengine.detect import Detector
from ocrengine.device import choose_device
from ocrengine.pipeline import PageLines, Stopwatch, read_page
from ocrengine.pooling import LinePool
from ocrengine.profiles import EngineProfile
from ocrengine.recognize import Recognizer
from ocrengine.types import Line, PageResult, Receipt


class Engine:
    """A loaded bundle under a profile; read() is a function of the image alone.

    Several threads may call read(): as many compute at once as the profile has slots, and the lines
    of their pages are read together.
    """

    def __init__(self, profile: EngineProfile, bundle: str = "accurate") -> None:
        self.profile = profile
        self.device = choose_device(profile, get_bundle(bundle).precisions)
        cv2.setNumThreads(self.device.threads)
        self.bundle = load_bundle(bundle, self.device)
        self.detector = Detector(
            self.bundle.detector, self.bundle.detector_settings, profile.tile_side
        )
        self.recognizer = Recognizer(
            self.bundle.recognizer,
            self.bundle.recognizer_settings,
            self.bundle.charset,
            profile.batch_pixels,
        )
        self.pool = LinePool(self.recognizer.read_crops, profile.slots)

    def read(
        self,
        image: NDArray[np.uint8],
        *,
        source_size: tuple[int, int] | None = None,
        notes: tuple[str, ...] = (),
        detect_only: bool = False,
        tile_side: int | None = None,
    ) -> PageResult:
        """Read one working image.

        image         (H, W, 3) uint8 RGB; may be a read-only memory map
        source_size   width and height of the page before it was reduced; polygons come back in
                      these pixels
        tile_side     smaller than the profile's, for a page that was too much at first
        """
        stopwatch = Stopwatch()
        recognizer = None if detect_only else self.recognizer
        with self.pool.page():
            lines = read_page(
                image,
                self.detector,
                recognizer,
                tile_side=tile_side,
                stopwatch=stopwatch,
                read_crops=self.pool.read,
            )
        working = (int(image.shape[1]), int(image.shape[0]))
        side = min(tile_side or self.detector.tile_side, self.detector.tile_side)
        notes = (*notes, "too_many_lines") if lines.is_cut else notes
        return self._result(lines, working, source_size or working, side, notes, stopwatch)

    def _result(  # noqa: PLR0913, PLR0917  what a receipt says
        self,
        found: PageLines,
        working: tuple[int, int],
        source: tuple[int, int],
        tile_side: int,
        notes: tuple[str, ...],
        stopwatch: Stopwatch,
    ) -> PageResult:
        factor = np.array([source[0] / working[0], source[1] / working[1]], np.float32)
        quads = (found.quads * factor).astype(np.float64).round(1).tolist()
        lines = tuple(
            Line(
                polygon=tuple((x, y) for x, y in quad),
                text=reading.text,
                confidence=round(reading.confidence, 4),
                detection_score=round(float(score), 4),
            )
            for quad, reading, score in zip(quads, found.readings, found.scores, strict=True)
        )
        receipt = Receipt(
            bundle=self.bundle.name,
            bundle_sha256=self.bundle.sha256,
            profile=self.profile.name,
            source_size=source,
            working_size=working,
            detection_scale=round(found.scale, 4),
            tiles=found.tiles,
            tile_side=tile_side,
            precision=self.device.precision,
            rotation=found.rotation,
            skew=round(found.skew, 2),
            dropped_boxes=found.dropped,
            notes=notes,
        )
        return PageResult(source[0], source[1], lines, receipt, stopwatch.seconds)
