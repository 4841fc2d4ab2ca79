"""Write a bundle's networks as ONNX files."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ocrengine.errors import BundleError


class Command(BaseCommand):
    help = (
        "Write the networks of the bundle 'fast', or of a folder, as ONNX files, each compared with"
        " torch's answers before it appears. Into the bundle's own folder, where the engine runs"
        " them without torch; or into another, for other programs."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--bundle", default="fast", help="fast, or a folder")
        parser.add_argument("--out", type=Path, help="another folder than the bundle's own")
        parser.add_argument(
            "--int8",
            action="store_true",
            help="8-bit forms into the bundle's own folder, calibrated on rendered pages and lines;"
            " needs the fonts and texts of a training",
        )
        parser.add_argument(
            "--fixed",
            action="store_true",
            help="a detector for --height and --width alone, for other programs",
        )
        for side in ("--height", "--width"):
            parser.add_argument(
                side,
                type=int,
                default=settings.OCR_PROFILE.tile_side,
                help="of the pages that the detector is traced and compared with: 320 to 1536"
                " pixels, a multiple of 32 (default: the profile's tiles, %(default)s)",
            )

    def handle(self, *args: Any, **options: Any) -> None:
        from ocrengine import export  # noqa: PLC0415  heavy

        size = options["height"], options["width"]
        try:
            folder = export.folder_of(options["bundle"])
            if options["int8"]:
                self._quantize(folder)
                return
            written = export.export_bundle(
                folder, options["out"] or folder, size, fixed=options["fixed"]
            )
        except BundleError as error:
            raise CommandError(str(error)) from error
        for file in written:
            self.stdout.write(
                f"{file.path}: {file.takes} float32, {file.path.stat().st_size / 1e6:.1f} MB,"
                f" differs from torch by {file.difference:.1e} at most"
            )

    def _quantize(self, folder: Path) -> None:
        from ocrengine.training import lines, quantize  # noqa: PLC0415  heavy

        for file in quantize.quantize_bundle(folder, lines.Material.installed()):
            self.stdout.write(
                f"{file.path}: {file.path.stat().st_size / 1e6:.1f} MB, agrees with fp32 on"
                f" {file.agreement:.1%}"
            )
