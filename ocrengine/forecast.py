"""How much memory will an engine child need? By what was measured, kept beside the weights.

Stdlib only: whoever accepts a page must know, and must not load a network for it. The table is
written by `manage.py benchmark --memory`.
"""

from __future__ import annotations

import csv
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ocrengine.profiles import MB, PROFILES, EngineProfile

TABLE = Path(__file__).with_name("weights") / "memory.csv"
SPARE = 1.2
"""Forecast over what was measured with pages of one size. A child that has read many sizes keeps
more: 705 MB after twenty invoices where it was 613."""


@dataclass(frozen=True)
class Peak:
    """A row of the table: pages of one size, read by a child of their own."""

    bundle: str
    precision: str
    profile: str
    width: int
    height: int
    together: int
    """Pages read at the same time"""
    peak_mb: int
    """Highest resident memory of the child"""

    @property
    def pixels(self) -> int:
        return self.width * self.height


@dataclass(frozen=True)
class Needs:
    """MB of an engine child at its peak: what it is, and what each page adds that it reads at the
    same time, by the pixels of the page; both ascending."""

    child: float
    pixels: tuple[int, ...]
    pages: tuple[float, ...]

    def of_page(self, pixels: int) -> float:
        """On straight lines between what was measured; the last of them goes on."""
        x = max(pixels, self.pixels[0])
        after = min(max(bisect_left(self.pixels, x), 1), len(self.pixels) - 1)
        (x0, x1), (y0, y1) = (kept[after - 1 : after + 1] for kept in (self.pixels, self.pages))
        return y0 + (y1 - y0) * (x - x0) / (x1 - x0)


def forecast_page_bytes(width: int, height: int, profile: EngineProfile, bundle: str) -> int:
    """What a page of that size adds to the child that reads it, at the peak."""
    pixels = min(width * height, profile.max_page_pixels)
    return round(SPARE * MB * max(needs.of_page(pixels) for needs in _expected(profile, bundle)))


def forecast_child_bytes(profile: EngineProfile, bundle: str) -> int:
    """What an engine child needs besides its pages."""
    return round(SPARE * MB * max(needs.child for needs in _expected(profile, bundle)))


def _expected(profile: EngineProfile, bundle: str) -> list[Needs]:
    """Of the precision that choose_device() comes to on a processor. Of a bundle that nobody
    measured: of all that somebody did."""
    known = measured_needs()
    forms = known.get(bundle)
    if forms is None:
        return [_under(profile, kinds) for forms in known.values() for kinds in forms.values()]
    is_int8 = profile.precision in ("auto", "int8") and "int8" in forms
    return [_under(profile, forms["int8" if is_int8 else "fp32"])]


def _under(profile: EngineProfile, measured: Mapping[str, Needs]) -> Needs:
    """Of the profile with tiles as large, or with the next larger ones."""
    names = sorted(measured, key=lambda name: PROFILES[name].tile_side)
    enough = (name for name in names if PROFILES[name].tile_side >= profile.tile_side)
    return measured[next(enough, names[-1])]


# --- The table ----------------------------------------------------------------------------------


def read_table() -> list[Peak]:
    with TABLE.open(newline="") as file:
        return [
            Peak(
                bundle=row["bundle"],
                precision=row["precision"],
                profile=row["profile"],
                width=int(row["width"]),
                height=int(row["height"]),
                together=int(row["together"]),
                peak_mb=int(row["peak_mb"]),
            )
            for row in csv.DictReader(file)
        ]


@cache
def measured_needs() -> Mapping[str, Mapping[str, Mapping[str, Needs]]]:
    """Bundle -> precision -> profile -> needs."""
    grouped: dict[str, dict[str, dict[str, list[Peak]]]] = {}
    for row in read_table():
        forms = grouped.setdefault(row.bundle, {}).setdefault(row.precision, {})
        forms.setdefault(row.profile, []).append(row)
    return {
        bundle: {
            precision: {profile: needs_of(rows) for profile, rows in profiles.items()}
            for precision, profiles in forms.items()
        }
        for bundle, forms in grouped.items()
    }


def needs_of(rows: Iterable[Peak]) -> Needs:
    """The least that explains every row: the child is the lowest peak, and a page adds as much as
    any page that is not larger was seen to add, alone or beside others."""
    rows = sorted(rows, key=lambda row: row.pixels)
    child = min(row.peak_mb for row in rows)
    added: dict[int, float] = {}
    most = 0.0
    for row in rows:
        most = added[row.pixels] = max(most, (row.peak_mb - child) / row.together)
    return Needs(child, tuple(added), tuple(added.values()))
