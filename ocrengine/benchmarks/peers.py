"""Other people's engines, each in a process of its own, as contenders of accuracy.py."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image, ImageOps

PACKAGE_SCRIPT = Path(__file__).with_name("peer.py")
TESSERACT_SCRIPT = Path(__file__).with_name("tesseract_peer.py")
TRAINEDDATA = {"zh-Hans": ("chi_sim", "eng"), "zh-Hant": ("chi_tra", "eng")}
"""First language of a page, as its annotations name it, to what it is read with"""
OTHERWISE = ("eng",)


class PeerError(Exception):
    """A peer cannot read this page, or none at all."""


class _Peer:
    """A process of its own: one line asks, one line of JSON answers."""

    def __init__(self, command: list[str]) -> None:
        self._child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        if not line:
            raise PeerError("the peer's process ended; is the package installed there?")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _ask(self, order: str) -> tuple[dict[str, Any], float, int]:
        assert self._child.stdin is not None
        self._child.stdin.write(f"{order}\n")
        self._child.stdin.flush()
        answer = self._answer()
        if "error" in answer:
            raise PeerError(answer["error"])
        return {"lines": answer["lines"]}, answer["cpu"], answer["peak"]

    def close(self) -> None:
        self._child.kill()
        self._child.communicate()


class Package(_Peer):
    """The rapidocr package in its own environment."""

    name = "rapidocr package"

    def __init__(self, python: Path) -> None:
        super().__init__([str(python), "-I", str(PACKAGE_SCRIPT)])

    def read(self, path: Path) -> tuple[dict[str, Any], float, int]:
        return self._ask(str(path))


class Tesseract(_Peer):
    """Tesseract's own program at its defaults, with the traineddata of each page's language."""

    name = "Tesseract"

    def __init__(self, binary: str) -> None:
        """binary   its name or path. Raises PeerError when it does not start."""
        self.version = _said(binary, "--version")[0].removeprefix("tesseract ")
        self._installed = set(_said(binary, "--list-langs")[1:])
        super().__init__([sys.executable, "-I", "-S", str(TESSERACT_SCRIPT), binary])

    def read(self, path: Path) -> tuple[dict[str, Any], float, int]:
        wanted = traineddata_for(path)
        if missing := set(wanted) - self._installed:
            # It would go on with what it has, and be judged for reading Chinese as English.
            raise PeerError(f"no traineddata for {', '.join(sorted(missing))}")
        with tempfile.TemporaryDirectory(prefix="upright-") as folder:
            return self._ask(f"{'+'.join(wanted)}\t{upright(path, Path(folder))}")


def _said(binary: str, question: str) -> list[str]:
    try:
        done = subprocess.run([binary, question], check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise PeerError(f"{binary} does not start: {error}") from error
    return done.stdout.splitlines()


def traineddata_for(path: Path) -> tuple[str, ...]:
    """What to read <set>/images/<stem>.* with, by <set>/gt/<stem>.json."""
    annotations = path.parent.parent / "gt" / f"{path.stem}.json"
    known = json.loads(annotations.read_text("utf-8")) if annotations.exists() else {}
    return TRAINEDDATA.get((known.get("lang") or ["en"])[0], OTHERWISE)


def upright(path: Path, folder: Path) -> Path:
    """The file itself; where Exif turns it, which Tesseract does not look at, a turned copy."""
    with Image.open(path) as image:
        if image.getexif().get(ExifTags.Base.Orientation, 1) == 1:
            return path
        turned = folder / "upright.png"
        ImageOps.exif_transpose(image).convert("RGB").save(turned, compress_level=1)
    return turned
