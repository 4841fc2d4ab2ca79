"""Train the detector on pages that we render ourselves."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from documents.management.training import TrainingCommand
from ocrengine.training.peers import Peers


class Command(TrainingCommand):
    help = (
        "Train the detector of the bundle 'fast' on rendered pages. Kill it whenever you like:"
        " the same command goes on where it was, with the averaged weights alone if need be."
    )
    network, unit, until = "detector", "pages", 60_000

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--side", type=int, default=512, help="pixels of a page's side")
        parser.add_argument(
            "--trunk", default="resnet18", help="resnet18, mobilenetv3-small or shufflenetv2"
        )

    def look(self, path: Path, seed: int) -> None:
        from ocrengine.training import sheets  # noqa: PLC0415  heavy

        sheets.look_at_pages(path, seed)

    def train(self, options: dict[str, Any], peers: Peers) -> None:
        from ocrengine.nets.dbnet import TRUNKS, DbConfig  # noqa: PLC0415  heavy
        from ocrengine.training import detector, runs  # noqa: PLC0415

        if options["trunk"] not in TRUNKS:
            raise CommandError(f"There is no trunk of that name; choose one of {TRUNKS}.")

        weights = options["weights"] or detector.WEIGHTS
        order = runs.Order(options["folder"], weights, options["until"], options["seed"], peers)
        detector.start(order, options["side"], DbConfig(trunk=options["trunk"]))
