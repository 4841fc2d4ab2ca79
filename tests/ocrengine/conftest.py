"""A file as it lies after its upload, and the private folder that its child writes to."""

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def stored(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(data: bytes) -> Path:
        path = tmp_path / "upload"
        path.write_bytes(data)
        return path

    return write


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder
