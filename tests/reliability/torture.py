"""A batch that no box of 2 GB should have been given, and ordinary pages among it.

`python -m tests.reliability torture`, as root: the whole product runs in a memory control group.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from documents.lifelines import descendants
from documents.management.under_limit import Product, Trial, form_of
from ocrengine.benchmarks import mixed
from ocrengine.benchmarks.giant import Sheet, draw_sheet
from ocrengine.benchmarks.memory_group import MemoryGroup
from ocrengine.profiles import MB
from tests.ocrengine.hostile import pdf
from tests.reliability import report
from tests.reliability.report import Row

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 3600
PDF_PAGES = 300
HELVETICA = (
    "/Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >>"
)
HUGE = (
    (Sheet("100-megapixels", 10_000, 10_000, 4), ".jpg"),
    (Sheet("strip", 20_000, 400, 8, margin=20), ".png"),
    (Sheet("48-megapixels", 8000, 6000, 4), ".png"),
)
SAVED = {".jpg": {"quality": 85}, ".png": {"compress_level": 1}}
ABOUT = report.Trial(
    "Torture under a hard limit of 2 GB",
    "python -m tests.reliability torture",
    "Web, queue, workers and all their children in a memory control group of 2048 MB\n"
    "without swap, profile `low_memory`, bundle `accurate`: a JPEG of 100 megapixels, a\n"
    "strip of 20000 x 400, a PDF of 300 pages, a PNG of 48 megapixels and 100 ordinary\n"
    "pages, handed in as fast as the product takes them.",
)


@dataclass
class Outcome:
    states: Counter[str] = field(default_factory=Counter)
    """Of the huge files' pages"""
    ordinary: Counter[str] = field(default_factory=Counter)
    silent: int = 0
    """Pages without text and without a sentence"""
    refused: list[str] = field(default_factory=list)


def main(argv: list[str]) -> None:
    asked = arguments(argv)
    trial = Trial("low_memory", "accurate", asked.limit * MB, 2)
    with tempfile.TemporaryDirectory(prefix="torture-") as name, MemoryGroup(trial.limit) as group:
        folder = Path(name)
        huge, ordinary = write_huge(folder), write_ordinary(folder, asked)
        started = time.monotonic()
        product = Product(ROOT, folder, group, trial)
        try:
            product.wait_until_ready()
            before = keepers(product)
            outcome = read_all(product, huge, ordinary)
            after = keepers(product)
        finally:
            product.stop()
        rows = rows_of(outcome, group, before == after, asked)
    for row in rows:
        print(f"{'met' if row.met else 'NOT MET'}: {row.promise}: {row.measured}", flush=True)
    seconds = time.monotonic() - started
    report.keep(ABOUT, rows, seconds=seconds, facts={"refused": outcome.refused}, docs=asked.docs)
    sys.exit(0 if all(row.met for row in rows) else 1)


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.reliability torture")
    parser.add_argument("--limit", type=int, default=2048, help="MB")
    parser.add_argument("--ordinary", type=int, default=100, help="pages")
    parser.add_argument("--drawn", type=Path, help="keep the ordinary pages in this folder")
    parser.add_argument("--docs", type=Path, default=report.DOCS)
    return parser.parse_args(argv)


def write_huge(folder: Path) -> list[Path]:
    huge = folder / "huge"
    huge.mkdir()
    for sheet, suffix in HUGE:
        draw_sheet(sheet)[0].save(huge / f"{sheet.name}{suffix}", **SAVED[suffix])
    lines = b"".join(
        b"BT /F1 11 Tf 60 %d Td (Line %d of a page of a long report, in plain words.) Tj ET\n"
        % (780 - 18 * n, n)
        for n in range(40)
    )
    (huge / "300-pages.pdf").write_bytes(pdf(lines, "0 0 595 842", HELVETICA, PDF_PAGES))
    return sorted(huge.iterdir())


def write_ordinary(folder: Path, asked: argparse.Namespace) -> list[Path]:
    drawn = asked.drawn or folder / "drawn"
    drawn.mkdir(parents=True, exist_ok=True)
    return [file.path for file in mixed.write_pages(drawn, asked.ordinary)]


def keepers(product: Product) -> set[int]:
    """The processes that must not die: web server, queue, who watches them."""
    found = set()
    for pid in descendants(product.process.pid):
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            parent = int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[1])
        except OSError:
            continue
        if b"gunicorn" in command or (b"qcluster" in command and parent == product.process.pid):
            found.add(pid)
    return found | {product.process.pid}


def read_all(product: Product, huge: list[Path], ordinary: list[Path]) -> Outcome:
    outcome, documents, jobs = Outcome(), {}, set()
    for path in [*huge, *ordinary]:
        status, body = product.ask("POST", "documents/", form_of([path]))
        answer = json.loads(body)
        if status != 202:
            outcome.refused.append(f"{path.name}: {answer['refused'][0]['sentence']}")
            continue
        jobs.add(answer["job"])
        documents[answer["accepted"][0]["id"]] = path
    end = time.monotonic() + PATIENCE_SECONDS
    for job in jobs:
        while product.get(f"jobs/{job}/")["pages"]["open"] and time.monotonic() < end:
            time.sleep(1)
    for document, path in documents.items():
        look_at(product, document, outcome, outcome.states if path in huge else outcome.ordinary)
    return outcome


def look_at(product: Product, document: str, outcome: Outcome, states: Counter[str]) -> None:
    for page in pages_of(product, document):
        states[page["state"]] += 1
        problem = page["problem"]
        outcome.silent += page["state"] != "done" and not (problem and problem["sentence"])


def pages_of(product: Product, document: str) -> list[Any]:
    found: list[Any] = []
    path: str | None = f"documents/{document}/pages/?limit=100"
    while path:
        answer = product.get(path)
        found += answer["results"]
        path = answer["next"].partition("/api/v1/")[2] if answer["next"] else None
    return found


def rows_of(
    outcome: Outcome, group: MemoryGroup, same_keepers: bool, asked: argparse.Namespace
) -> list[Row]:
    total = sum(outcome.ordinary.values())
    told = ", ".join(f"{count} {state}" for state, count in outcome.states.items())
    return [
        Row("ordinary pages are read", "all", f"{outcome.ordinary['done']} of {total}",
            outcome.ordinary["done"] == total == asked.ordinary),
        Row("every page of the huge files is read, or refused with a sentence", "all",
            f"{told}; {len(outcome.refused)} files refused; {outcome.silent} without a sentence",
            outcome.silent == 0 and not outcome.states["pending"] + outcome.states["leased"]),
        Row("web server and queue are never killed", "0 kills",
            "the same processes to the end" if same_keepers else "replaced", same_keepers),
        Row("what the kernel killed for memory", "no process that stays",
            f"{group.kills} processes; {group.peak_anonymous // MB} MB held at most", same_keepers),
    ]  # fmt: skip


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ocrsite.settings")
    main(sys.argv[1:])
