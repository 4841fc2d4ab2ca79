"""Curves of a training as one SVG: loss, and scores, by samples seen."""

from __future__ import annotations

import json
from pathlib import Path

from ocrengine import charts

_SCORES = ("cer_english", "cer_chinese", "precision", "recall", "mean")


def plot_history(history: Path, picture: Path) -> None:
    """history.jsonl -> an SVG; what is no number is left out."""
    rows = [json.loads(line) for line in history.read_text().splitlines()]
    curves = {
        name: [(row["samples"], row[name]) for row in rows if name in row]
        for name in ("loss", *_SCORES)
    }
    found = {name: points for name, points in curves.items() if points}
    loss = {name: points for name, points in found.items() if name == "loss"}
    scores = {name: points for name, points in found.items() if name != "loss"}
    charts.write(
        picture,
        [
            charts.Panel(title, "samples", "", shown)
            for title, shown in (("Loss", loss), ("Scores", scores))
            if shown
        ],
    )
