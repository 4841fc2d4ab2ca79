"""Score a bundle's recogniser on real lines."""

import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ocrengine import BALANCED
from ocrengine.errors import EngineError


class Command(BaseCommand):
    help = (
        "Character error rate on the annotated lines of DATA/<set>/{images,gt}, by subset; without"
        " --data, scores of the bundle 'fast' on rendered lines and pages that no training sees."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--data", type=Path, help="folder of <set>/images, gt")
        parser.add_argument("--sets", help="names, with commas; default: every one there is")
        parser.add_argument(
            "--bundle", help="a name, or a folder; default: the one in force, without --data 'fast'"
        )
        parser.add_argument(
            "--precision", default="fp32", help="without --data: fp32, bf16 or int8"
        )
        parser.add_argument("--limit", type=int, help="lines of each subset")
        parser.add_argument(
            "--fine-tuning",
            metavar="FAMILIES",
            help="try fine_tune on rendered pages in each of these typefaces, which no training"
            " sees: 'IBM 3270,AR PL KaitiM Big5'",
        )
        parser.add_argument("--worst", type=Path, help="folder for pictures of the worst lines")

    def handle(self, *args: Any, **options: Any) -> None:
        from ocrengine.training import evaluate  # noqa: PLC0415  heavy

        if options["fine_tuning"]:
            self._try_fine_tuning(options["fine_tuning"].split(","))
            return
        if options["data"] is None:
            self._score_rendered(options["bundle"] or "fast", options["precision"])
            return
        data: Path = options["data"]
        there = sorted(path.parent.name for path in data.glob("*/gt"))
        if not there:
            raise CommandError(f"{data} holds no <set>/gt.")
        sets = options["sets"].split(",") if options["sets"] else there
        found = {}
        profile = BALANCED.override(device="cpu", threads=1)
        try:
            for name, scores in evaluate.evaluate(
                data, sets, options["bundle"] or settings.OCR_BUNDLE, profile, options["limit"]
            ):
                found[name] = scores
                self.stderr.write(f"{name} done")
        except EngineError as error:
            raise CommandError(str(error)) from error
        if options["worst"]:
            options["worst"].mkdir(parents=True, exist_ok=True)
            for name, scores in found.items():
                for subset, score in scores.items():
                    path = options["worst"] / f"{name}-{subset}.png"
                    evaluate.worst_sheet(score.worst(20), path)
        self.stdout.write(evaluate.table(found))

    def _score_rendered(self, bundle: str, precision: str) -> None:
        from ocrengine.training import evaluate  # noqa: PLC0415  heavy

        try:
            scores = evaluate.rendered(bundle, precision)
        except EngineError as error:
            raise CommandError(str(error)) from error
        for name, score in scores.items():
            self.stdout.write(f"{name:12} {score:.4f}")

    def _try_fine_tuning(self, families: list[str]) -> None:
        from ocrengine.training import lines, recognizer, trial  # noqa: PLC0415  heavy

        try:
            material = lines.Material.installed(held_out=True)
            faces = trial.unseen_faces(material, families)
        except EngineError as error:
            raise CommandError(str(error)) from error
        self.stdout.write("| typeface | own CER | general CER | seconds | peak MB |")
        self.stdout.write("|---|---|---|---|---|")
        for face in faces:
            with tempfile.TemporaryDirectory(prefix="trial-") as folder:
                found = trial.run_trial(face, recognizer.WEIGHTS, Path(folder))
            before, after = found.report.before, found.report.after
            self.stdout.write(
                f"| {found.family} | {before.own:.4f} to {after.own:.4f}"
                f" | {before.general:.4f} to {after.general:.4f}"
                f" | {found.seconds:.0f} | {found.peak_mb} |"
            )
