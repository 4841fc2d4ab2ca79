"""What growth.py has measured, as sentences, tables and pictures."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ocrengine import charts
from ocrengine.benchmarks.growth import (
    Cost,
    Curves,
    by_lines,
    by_page_size,
    by_pages,
    by_processes,
)
from ocrengine.detect import MAX_BOXES
from ocrengine.memory import usable_cores
from ocrengine.profiles import MB, MEGAPIXEL, EngineProfile


@dataclass(frozen=True)
class Question:
    name: str
    """Of the picture"""
    title: str
    x: str
    measure: Callable[[EngineProfile, Sequence[str]], Curves]
    answer: Callable[[Curves, EngineProfile], str]
    log: bool = False
    log_cost: bool = False
    speed: bool = False
    """Pages a second are shown, too."""
    capped: bool = False
    """x are megapixels, of which a profile reads so many."""


def picture(question: Question, curves: Curves, profile: EngineProfile) -> Sequence[charts.Panel]:
    cap = profile.max_page_pixels / MEGAPIXEL
    mark = (cap, f"reduced above {cap:.0f}") if question.capped else None
    shown: list[tuple[str, str, Callable[[Cost], float], bool]] = [
        ("Processor time", "seconds a page", lambda cost: cost.seconds, question.log_cost),
        ("Memory", "MB at the peak", lambda cost: cost.peak / MB, False),
    ]
    if question.speed:
        pages = ("Pages", "a second", lambda cost: cost.pages_per_second, False)
        shown.insert(0, pages)
    return [
        charts.Panel(
            title,
            question.x,
            unit,
            {name: [(c.x, figure(c)) for c in costs] for name, costs in curves.items()},
            log_x=question.log,
            log_y=log_y,
            mark=mark,
        )
        for title, unit, figure, log_y in shown
    ]


def table(question: Question, curves: Curves) -> str:
    heads = ["what", question.x, "lines found", "CPU s a page", "of them decoding", "peak MB"]
    if question.speed:
        heads = ["what", question.x, "CPU s a page", "pages a second", "peak MB"]
    rows = [[name, *_cells(question, cost)] for name, costs in curves.items() for cost in costs]
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _cells(question: Question, cost: Cost) -> list[str]:
    x = f"{cost.x:.2f}" if question.capped else f"{cost.x:.0f}"
    seconds, peak = f"{cost.seconds:.2f}", f"{cost.peak / MB:.0f}"
    if question.speed:
        return [x, seconds, f"{cost.pages_per_second:.2f}", peak]
    return [x, f"{cost.lines:.0f}", seconds, f"{cost.decoder_seconds:.2f}", peak]


# --- The answers, with the figures that were found ----------------------------------------------


def _about_page_size(curves: Curves, profile: EngineProfile) -> str:
    cap = profile.max_page_pixels / MEGAPIXEL
    told = [_from_one_to_cap(name, costs, cap) for name, costs in curves.items()]
    return (
        f"From one megapixel to the last size under {cap:.0f}, above which pages are reduced and"
        " their print gets smaller, so that it may be looked at more closely:"
        f" {'; '.join(told)}. No page has more than {MAX_BOXES:,} lines."
    )


def _from_one_to_cap(name: str, costs: Sequence[Cost], cap: float) -> str:
    some = [cost for cost in costs if 1 <= cost.x <= cap]
    first, last = some[0], some[-1]
    power = math.log(last.seconds / first.seconds) / math.log(last.x / first.x)
    a_pixel = (last.peak - first.peak) / (last.x - first.x) / MEGAPIXEL
    return (
        f"{name}, {last.x / first.x:.0f} times the pixels cost {last.seconds / first.seconds:.1f}"
        f" times the processor time (their power {power:.2f}) and {a_pixel:.1f} bytes of memory"
        " for each further pixel"
    )


def _about_lines(curves: Curves, profile: EngineProfile) -> str:
    told = []
    for name, costs in curves.items():
        seconds = [f"{cost.seconds:.2f} s with {cost.x:.0f}" for cost in costs]
        swing = max(cost.peak for cost in costs[1:]) - min(cost.peak for cost in costs[1:])
        told.append(f"{name}, {', '.join(seconds)}; memory within {swing / MB:.0f} MB but for one")
    return (
        "One line is looked at without the blank page around it. Several lie all over the page,"
        " and how closely it is looked at depends on how large their letters turn out:"
        f" {'; '.join(told)}."
    )


def _about_pages(curves: Curves, profile: EngineProfile) -> str:
    told = []
    for name, costs in curves.items():
        first, last = costs[0], costs[-1]
        grown = (last.peak - costs[-2].peak) / MB
        told.append(
            f"{name}, {first.seconds:.2f} s for a job of one page, {last.seconds:.2f} s a page of"
            f" {last.x:.0f}, and {grown:+.0f} MB from {costs[-2].x:.0f} pages to {last.x:.0f}"
        )
    return f"The first page pays for the start of the child that reads it: {'; '.join(told)}."


def _about_processes(curves: Curves, profile: EngineProfile) -> str:
    told = []
    for name, costs in curves.items():
        first, last = costs[0], costs[-1]
        best = max(costs, key=lambda cost: cost.pages_per_second)
        each = (last.peak - first.peak) / (last.x - first.x) / MB
        told.append(
            f"{name}, most pages a second with {best.x:.0f}"
            f" ({best.pages_per_second / first.pages_per_second:.2f} times those of one); with"
            f" {last.x:.0f} a page costs {last.seconds / first.seconds:.2f} times as much processor"
            f" time; {each:.0f} MB for each further one"
        )
    return f"There are {usable_cores()} processors: {'; '.join(told)}."


QUESTIONS = (
    Question(
        "page-size",
        "The size of a page",
        "megapixels of the page",
        by_page_size,
        _about_page_size,
        log=True,
        log_cost=True,
        capped=True,
    ),
    Question("lines", "Lines on a page (A4 at 300 dpi)", "lines drawn", by_lines, _about_lines),
    Question("pages", "Pages of a job", "pages", by_pages, _about_pages, log=True),
    Question(
        "processes", "Processes", "engine children", by_processes, _about_processes, speed=True
    ),
)


def answer(question: Question, curves: Curves, profile: EngineProfile, plots: Path) -> str:
    """Markdown; the picture is written into the folder `plots`."""
    path = plots / f"growth-{question.name}.svg"
    charts.write(path, picture(question, curves, profile))
    return "\n\n".join(
        [
            f"### {question.title}",
            textwrap.fill(question.answer(curves, profile), 100, break_on_hyphens=False),
            f"![{question.title}]({plots.name}/{path.name})",
            table(question, curves),
        ]
    )
