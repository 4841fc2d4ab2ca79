"""The table that docs/benchmarks.md keeps, and the line that docs/benchmarks.jsonl remembers."""

from __future__ import annotations

import json
import platform
import textwrap
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ocrengine.benchmarks.accuracy import Measured
from ocrengine.memory import available_memory, usable_cores
from ocrengine.profiles import MB

Rows = dict[str, dict[str, Measured]]


def today() -> str:
    return datetime.now(UTC).date().isoformat()


def machine() -> dict[str, Any]:
    """The size of this machine and what runs on it; nothing that names it."""
    return {
        "cores": usable_cores(),
        "processor": _processor(),
        "memory_mb": available_memory().total // MB,
        "python": platform.python_version(),
        "onnxruntime": version("onnxruntime"),
        "opencv": version("opencv-python-headless"),
    }


def machine_in_words() -> str:
    known = machine()
    return (
        f"{known['cores']} shared cores\nof {known['processor']}, {known['memory_mb']} MB;"
        f" Python {known['python']}, onnxruntime {known['onnxruntime']}"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def paragraph(text: str) -> str:
    """Words in lines of a page's width."""
    return textwrap.fill(" ".join(text.split()), 100, break_on_hyphens=False)


def _figure(value: float | None, digits: int = 3) -> str:
    return "-" if value is None else f"{value:.{digits}f}".removeprefix("0")


def _share(row: Measured, peer: Measured | None) -> str:
    if peer is None or not peer.cpu_seconds or not row.files:
        return "-"
    ours, theirs = row.cpu_seconds / row.files, peer.cpu_seconds / max(peer.files, 1)
    return f"{round(100 * ours / theirs)} %"


def table(measured: Rows, peers: dict[str, str]) -> str:
    """peers   name -> heading of the column that compares every engine's seconds with its own"""
    shares = [f"of {whose}" for whose in peers.values()]
    headings = ["set", "engine", "w_f", "cer_loc", "cer_order", "CPU s a page", *shares, "peak MB"]
    lines = ["| " + " | ".join(headings) + " |", "|---" * len(headings) + "|"]
    for name, rows in measured.items():
        for contender, row in rows.items():
            scores = row.scores.get("ALL") or next(iter(row.scores.values()), {})
            cells = [
                name,
                contender,
                _figure(scores.get("w_f")),
                _figure(scores.get("cer_loc")),
                _figure(scores.get("cer_order")),
                f"{row.cpu_seconds / row.files:.2f}" if row.files else "-",
                *(_share(row, rows.get(peer)) for peer in peers),
                str(row.peak_bytes // 2**20),
            ]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def subset_table(measured: Rows) -> str:
    figures = ("det_f", "w_r", "w_f", "cer_loc", "cer_order")
    lines = [
        "| " + " | ".join(["subset", "engine", *figures]) + " |",
        "|---" * (2 + len(figures)) + "|",
    ]
    for rows in measured.values():
        for contender, row in rows.items():
            for subset, scores in row.scores.items():
                cells = [subset, contender]
                cells += [_figure(scores.get(key)) for key in figures]
                if subset != "ALL":
                    lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def write(  # noqa: PLR0913  what a report says
    docs: Path,
    measured: Rows,
    *,
    name: str,
    peers: dict[str, str],
    heading: str,
    facts: dict[str, Any],
) -> None:
    """The part of that name in benchmarks.md, and one line of benchmarks.jsonl, which others
    read."""
    part = f"{heading}\n\n{table(measured, peers)}\n\nBy subset:\n\n{subset_table(measured)}"
    put(docs, name, part)
    remember(
        docs / "benchmarks.jsonl",
        facts,
        {s: {c: asdict(m) for c, m in r.items()} for s, r in measured.items()},
    )


def put(docs: Path, name: str, part: str) -> None:
    """Replace the part of benchmarks.md between the marks of that name; append it at first."""
    page = docs / "benchmarks.md"
    text = page.read_text() if page.exists() else "# Benchmarks\n"
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    if begin not in text:
        text = f"{text}\n{begin}\n{end}\n"
    head, _, rest = text.partition(begin)
    page.write_text(f"{head}{begin}\n{part}\n{end}{rest.partition(end)[2]}")


def remember(log: Path, facts: dict[str, Any], measured: Any) -> None:
    """One line per run."""
    record = {**facts, "measured": measured}
    with log.open("a") as file:
        file.write(json.dumps(record, ensure_ascii=False) + "\n")
