"""Curves of a training as one SVG: loss above, scores below, by samples seen."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

WIDTH, HEIGHT, MARGIN = 720, 260, 48
COLOURS = ("#2563eb", "#dc2626", "#059669", "#d97706")
Curve = list[tuple[float, float]]


def plot_history(history: Path, picture: Path) -> None:
    """history.jsonl -> an SVG; what is no number is left out."""
    rows = [json.loads(line) for line in history.read_text().splitlines()]
    loss: Curve = [(row["samples"], row["loss"]) for row in rows if "loss" in row]
    names = sorted({name for row in rows for name in row if name in _SCORES})
    scores: dict[str, Curve] = {
        name: [(row["samples"], row[name]) for row in rows if name in row] for name in names
    }
    panels = _panel({"loss": loss}, 0) + _panel(scores, HEIGHT)
    picture.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {2 * HEIGHT}"'
        f' font-family="sans-serif" font-size="12">'
        f'<rect width="100%" height="100%" fill="white"/>{panels}</svg>\n'
    )


_SCORES = ("cer_english", "cer_chinese", "precision", "recall", "mean")


def _panel(curves: dict[str, Curve], top: int) -> str:
    points = [point for curve in curves.values() for point in curve]
    if not points:
        return ""
    right = max(x for x, _ in points) or 1
    highest = max(y for _, y in points) or 1
    wide, tall = WIDTH - 2 * MARGIN, HEIGHT - 2 * MARGIN
    floor = top + HEIGHT - MARGIN
    parts = [_axis(right, highest, floor, tall)]
    for number, (name, curve) in enumerate(curves.items()):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(
            f"{MARGIN + wide * x / right:.1f},{floor - tall * y / highest:.1f}" for x, y in curve
        )
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" />')
        parts.append(
            f'<text x="{MARGIN + 110 * number}" y="{top + 24}" fill="{colour}">{name}</text>'
        )
    return "".join(parts)


def _axis(right: float, highest: float, floor: int, tall: int) -> str:
    """A frame's two sides, with the largest values written at their ends."""
    ends: Sequence[tuple[int, int, str, str]] = (
        (MARGIN - 4, floor - tall + 4, f"{highest:.3g}", "end"),
        (MARGIN - 4, floor, "0", "end"),
        (WIDTH - MARGIN, floor + 16, f"{right:,.0f} samples", "end"),
    )
    words = "".join(
        f'<text x="{x}" y="{y}" text-anchor="{anchor}">{word}</text>' for x, y, word, anchor in ends
    )
    line = f"M{MARGIN} {floor - tall}V{floor}H{WIDTH - MARGIN}"
    return f'<path d="{line}" fill="none" stroke="#999"/>{words}'
