"""Accuracy, processor seconds and memory of ours and of peers, interleaved file by file.

Interleaved, because a busy machine then hurts all alike: ratios within one run can be trusted
where seconds cannot.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ocrengine.decoder.client import children_usage
from ocrengine.folder import as_prediction, files_of, read_file
from ocrengine.process import EngineProcess
from ocrengine.profiles import EngineProfile

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Measured:
    """One engine on one set."""

    files: int = 0
    cpu_seconds: float = 0.0
    peak_bytes: int = 0
    errors: list[str] = field(default_factory=list)
    scores: dict[str, dict[str, float]] = field(default_factory=dict)
    """subset -> metric -> value, as the scorer names them"""


class Contender(Protocol):
    name: str

    def read(self, path: Path) -> tuple[dict[str, Any], float, int]:
        """Prediction, processor seconds of every process involved, peak bytes of the reader."""
        ...

    def close(self) -> None: ...


class Ours:
    """Our stages: the decoder child and the engine child are both counted."""

    def __init__(self, profile: EngineProfile, bundle: str) -> None:
        self.name = f"{bundle}, {profile.name}"
        self._engine = EngineProcess(profile.override(threads=1), bundle)

    def read(self, path: Path) -> tuple[dict[str, Any], float, int]:
        before = self._cpu()
        lines: dict[str, Any] = {"lines": []}
        for page in read_file(path, self._engine):
            if page.error is not None:
                raise page.error
            if page.index == 0 and page.result is not None:
                lines = as_prediction(page.result)
        return lines, self._cpu() - before, self._engine.peak_memory

    def _cpu(self) -> float:
        decoders, _ = children_usage()
        return decoders + (cpu_of(self._engine.pid) if self._engine.pid else 0.0)

    def close(self) -> None:
        self._engine.close()


def cpu_of(pid: int) -> float:
    """User and system seconds of a live process."""
    fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def measure(
    data: Path,
    sets: list[str],
    contenders: list[Contender],
    out: Path,
    *,
    say: Callable[[str], None],
) -> dict[str, dict[str, Measured]]:
    """set -> contender -> Measured; predictions are left in out/<contender>/<set>."""
    measured: dict[str, dict[str, Measured]] = defaultdict(lambda: defaultdict(Measured))
    for name in sets:
        paths = files_of(data / name / "images")
        if contenders and name == sets[0]:
            for contender in contenders:
                _measure_one(contender, paths[0], Measured(), out / name)  # loads; not counted
        for number, path in enumerate(paths, start=1):
            for contender in contenders:
                _measure_one(contender, path, measured[name][contender.name], out / name)
            if number % 10 == 0 or number == len(paths):
                say(f"{name} {number}/{len(paths)}")
    return measured


def _measure_one(contender: Contender, path: Path, row: Measured, out: Path) -> None:
    folder = out / contender.name.replace(", ", "-").replace(" ", "-")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        prediction, cpu, peak = contender.read(path)
    except Exception as error:
        row.errors.append(f"{path.name}: {error}")
        return
    row.files += 1
    row.cpu_seconds += cpu
    row.peak_bytes = max(row.peak_bytes, peak)
    text = json.dumps(prediction, ensure_ascii=False)
    (folder / f"{path.stem}.json").write_text(text, encoding="utf-8")


class ScorerError(Exception):
    """The scorer does not start."""


def check_scorer(python: Path, scorer: Path) -> None:
    """Ask it for its help: hours of reading would be lost if it could not be started at the end."""
    done = subprocess.run(
        [str(python), str(scorer), "--help"], check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise ScorerError(
            f"{python} cannot start {scorer.name} ({done.stderr.strip().splitlines()[-1]});"
            " name a Python with its libraries: --peer-python"
        )


def score(
    measured: dict[str, dict[str, Measured]], data: Path, out: Path, python: Path, scorer: Path
) -> None:
    """Let the evaluation set's own scorer judge the predictions, in the peer's environment."""
    for name, rows in measured.items():
        for contender, row in rows.items():
            if not row.files:
                continue  # nothing read is nothing to judge; its errors say why
            folder = out / name / contender.replace(", ", "-").replace(" ", "-")
            report = folder.with_suffix(".scores")
            command = [str(python), str(scorer), "--gt", str(data / name / "gt")]
            command += ["--pred", str(folder), "--ci", "", "--json", str(report)]
            subprocess.run(command, check=True, capture_output=True)
            row.scores = json.loads(report.read_text())
