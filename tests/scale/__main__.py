"""python -m tests.scale lists|load: measure, and keep what was measured in docs/."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.own_database import own_database

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    asked = arguments()
    with data_folder(asked.data) as folder:
        if asked.what == "load":
            from tests.scale import load

            load.measure(folder, asked.docs)
            return
        with installation(folder, keep=bool(asked.data)):
            from tests.scale import command  # with the settings of that installation

            command.measure_lists(asked.jobs, asked.docs)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.scale")
    parser.add_argument("what", choices=["lists", "load"])
    parser.add_argument("--jobs", type=int, default=100_000, help="that lists are filled with")
    parser.add_argument("--data", type=Path, help="a folder to keep the filled database in")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs", help="where results are kept")
    return parser.parse_args()


@contextmanager
def data_folder(asked: Path | None) -> Iterator[Path]:
    if asked:
        asked.mkdir(exist_ok=True)
        yield asked.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="scale-") as folder:
        yield Path(folder)


@contextmanager
def installation(folder: Path, *, keep: bool) -> Iterator[None]:
    """Settings of an installation in that folder, for this process."""
    os.environ |= {
        "OCR_DATA_DIR": str(folder),
        "OCR_ALLOWED_HOSTS": "testserver",
        "OCR_API_REQUESTS_PER_MINUTE": "1000000000",
        "DJANGO_SETTINGS_MODULE": "ocrsite.settings",
    }
    if keep:
        yield
        return
    with own_database(folder) as database:
        os.environ.update(database.environment)
        yield


if __name__ == "__main__":
    main()
