"""python -m tests.reliability fuzz: files that are wrong, and requests that are.

The whole catalogue at the limits that the product has; damaged files by the thousand, some of them
sent to a product that runs and reads them; made-up requests to every operation of the API; and,
with --awkward, files from a folder whose manifest.json says what is expected of each.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ocrsite.settings")
django.setup()

from documents.errors import SENTENCES  # noqa: E402
from ocrengine.errors import REFUSAL_CODES  # noqa: E402
from tests.e2e.product import ROOT  # noqa: E402
from tests.hostile import documents, pictures  # noqa: E402
from tests.hostile.judge import CHILD_BYTES, HANG_SECONDS, MB, Verdict, judge  # noqa: E402
from tests.hostile.mutants import mutant  # noqa: E402
from tests.reliability.report import DOCS, Row, Trial, keep  # noqa: E402
from tests.reliability.web import uploading_to_a_product  # noqa: E402

LANES = 2
SENT_EACH = 10
"""Every tenth mutant is uploaded, too."""
PAGES_EACH = 20
DEATHS = {"decoder_crashed", "page_memory", "page_timeout"}
"""Ends that are typed and bounded, and yet no clean refusal."""
AGREES = {
    "ok": {"ok", "partial", "animation_first_frame"},
    "blank": {"ok"},
    "error": {*REFUSAL_CODES},
    "limit": {"ok", "partial", *REFUSAL_CODES, *DEATHS},
    "either": {"ok", "partial", "animation_first_frame", *REFUSAL_CODES},
}


@dataclass
class Tally:
    """What became of many files."""

    files: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    bugs: list[str] = field(default_factory=list)
    """Anything raised that is no typed error, or whose code has no sentence."""
    wrong: list[str] = field(default_factory=list)
    """Another end than the expected one."""
    left: list[str] = field(default_factory=list)
    seconds: float = 0.0
    peak_bytes: int = 0

    def count(self, name: str, verdict: Verdict) -> None:
        self.files += 1
        self.codes[verdict.code] += 1
        self.seconds = max(self.seconds, verdict.seconds)
        self.peak_bytes = max(self.peak_bytes, verdict.peak_bytes)
        self.left += verdict.left
        if verdict.sentence and verdict.code not in SENTENCES:
            self.bugs.append(f"{name}: {verdict.code} has no sentence")

    def rows(self, what: str) -> list[Row]:
        peak = self.peak_bytes / MB
        return [
            Row(
                f"{what}: each ends in a result or a typed error",
                f"{self.files:,} of {self.files:,}",
                f"{self.files - len(self.bugs):,} of {self.files:,}",
                not self.bugs,
            ),
            Row(
                f"{what}: none hangs",
                f"<= {HANG_SECONDS} s a step",
                f"{self.seconds:.1f} s",
                self.seconds <= HANG_SECONDS,
            ),
            Row(
                f"{what}: memory of a decoder child",
                f"<= {CHILD_BYTES // MB} MB",
                f"{peak:.0f} MB",
                self.peak_bytes <= CHILD_BYTES,
            ),
            Row(f"{what}: temporary files left", "0", str(len(self.left)), not self.left),
        ]


def main(argv: list[str]) -> None:
    asked = arguments(argv)
    parts = ["awkward"] if asked.awkward else asked.parts.split(",")
    kept = [tried(part, asked) for part in parts]  # each, whatever became of another
    if not all(kept):
        raise SystemExit(1)


def tried(part: str, asked: argparse.Namespace) -> bool:
    """Whether every promise was kept."""
    trial, run = PARTS[part]
    began, facts = time.monotonic(), {"seed": asked.seed}
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        rows = run(Path(name), asked, facts)
    for row in rows:
        print(f"{'met ' if row.met else 'NOT '} {row.promise}: {row.measured} ({row.target})")
    print(json.dumps(facts, indent=1))
    keep(trial, rows, seconds=time.monotonic() - began, facts=facts, docs=asked.docs)
    return all(row.met for row in rows)


def try_files(folder: Path, asked: argparse.Namespace, facts: dict[str, Any]) -> list[Row]:
    makers = [item.make for item in (*pictures.ITEMS, *documents.ITEMS)]
    return [
        *try_catalogue(folder, facts),
        *uploaded("catalogue", folder, makers, facts),
        *try_mutants(folder, asked.mutants, asked.seed, facts),
    ]


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.reliability fuzz")
    parser.add_argument("--parts", default="files,requests")
    parser.add_argument("--mutants", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--examples", type=int, default=200, help="of each operation")
    parser.add_argument("--awkward", type=Path, help="a folder with manifest.json and files/")
    parser.add_argument("--docs", type=Path, default=DOCS, help="where results are kept")
    return parser.parse_args(argv)


FUZZ = Trial(
    "Hostile input",
    "make fuzz",
    "Files made by code: every item of the catalogue that a decoder meets (tests/hostile), at the"
    " product's own limits, and whole files of all seven kinds with up to eight flips, splices,"
    " cuts, deletions and repetitions at random. Each is inspected, and its first pages are"
    " decoded. Every item and every tenth mutant is uploaded to a product that runs, too, whose"
    " workers read what it accepts.",
)
REQUESTS = Trial(
    "Made-up requests",
    "make fuzz",
    "schemathesis calls every operation of the API with requests good and bad, and walks from"
    " answers to what they lead to, while documents are read, fail, are deleted and taken back.",
)
AWKWARD = Trial(
    "Awkward files",
    "python -m tests.reliability fuzz --awkward DIR",
    "Real files that other projects keep because they made trouble, with what is expected of each:"
    f" inspected, and up to {PAGES_EACH} pages of each decoded; then all are uploaded to a product"
    " that runs, whose workers read what it accepts.",
)


def try_catalogue(folder: Path, facts: dict[str, Any]) -> list[Row]:
    tally, path = Tally(), folder / "item"
    items = (*pictures.ITEMS, *documents.ITEMS)
    for item in items:
        path.write_bytes(item.make())
        for verdict in judged(path, str(item), tally):
            if not verdict.agrees(item.expect):
                tally.wrong.append(f"{item}: {verdict.code}")
    facts["catalogue"] = told(tally)
    count = f"{len(items)} of {len(items)}"
    agreed = f"{len(items) - len(tally.wrong)} of {len(items)}"
    expected = Row("catalogue: each ends as it says", count, agreed, not tally.wrong)
    return [expected, *tally.rows("catalogue")]


def uploaded(
    what: str, folder: Path, makers: Iterable[Callable[[], bytes]], facts: dict[str, Any]
) -> list[Row]:
    """Apart from the judging, whose seconds are measured."""
    with uploading_to_a_product(folder / "product") as web:
        for make in makers:
            web.upload(make())
        web.wait()
        web.look()
    facts[f"{what}, uploaded"] = web.told()
    return web.rows(what)


def try_mutants(folder: Path, count: int, seed: int, facts: dict[str, Any]) -> list[Row]:
    tally = Tally()
    with uploading_to_a_product(folder / "mutants-product") as web:

        def one(number: int) -> list[Verdict]:
            data, path = mutant(number, seed)[1], folder / f"mutant{number}"
            if number % SENT_EACH == 0:
                web.upload(data)
            path.write_bytes(data)
            found = list(judged(path, f"mutant {number}", tally, most_pages=1))
            path.unlink()
            return found

        crashed = []
        with ThreadPoolExecutor(LANES) as pool:
            for number, verdicts in enumerate(in_order(pool, one, range(count))):
                crashed += [number for v in verdicts if v.code == "decoder_crashed"]
        web.look()
    facts["mutants"] = told(tally) | {"decoder_crashed": crashed[:100], "web": web.told()}
    return [*tally.rows("mutants"), *web.rows("mutants")]


def in_order(
    pool: ThreadPoolExecutor, task: Callable[[int], list[Verdict]], numbers: range
) -> Iterator[list[Verdict]]:
    """As pool.map, with no more than a few hundred results in memory."""
    remaining = iter(numbers)
    while batch := list(islice(remaining, 200)):
        yield from pool.map(task, batch)


def judged(path: Path, name: str, tally: Tally, **options: int) -> Iterator[Verdict]:
    """The verdict, counted; nothing where the judge itself met a bug."""
    try:
        verdict = judge(path, **options)
    except Exception as error:  # whatever it is, it is what is looked for here
        tally.files += 1
        tally.bugs.append(f"{name}: {error!r}")
        return
    tally.count(name, verdict)
    yield verdict


def try_awkward(folder: Path, asked: argparse.Namespace, facts: dict[str, Any]) -> list[Row]:
    tally, agreed, refused = Tally(), Counter[str](), Counter[str]()
    listed = json.loads((asked.awkward / "manifest.json").read_text())
    for one in listed:
        path, expected = asked.awkward / "files" / one["file"], one["expected"]
        for verdict in judged(path, one["file"], tally, most_pages=PAGES_EACH):
            agreed[expected] += verdict.code in AGREES[expected]
            if verdict.code not in AGREES[expected]:
                refused[expected] += verdict.code in REFUSAL_CODES
                tally.wrong.append(f"{one['file']}: {verdict.code}, not {expected}")
    facts["awkward"] = told(tally)
    totals = Counter(one["expected"] for one in listed)
    rows = [
        Row(
            f"expected: {name}",
            f"{count}, or refused with a reason",
            f"{agreed[name]}" + (f", {refused[name]} refused" if refused[name] else ""),
            agreed[name] + refused[name] == count,
        )
        for name, count in sorted(totals.items())
    ]
    makers = [(asked.awkward / "files" / one["file"]).read_bytes for one in listed]
    return [
        *rows,
        *tally.rows("awkward files"),
        *uploaded("awkward files", folder, makers, facts),
    ]


def try_requests(folder: Path, asked: argparse.Namespace, facts: dict[str, Any]) -> list[Row]:
    """tests/api/test_fuzz.py, in a process of its own."""
    examples = asked.examples
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-m", "fuzz"]
    command.append("tests/api/test_fuzz.py")
    environment = os.environ | {"FUZZ_EXAMPLES": str(examples)}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True
    )
    print(done.stdout[-2000:] if done.returncode == 0 else done.stdout)
    found = {word: int(n) for n, word in re.findall(r"(\d+) (passed|failed|error)", done.stdout)}
    passed, bad = found.get("passed", 0), found.get("failed", 0) + found.get("error", 0)
    measured = f"{passed} of {passed + bad} passed"
    target = "0 answers of 5xx, or that the schema does not promise"
    promise = f"requests to the API, {examples} of each operation, and chains of them"
    return [Row(promise, target, measured, done.returncode == 0 and passed > 0)]


def told(tally: Tally) -> dict[str, object]:
    lists: Iterable[tuple[str, list[str]]] = (("bugs", tally.bugs), ("wrong", tally.wrong))
    return {"codes": dict(tally.codes), **{name: found[:50] for name, found in lists}}


PARTS = {
    "files": (FUZZ, try_files),
    "requests": (REQUESTS, try_requests),
    "awkward": (AWKWARD, try_awkward),
}
