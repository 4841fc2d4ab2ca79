"""Train the recogniser on lines that we render ourselves."""

from pathlib import Path
from typing import Any

from documents.management.training import TrainingCommand
from ocrengine.training.peers import Peers


class Command(TrainingCommand):
    help = (
        "Train the recogniser of the bundle 'fast' on rendered lines. Kill it whenever you like:"
        " the same command goes on where it was, with the averaged weights alone if need be."
    )
    network, unit, until = "recognizer", "lines", 3_000_000

    def look(self, path: Path, seed: int) -> None:
        from ocrengine.training import sheets  # noqa: PLC0415  heavy

        sheets.look_at_lines(path, seed)

    def train(self, options: dict[str, Any], peers: Peers) -> None:
        from ocrengine.training import recognizer, runs  # noqa: PLC0415  heavy

        weights = options["weights"] or recognizer.WEIGHTS
        recognizer.start(
            runs.Order(options["folder"], weights, options["until"], options["seed"], peers)
        )
