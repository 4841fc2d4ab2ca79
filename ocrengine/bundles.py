"""Engine bundles: detector + recogniser + charset + preprocessing + runtime, under one name.

The stages (tiles, crops, batches, decoding, order) are shared by all bundles and know only the two
protocols below. Another family of networks joins by adding a BundleSpec whose `load` returns them.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ocrengine.charset import Charset
from ocrengine.device import Device
from ocrengine.errors import BundleError
from ocrengine.runtimes.onnx import OnnxNetwork


class Network(Protocol):
    """Detector: (1, 3, H, W) -> (1, 1, H, W) probabilities. Recogniser: (B, 3, h, W) -> (B, T, C)
    probabilities, or logits where its settings say so. float32 in and out; H and W are multiples of
    the preprocessing's `multiple`."""

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]: ...


class NetworkOfOurs(Network, Protocol):
    """A network whose file says what must agree with it: preprocessing, charset, height."""

    @property
    def metadata(self) -> Mapping[str, str]: ...


@dataclass(frozen=True)
class Preprocessing:
    """(pixel / 255 - mean) / std, per channel, in the channel order the network was trained on."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    bgr: bool
    multiple: int


@dataclass(frozen=True)
class DetectorSettings:
    """DB post-processing (Liao et al., arXiv:1911.08947)."""

    preprocessing: Preprocessing
    binarize: float
    """A pixel belongs to a kernel above this probability."""
    box_score: float
    """A box is kept when the mean probability inside it reaches this."""
    unclip_ratio: float
    dilate: bool
    """Join kernels one pixel apart, as the weights were tuned for."""
    largest_tile: int | None = None
    """Pixels of its side, where smaller ones read as well as the profile's, in less memory."""
    first_side: int | None = None
    """A first look at a whole page has about as many pixels as a square of that side, in tiles if
    need be; None: as many as one tile. Too small, and a newspaper is its headlines."""


@dataclass(frozen=True)
class RecognizerSettings:
    preprocessing: Preprocessing
    height: int
    min_width: int
    max_width: int
    """Wider lines are read in pieces, cut where they are emptiest."""
    min_confidence: float
    logits: bool = False
    """The network leaves the softmax to the decoder."""


@dataclass(frozen=True)
class Bundle:
    """A loaded bundle: two networks and everything that must agree with them."""

    name: str
    sha256: str
    detector: Network
    detector_settings: DetectorSettings
    recognizer: Network
    recognizer_settings: RecognizerSettings
    charset: Charset


@dataclass(frozen=True)
class BundleSpec:
    name: str
    licence: str
    files: Callable[[], dict[str, Path]]
    """Role -> path; raises BundleError when they cannot be located."""
    sha256: dict[str, str]
    load: Callable[[BundleSpec, Device], Bundle]
    precisions: tuple[str, ...] = ("fp32",)
    """What its networks can compute in."""

    def verified_files(self) -> dict[str, Path]:
        """The files, after each was hashed."""
        paths = self.files()
        for role, path in paths.items():
            if not path.is_file():
                raise BundleError(f"bundle {self.name}: {role} is missing ({path.name})")
            if _sha256(path) != self.sha256.get(role):
                raise BundleError(f"bundle {self.name}: {role} was altered ({path.name})")
        return paths

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256("".join(sorted(self.sha256.values())).encode()).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# --- accurate: PP-OCRv6 small, from the files that the rapidocr package carries ------------------

_SYMMETRIC = (0.5, 0.5, 0.5)


def _rapidocr_files() -> dict[str, Path]:
    # find_spec of a top-level package locates it without running any of its code.
    spec = importlib.util.find_spec("rapidocr")
    if spec is None or not spec.submodule_search_locations:
        raise BundleError("bundle accurate: the package rapidocr, which carries it, is missing")
    folder = Path(spec.submodule_search_locations[0]) / "models"
    return {
        "detector": folder / "PP-OCRv6_det_small.onnx",
        "recognizer": folder / "PP-OCRv6_rec_small.onnx",
    }


def _load_ppocr(spec: BundleSpec, device: Device) -> Bundle:
    paths = spec.verified_files()
    recognizer = OnnxNetwork(paths["recognizer"], device)
    normalized = Preprocessing(_SYMMETRIC, _SYMMETRIC, bgr=True, multiple=32)
    return Bundle(
        name=spec.name,
        sha256=spec.fingerprint,
        detector=OnnxNetwork(paths["detector"], device),
        detector_settings=DetectorSettings(
            preprocessing=normalized,
            binarize=0.3,
            box_score=0.5,
            unclip_ratio=1.6,
            dilate=True,
        ),
        recognizer=recognizer,
        recognizer_settings=RecognizerSettings(
            preprocessing=Preprocessing(_SYMMETRIC, _SYMMETRIC, bgr=True, multiple=8),
            height=48,
            min_width=48,
            max_width=3200,
            min_confidence=0.5,
        ),
        charset=Charset.from_lines(recognizer.metadata["character"], space=True),
    )


# --- fast: our own networks, trained from rendered pixels -----------------------------------------

# Swept on rendered pages that no training sees; the unclip ratio was looked at on real pages of the
# development set too: training/LOG.md.
FAST_DETECTING = DetectorSettings(
    preprocessing=Preprocessing(_SYMMETRIC, _SYMMETRIC, bgr=False, multiple=32),
    binarize=0.3,
    box_score=0.4,
    # Wider than the ink: a recogniser reads a line best with the margins it was trained with.
    unclip_ratio=2.4,
    dilate=False,
    largest_tile=640,
    first_side=960,
)
WEIGHTS = Path(__file__).with_name("weights")


def _checksums(folder: Path) -> dict[str, str]:
    """File -> SHA-256, from the SHA256SUMS beside the weights, which `sha256sum -c` reads too."""
    path = folder / "SHA256SUMS"
    lines = path.read_text().splitlines() if path.exists() else []
    pairs = (line.split() for line in lines)
    return {name: digest for digest, name in pairs}


def write_checksums(folder: Path, kinds: Sequence[str]) -> None:
    """SHA256SUMS of a folder's files of those kinds. What it does not name is not used: weights
    that change leave the files behind that were exported from them before."""
    paths = sorted(path for path in folder.iterdir() if path.suffix in kinds)
    half = folder / ".SHA256SUMS.half"
    half.write_text("".join(f"{_sha256(path)}  {path.name}\n" for path in paths))
    half.replace(folder / "SHA256SUMS")


def drop_stale_exports(folder: Path) -> None:
    """Remove ONNX files that SHA256SUMS does not name: they are of earlier weights."""
    current = _checksums(folder)
    for path in folder.glob("*.onnx"):
        if path.name not in current:
            path.unlink()


def _load_own(spec: BundleSpec, device: Device) -> Bundle:
    """By ONNX Runtime on a CPU, where the networks were exported; else by torch."""
    detector, recognizer = _networks(spec.verified_files(), device)
    about = recognizer.metadata
    charset = Charset(tuple(about["charset"]))
    height = int(about["height"])
    return Bundle(
        name=spec.name,
        sha256=spec.fingerprint,
        detector=detector,
        detector_settings=replace(
            FAST_DETECTING, preprocessing=_preprocessing(detector.metadata, multiple=32)
        ),
        recognizer=recognizer,
        recognizer_settings=RecognizerSettings(
            preprocessing=_preprocessing(about, multiple=4),
            height=height,
            min_width=height,
            max_width=1024,
            min_confidence=0.5,
            logits=about.get("answers") == "logits",
        ),
        charset=charset,
    )


def _networks(files: dict[str, Path], device: Device) -> tuple[NetworkOfOurs, NetworkOfOurs]:
    kind = "int8.onnx" if device.precision == "int8" else "onnx"
    if device.name == "cpu" and f"detector.{kind}" in files:
        return (
            OnnxNetwork(files[f"detector.{kind}"], device),
            OnnxNetwork(files[f"recognizer.{kind}"], device),
        )
    # Half a second and 200 MB that nobody else needs.
    from ocrengine.runtimes.torch import load_detector, load_recognizer  # noqa: PLC0415

    return (
        load_detector(files["detector.safetensors"], device),
        load_recognizer(files["recognizer.safetensors"], device),
    )


def _preprocessing(about: Mapping[str, str], multiple: int) -> Preprocessing:
    return Preprocessing(**json.loads(about["preprocessing"]), multiple=multiple)


def bundle_in(folder: Path, name: str, licence: str) -> BundleSpec:
    """detector and recognizer as .safetensors, as .onnx where they were exported, and as .int8.onnx
    where they were quantized, with their SHA256SUMS."""
    sums = _checksums(folder)
    needed = {f"{role}.safetensors" for role in ("detector", "recognizer")}
    files = {file: folder / file for file in sorted({*sums, *needed})}
    precisions = ["fp32", "fp16"]
    if "detector.onnx" not in sums:
        precisions.append("bf16")
    if "detector.int8.onnx" in sums:
        precisions.append("int8")
    return BundleSpec(name, licence, files.copy, sums, _load_own, precisions=tuple(precisions))


BUNDLES = {
    spec.name: spec
    for spec in (
        BundleSpec(
            name="accurate",
            licence="Apache-2.0 (PP-OCRv6 small, PaddleOCR authors; packaged by rapidocr)",
            files=_rapidocr_files,
            sha256={
                "detector": "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
                "recognizer": "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
            },
            load=_load_ppocr,
        ),
        bundle_in(WEIGHTS, "fast", "Apache-2.0 (our own, trained on text that we rendered)"),
    )
}


def get_bundle(name: str) -> BundleSpec:
    """A bundle by its name, or by the path of a folder that holds one."""
    if name in BUNDLES:
        return BUNDLES[name]
    folder = Path(name)
    if folder.is_absolute() and (folder / "SHA256SUMS").is_file():
        return bundle_in(folder, folder.name, f"as those say who made {folder}")
    raise BundleError(f"unknown bundle {name!r}: choose one of {', '.join(BUNDLES)}")


def load_bundle(name: str, device: Device) -> Bundle:
    """Hash, load, and check that the charset fits the network."""
    spec = get_bundle(name)
    return spec.load(spec, device)
