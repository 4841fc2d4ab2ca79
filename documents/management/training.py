"""What both training commands ask and say."""

import signal
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ocrengine.errors import BundleError
from ocrengine.memory import usable_cores
from ocrengine.training.peers import Peers, divide

GPU = Path("/dev/nvidiactl")
"""There where NVIDIA's driver is; torch may not be asked before processes divide."""


class TrainingCommand(BaseCommand):
    """A subclass names its network, what it sees, and how to look at it and train it."""

    requires_system_checks = []
    network: str
    unit: str
    until: int

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--until", type=int, default=self.until, help=f"{self.unit} seen in all"
        )
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument(
            "--folder",
            type=Path,
            default=Path.home() / "ocr-training" / self.network,
            help="of the optimizer's state, the history and the plots",
        )
        parser.add_argument(
            "--processes",
            type=int,
            default=1 if GPU.exists() else usable_cores(),
            help="that train it together, a core each (default: %(default)s; every core, or one"
            " process where there is an NVIDIA GPU)",
        )
        parser.add_argument("--weights", type=Path, help="where the averaged weights land")
        parser.add_argument(
            "--look", type=Path, metavar="PNG", help=f"write a sheet of {self.unit}, then stop"
        )
        parser.add_argument(
            "--packages", action="store_true", help="name the system packages that are used"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["packages"]:
            from ocrengine.training import corpus, fonts  # noqa: PLC0415  heavy

            self.stdout.write(f"{fonts.PACKAGES} {corpus.PACKAGES}")
            return
        try:
            if options["look"]:
                self.look(options["look"], options["seed"])
            else:
                peers = divide(options["processes"])
                if peers.is_first:
                    # A polite kill is a Ctrl-C: what was learned since the last save is kept.
                    signal.signal(signal.SIGTERM, signal.default_int_handler)
                self.train(options, peers)
        except KeyboardInterrupt:
            self.stdout.write("Stopped; the same command goes on from here.")
        except BundleError as error:
            raise CommandError(str(error)) from error

    def look(self, path: Path, seed: int) -> None:
        raise NotImplementedError

    def train(self, options: dict[str, Any], peers: Peers) -> None:
        raise NotImplementedError
