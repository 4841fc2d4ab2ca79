"""Train the detector on pages that we render ourselves."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

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
        parser.add_argument("--width", type=int, default=32, help="channels of ResNet-18's first")
        parser.add_argument("--neck", type=int, default=96, help="channels of the pyramid")
        parser.add_argument(
            "--prune", type=Path, metavar="CHECKPOINT", help="start from its strongest channels"
        )

    def look(self, path: Path, seed: int) -> None:
        from ocrengine.training import sheets  # noqa: PLC0415  heavy

        sheets.look_at_pages(path, seed)

    def train(self, options: dict[str, Any], peers: Peers) -> None:
        from ocrengine.nets.dbnet import DbConfig  # noqa: PLC0415  heavy
        from ocrengine.training import detector, runs  # noqa: PLC0415

        weights = options["weights"] or detector.WEIGHTS
        order = runs.Order(options["folder"], weights, options["until"], options["seed"], peers)
        config = DbConfig(options["width"], options["neck"])
        detector.start(order, options["side"], config, options["prune"])
