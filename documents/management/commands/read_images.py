"""Read a folder of images from the shell: the same engine, without web or queue."""

import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ocrengine import get_profile
from ocrengine.errors import BundleError
from ocrengine.folder import PageRead, files_of, read_files, write_prediction
from ocrengine.process import EngineProcess
from ocrengine.profiles import PROFILES


class Command(BaseCommand):
    help = "Read every image and PDF of FOLDER; write one JSON per page into --out."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--out", type=Path, required=True)
        parser.add_argument("--bundle", default=settings.OCR_BUNDLE)
        parser.add_argument("--profile", choices=list(PROFILES))
        parser.add_argument(
            "--processes", type=int, help="engines at the same time; default: as the profile says"
        )
        parser.add_argument("--detect-only", action="store_true", help="outlines, no text")

    def handle(self, *args: Any, **options: Any) -> None:
        folder: Path = options["folder"]
        if not folder.is_dir():
            raise CommandError(f"{folder} is not a folder.")
        options["out"].mkdir(parents=True, exist_ok=True)
        profile = settings.OCR_PROFILE
        if options["profile"]:
            profile = get_profile(options["profile"])
        count = options["processes"] or profile.workers
        profile = profile.override(workers=count)  # which share the cores
        sources = files_of(folder)
        started, failed = time.monotonic(), 0
        with ExitStack() as stack:
            engines = [
                stack.enter_context(EngineProcess(profile, options["bundle"])) for _ in range(count)
            ]
            for page in read_files(sources, engines, detect_only=options["detect_only"]):
                failed += self._settle(page, options["out"])
                self._progress(sources.index(page.source) + 1, len(sources), started)
            peak = max(engine.peak_memory for engine in engines) // 2**20
        self.stdout.write(
            f"{len(sources)} files in {time.monotonic() - started:.1f} s, {failed} pages failed;"
            f" peak memory of an engine {peak} MB."
        )
        if failed:
            raise CommandError(f"{failed} pages could not be read; their reasons stand above.")

    def _settle(self, page: PageRead, out: Path) -> int:
        if isinstance(page.error, BundleError):
            raise CommandError(str(page.error))
        if page.error is not None:
            self.stderr.write(f"{page.source.name}: {page.error.code}: {page.error}")
            return 1
        write_prediction(page, out)
        return 0

    def _progress(self, done: int, total: int, started: float) -> None:
        if not sys.stderr.isatty():
            return
        filled = round(30 * done / total)
        rate = done / max(time.monotonic() - started, 1e-3)
        bar = "#" * filled + "-" * (30 - filled)
        sys.stderr.write(f"\r[{bar}] {done}/{total}  {rate:.2f} files/s ")
        if done == total:
            sys.stderr.write("\n")
        sys.stderr.flush()
