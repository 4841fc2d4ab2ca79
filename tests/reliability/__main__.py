"""python -m tests.reliability TRIAL [options]: each trial is a module here with a `main(argv)`."""

from __future__ import annotations

import importlib
import signal
import sys

TRIALS = ("durable", "storm", "fuzz", "soak", "torture", "access")


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1] not in TRIALS:
        sys.exit(f"usage: python -m tests.reliability {'|'.join(TRIALS)} [options]")
    # Who stops a trial stops what it started: without this, SIGTERM would skip every `finally`.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    importlib.import_module(f"tests.reliability.{sys.argv[1]}").main(sys.argv[2:])


if __name__ == "__main__":
    main()
