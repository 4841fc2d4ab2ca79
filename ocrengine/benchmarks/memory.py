"""How much memory does an engine child take, by the size of its pages? And was that forecast?

Each size is read by a child of its own, one page at a time, and two: a child always has the next
page in hand, too.
"""

from __future__ import annotations

import csv
import math
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from ocrengine import forecast
from ocrengine.benchmarks.text_pages import as_working_image, draw_text
from ocrengine.bundles import get_bundle
from ocrengine.decoder.client import WorkingImage
from ocrengine.forecast import Peak, forecast_child_bytes, forecast_page_bytes
from ocrengine.process import EngineProcess
from ocrengine.profiles import MB, EngineProfile, get_profile

SIZES = (
    (320, 320), (640, 640), (960, 960), (1240, 1754), (2480, 3508), (600, 20_000),
    (5000, 7200), (5000, 8000),
)  # fmt: skip
"""Width and height in pixels, among them A4 at 150 and 300 dots per inch, a strip, and the largest
pages of both profiles; those above a profile's cap are left out."""
ORDINARY, SMALL = 22, 12
"""Sizes of letters in pixels"""
PAGE_WIDE = 1000
"""Column, in letters, as wide as any page"""
LINES = 100
"""On a page, all over it; more of them take longer, and no more memory."""
LARGE = 5_000_000
"""Pixels from which a page is read once, and only with small letters: that takes long, and the page
counts for more than what chance makes of freed buffers."""
ROUNDS = 2
"""For smaller pages, as a child has what it keeps only after a few of them."""


@dataclass(frozen=True)
class Compared:
    peak: Peak
    forecast: int
    """bytes"""


def measure_and_keep(profile: EngineProfile, bundle: str) -> None:
    """In each precision that is used on processors; what was found is what forecasts are made of
    from now on."""
    for precision in precisions_of(bundle):
        keep(list(_measure(_on_one_core(profile, precision), bundle)))


def _on_one_core(profile: EngineProfile, precision: str) -> EngineProfile:
    return profile.override(precision=precision, device="cpu", threads=1)


def precisions_of(bundle: str) -> list[str]:
    """Without those that no engine chooses by itself where the bundle has 8-bit networks: FP16 is
    for GPUs, and BF16 is tried only where there are none."""
    return [name for name in ("fp32", "int8") if name in get_bundle(bundle).precisions]


def keep(rows: Sequence[Peak]) -> None:
    """In the table, instead of what it says of that bundle, precision and profile."""
    forms = {_form(row) for row in rows}
    others = [row for row in forecast.read_table() if _form(row) not in forms]
    half = forecast.TABLE.with_suffix(".half")
    with half.open("w", newline="") as file:
        table = csv.DictWriter(file, list(Peak.__annotations__), lineterminator="\n")
        table.writeheader()
        table.writerows(asdict(row) for row in sorted([*others, *rows], key=_form))
    half.replace(forecast.TABLE)
    forecast.measured_needs.cache_clear()


def _form(row: Peak) -> tuple[str, str, str]:
    return row.bundle, row.precision, row.profile


def kept(bundle: str) -> list[Compared]:
    """What the table says of it, and the forecasts made of that."""
    return [
        _compare(row, _on_one_core(get_profile(row.profile), row.precision))
        for row in forecast.read_table()
        if row.bundle == bundle
    ]


def compare(profile: EngineProfile, bundle: str) -> Iterator[Compared]:
    """Each size in turn, read under this very profile: what was forecast and what it takes."""
    for row in _measure(profile, bundle):
        yield _compare(row, profile)


def _compare(row: Peak, profile: EngineProfile) -> Compared:
    pages = row.together * forecast_page_bytes(row.width, row.height, profile, row.bundle)
    return Compared(row, forecast_child_bytes(profile, row.bundle) + pages)


def _measure(profile: EngineProfile, bundle: str) -> Iterator[Peak]:
    with tempfile.TemporaryDirectory(prefix="pages-") as folder:
        for width, height in SIZES:
            if width * height <= profile.max_page_pixels:
                pages = write_pages(Path(folder), width, height)
                for together in (1, 2):
                    yield _read_all(profile, bundle, pages, together)


def write_pages(folder: Path, width: int, height: int) -> list[WorkingImage]:
    """Print so small that the page is searched at native size; and, but for large pages, ordinary
    print across the whole page, whose lines are the longest that are read."""
    drawn = [draw_text(width, height, lines=LINES, letters=SMALL)]
    if width * height < LARGE:
        wide = draw_text(width, height, lines=LINES, letters=ORDINARY, column=PAGE_WIDE)
        drawn.append(wide)
    return [as_working_image(page, folder / f"{number}.npy") for number, page in enumerate(drawn)]


def _read_all(
    profile: EngineProfile, bundle: str, pages: Sequence[WorkingImage], together: int
) -> Peak:
    width, height = pages[0].width, pages[0].height
    rounds = 1 if width * height >= LARGE else ROUNDS
    unbounded = profile.override(memory_ceiling=sys.maxsize)
    with EngineProcess(unbounded, bundle) as engine, ThreadPoolExecutor(together) as threads:
        for page in [*pages] * rounds:
            results = list(threads.map(engine.read_page, [page] * together))
        peak_mb = -(-engine.peak_memory // MB)
    precision = results[0].receipt.precision
    return Peak(bundle, precision, profile.name, width, height, together, peak_mb)


def table(rows: Sequence[Compared]) -> str:
    """Markdown, MB: a row for each size, a column for each precision, profile and number of pages;
    the forecast, and in brackets what was measured."""
    cells: dict[tuple[int, int], dict[str, str]] = {}
    for row in rows:
        peak = row.peak
        way = f"{peak.precision}, {peak.profile}"
        way += f", {peak.together} pages" if peak.together > 1 else ""
        size = cells.setdefault((peak.width, peak.height), {})
        size[way] = f"{row.forecast // MB} ({peak.peak_mb})"
    ways = list(dict.fromkeys(way for size in cells.values() for way in size))
    lines = [["page, pixels", "megapixels", *ways], ["---"] * (2 + len(ways))]
    for (width, height), found in sorted(cells.items(), key=lambda item: math.prod(item[0])):
        megapixels = f"{width * height / 1e6:.1f}"
        lines.append([f"{width} x {height}", megapixels, *(found.get(way, "-") for way in ways)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
