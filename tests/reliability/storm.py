"""Workers are killed, stopped and poisoned while they read; nothing accepted may be lost.

`make storm` runs all of it on SQLite, and `DURABLE=yes .ci/with-postgres make storm` on PostgreSQL.
"""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path

from tests.reliability import report
from tests.reliability.installation import installation

PARTS = ("kills", "stops", "roles", "poison", "turns", "room", "real")


def main(argv: list[str]) -> None:
    asked = arguments(argv)
    with installation() as (folder, database):
        from tests.reliability import storms  # with the settings of that installation

        kept = True
        for name in asked.parts.split(",") if asked.parts else PARTS:
            print(f"-- {name}, seed {asked.seed}", flush=True)
            part = getattr(storms, name)
            kept = part(asked, folder, database, random.Random(asked.seed)) and kept
    sys.exit(0 if kept else 1)


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.reliability storm")
    parser.add_argument("--parts", default="", help=",".join(PARTS))
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--docs", type=Path, default=report.DOCS)
    parser.add_argument("--pages", type=int, default=10_000, help="stub pages of the storm")
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--stops", type=int, default=200)
    parser.add_argument("--each-role", type=int, default=15)
    parser.add_argument("--real-pages", type=int, default=300)
    parser.add_argument("--real-kills", type=int, default=100)
    parser.add_argument("--drawn", type=Path, help="keep the drawn pages of `real` in this folder")
    return parser.parse_args(argv)
