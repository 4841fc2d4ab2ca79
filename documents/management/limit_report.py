"""What docs/ keep of the product under a memory limit: a line a run, a table of the latest."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from documents.management.under_limit import Outcome, Trial
from ocrengine.benchmarks import mixed, report
from ocrengine.profiles import MB

COLUMNS = (
    "limit MB",
    "profile, bundle",
    "pages",
    "done",
    "s a page",
    "CPU s a page",
    "a page: median, 95 of 100, longest s",
    "peak MB: own, with file cache",
    "killed by the kernel",
    "tries that died",
    "read reduced",
    "words found",
    "cores others took",
)


def write(docs: Path, trial: Trial, outcome: Outcome, drawn: Sequence[mixed.Drawn]) -> str:
    """Keep this run beside the others; the table of all."""
    facts = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": report.machine(),
        "kinds": mixed.summary(drawn),
    }
    log = docs / "under_limit.jsonl"
    report.remember(log, facts, figures(trial, outcome))
    told = table(latest(log))
    report.put(docs, "under a limit", f"{_heading(facts)}\n\n{told}")
    return told


def figures(trial: Trial, outcome: Outcome) -> dict[str, Any]:
    """What one line of the log keeps"""
    took = sorted(outcome.page_seconds) or [0.0]
    pages = max(outcome.pages, 1)
    return {
        **asdict(trial),
        **{key: value for key, value in asdict(outcome).items() if key != "page_seconds"},
        "seconds_a_page": round(outcome.wall_seconds / pages, 3),
        "cpu_seconds_a_page": round(outcome.cpu_seconds / pages, 3),
        "median": took[len(took) // 2],
        "p95": took[min(len(took) - 1, round(0.95 * len(took)))],
        "longest": took[-1],
    }


def latest(log: Path) -> list[dict[str, Any]]:
    """Of each trial the last run."""
    found = {}
    for line in log.read_text().splitlines():
        record = json.loads(line)
        row = record["measured"]
        found[row["limit"], row["profile"], row["bundle"], row["cores"]] = record
    return [found[key] for key in sorted(found, reverse=True)]


def table(records: Sequence[dict[str, Any]]) -> str:
    lines = ["| " + " | ".join(COLUMNS) + " |", "|---" * len(COLUMNS) + "|"]
    for record in records:
        row = record["measured"]
        cells = (
            f"{row['limit'] // MB}",
            f"{row['profile']}, {row['bundle']}",
            f"{row['pages']}",
            f"{row['done'] / row['pages']:.1%}{_reasons(row['failures'])}",
            f"{row['seconds_a_page']:.2f}",
            f"{row['cpu_seconds_a_page']:.2f}",
            f"{row['median']:.1f}, {row['p95']:.1f}, {row['longest']:.1f}",
            f"{row['peak_anonymous'] // MB}, {row['peak'] // MB}",
            f"{row['kills']}",
            f"{sum(row['deaths'].values())}{_reasons(row['deaths'])}",
            f"{row['reduced']}",
            f"{row['found']:.1%}",
            f"{row['others_cpu_seconds'] / max(row['wall_seconds'], 1):.2f}",
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _reasons(counted: dict[str, int]) -> str:
    told = ", ".join(f"{code} {count}" for code, count in sorted(counted.items()))
    return f" ({told})" if told else ""


def _heading(facts: dict[str, Any]) -> str:
    kinds = "; ".join(f"{name}: {count}" for name, count in facts["kinds"].items())
    machine = report.machine_in_words().replace("\n", " ")
    told = (
        "The whole product (web, queue, workers, all children) in a control group, measured"
        f" {facts['date']} on {machine}, one run a row, by `./run manage benchmark --limit MB"
        " --profile PROFILE --bundles BUNDLE --pages N`. Pages are drawn, some in Chinese where"
        f" there is a typeface for it; of the last run {kinds}. They are handed in five files at a"
        " time as fast as the product takes them. Seconds a page are wall seconds from the first"
        " upload to the last page's end, divided by pages; a page's own go from its lease to its"
        " end, while others are in hand too. The first peak is what processes hold themselves,"
        " looked at five times a second; the second is what the kernel counts against the limit,"
        " files that it remembers included, which it lets grow until it needs the room."
    )
    return textwrap.fill(told, 100, break_on_hyphens=False)
