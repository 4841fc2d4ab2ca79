"""python -m tests.reliability TRIAL [options]: each trial is a module here with a `main(argv)`."""

from __future__ import annotations

import importlib
import sys

TRIALS = ("durable", "storm", "fuzz", "soak", "torture", "access")


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1] not in TRIALS:
        sys.exit(f"usage: python -m tests.reliability {'|'.join(TRIALS)} [options]")
    importlib.import_module(f"tests.reliability.{sys.argv[1]}").main(sys.argv[2:])


if __name__ == "__main__":
    main()
