"""Curves as SVG: panels side by side, with axes, ticks and a legend, and nothing that is not asked
for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

WIDTH, HEIGHT = 460, 360
"""One panel"""
LEFT, RIGHT, TOP, BOTTOM = 62, 18, 84, 50
COLOURS = ("#1d4ed8", "#d9480f", "#087f5b", "#9c36b5", "#5c5f66")
INK, FAINT, GRID = "#212529", "#5c5f66", "#e9ecef"
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Axis:
    label: str
    low: float
    high: float
    log: bool = False

    def place(self, value: float) -> float:
        """0 at the low end, 1 at the high end"""
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def ticks(self) -> list[float]:
        return _log_ticks(self.low, self.high) if self.log else _even_ticks(self.low, self.high)


@dataclass(frozen=True)
class Panel:
    title: str
    x: str
    y: str
    curves: Mapping[str, Points]
    log_x: bool = False
    log_y: bool = False
    mark: tuple[float, str] | None = None
    """An upright line at that x, and what it says"""


def draw(panels: Sequence[Panel]) -> str:
    """An SVG document."""
    width = WIDTH * len(panels)
    drawn = "".join(_panel(panel, WIDTH * number) for number, panel in enumerate(panels))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" width="{width}"'
        f' height="{HEIGHT}" font-family="system-ui, sans-serif" font-size="12" fill="{INK}">'
        f'<rect width="100%" height="100%" fill="white"/>{drawn}</svg>\n'
    )


def write(path: Path, panels: Sequence[Panel]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(draw(panels))


def _panel(panel: Panel, left: int) -> str:
    x, y = _axes(panel)
    wide, tall = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def at(point: tuple[float, float]) -> tuple[float, float]:
        return LEFT + wide * x.place(point[0]), TOP + tall * (1 - y.place(point[1]))

    parts = [_text(LEFT, 22, panel.title, size=14, weight=600)]
    parts += [_level(at((x.low, tick))[1], tick) for tick in y.ticks()]
    parts += [_upright(at((tick, y.low))[0], tick) for tick in x.ticks()]
    parts += [_text(LEFT + wide / 2, HEIGHT - 12, x.label, anchor="middle", fill=FAINT)]
    parts += [_text(LEFT, TOP - 8, y.label, fill=FAINT, size=11)]
    if panel.mark:
        parts.append(_mark(at((panel.mark[0], y.low))[0], panel.mark[1]))
    for number, (name, points) in enumerate(panel.curves.items()):
        colour = COLOURS[number % len(COLOURS)]
        parts.append(_curve([at(point) for point in points], colour))
        parts.append(_legend(number, name, colour))
    return f'<g transform="translate({left} 0)">{"".join(parts)}</g>'


def _axes(panel: Panel) -> tuple[Axis, Axis]:
    points = [point for curve in panel.curves.values() for point in curve]
    across, up = [p[0] for p in points], [p[1] for p in points]
    if panel.mark:
        across.append(panel.mark[0])
    return _axis(panel.x, across, panel.log_x), _axis(panel.y, up, panel.log_y)


def _axis(label: str, values: Sequence[float], log: bool) -> Axis:
    """From nothing, or where that is infinitely far, from a little under the lowest."""
    low, high = min(values), max(values)
    if log:
        return Axis(label, low / 1.15, high * 1.15, log)
    step = _step(high or 1)
    return Axis(label, 0.0, step * math.ceil((high or 1) / step))


def _step(high: float) -> float:
    """1, 2 or 5 times a power of ten: four to eight of them are `high`"""
    power = 10.0 ** math.floor(math.log10(high / 4))
    return next(power * n for n in (1, 2, 5, 10) if high / (power * n) <= 8)


def _even_ticks(low: float, high: float) -> list[float]:
    step = _step(high - low)
    return [low + step * i for i in range(round((high - low) / step) + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten; over more than three powers, the powers alone."""
    digits = (1, 2, 5) if high / low < 1000 else (1,)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [digit * 10.0**power for power in powers for digit in digits]
    return [tick for tick in ticks if low <= tick <= high]


def _curve(points: Points, colour: str) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    few = points if len(points) <= 40 else []
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in few)
    return (
        f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"'
        f' stroke-linejoin="round"/><g fill="{colour}">{dots}</g>'
    )


def _legend(number: int, name: str, colour: str) -> str:
    """Two in a row"""
    x, y = LEFT + (number % 2) * (WIDTH - LEFT - RIGHT) // 2, 38 + 18 * (number // 2)
    return f'<circle cx="{x + 4}" cy="{y}" r="4" fill="{colour}"/>' + _text(x + 13, y + 4, name)


def _level(y: float, value: float) -> str:
    line = f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="{GRID}"/>'
    return line + _text(LEFT - 8, y + 4, _figure(value), anchor="end", fill=FAINT)


def _upright(x: float, value: float) -> str:
    line = f'<path d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="{GRID}"/>'
    return line + _text(x, HEIGHT - BOTTOM + 17, _figure(value), anchor="middle", fill=FAINT)


def _mark(x: float, words: str) -> str:
    line = f'<path d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="{FAINT}" stroke-dasharray="4 4"/>'
    return line + _text(x - 6, HEIGHT - BOTTOM - 8, words, anchor="end", fill=FAINT, size=11)


def _text(  # noqa: PLR0913  what SVG has
    x: float,
    y: float,
    words: str,
    *,
    anchor: str = "start",
    fill: str = INK,
    size: int = 12,
    weight: int = 400,
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{fill}" font-size="{size}"'
        f' font-weight="{weight}">{escape(words)}</text>'
    )


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.3g}"
