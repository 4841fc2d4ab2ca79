"""The ladder of care: how a page is read after it ended a child, and how long it waits for it.

Rung 0 is what the profile and the job say. Each rung below asks for less, so that a page which was
too much comes back as text instead of not at all; what was given up stands in its receipt.
"""

from __future__ import annotations

from dataclasses import dataclass

from ocrengine.choose import LIGHT_BUNDLE


@dataclass(frozen=True)
class Rung:
    smaller_tiles: bool = False
    """Tiles of half the side: a quarter of the memory of one look."""
    halvings: int = 0
    """How often the pixels of the working image are halved."""
    light_bundle: bool = False


LADDER = (
    Rung(),
    Rung(smaller_tiles=True),
    Rung(smaller_tiles=True, halvings=1),
    Rung(smaller_tiles=True, halvings=2, light_bundle=True),
)
LAST = len(LADDER) - 1
TILES_MAY_HELP = {"out_of_memory", "engine_crashed", "engine_error", "internal_error"}
"""Not where time ran out, of which small tiles take more, nor where the page died before it was
looked at: in its decoder."""


def care_of(rung: int) -> Rung:
    return LADDER[min(rung, LAST)]


def next_rung(rung: int, *, code: str, tries_left: int) -> int:
    """The rung of the next try after a death for `code`; the last try gives up all that can be."""
    if tries_left <= 1:
        return LAST
    return min(LAST, max(rung + 1, 1 if code in TILES_MAY_HELP else 2))


def bundle_on(rung: int, bundle: str) -> str:
    """What a page on this rung is read with, where its job asked for `bundle`."""
    return LIGHT_BUNDLE if care_of(rung).light_bundle else bundle


def pixels_on(rung: int, *, width: int, height: int, pixel_cap: int) -> int:
    """Pixels that its working image may have."""
    halvings = care_of(rung).halvings
    return min(pixel_cap, width * height) >> halvings if halvings else pixel_cap


def tile_side_on(rung: int, side: int) -> int | None:
    """Longest side of one look in pixels, where the profile's is `side`; None leaves it so."""
    return max(320, side // 2) if care_of(rung).smaller_tiles else None
