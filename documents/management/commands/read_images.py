"""Read a folder of images from the shell: the same engine, without web or queue."""

import sys
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ocrengine import get_profile
from ocrengine.errors import BundleError
from ocrengine.folder import PageRead, files_of, read_file, write_prediction
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
        parser.add_argument("--detect-only", action="store_true", help="outlines, no text")

    def handle(self, *args: Any, **options: Any) -> None:
        folder: Path = options["folder"]
        if not folder.is_dir():
            raise CommandError(f"{folder} is not a folder.")
        options["out"].mkdir(parents=True, exist_ok=True)
        profile = settings.OCR_PROFILE
        if options["profile"]:
            profile = get_profile(options["profile"])
        # One process reads here, so that it may have the cores that workers would share.
        profile = profile.override(threads=profile.threads or settings.OCR_CORES)
        sources = files_of(folder)
        started, failed = time.monotonic(), 0
        with EngineProcess(profile, options["bundle"]) as engine:
            for done, source in enumerate(sources, start=1):
                for page in read_file(source, engine, detect_only=options["detect_only"]):
                    failed += self._settle(page, options["out"])
                self._progress(done, len(sources), started)
        self.stdout.write(
            f"{len(sources)} files in {time.monotonic() - started:.1f} s, {failed} pages failed;"
            f" peak memory of the engine {engine.peak_memory // 2**20} MB."
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
