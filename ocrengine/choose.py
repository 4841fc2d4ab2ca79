"""Which profile, and why, in one sentence; and which bundles there are to choose from."""

from __future__ import annotations

from ocrengine.memory import MemoryBudget
from ocrengine.profiles import BALANCED, LOW_MEMORY, MB, EngineProfile, get_profile

ROOMY_BYTES = 3 * 1024 * MB
BUNDLE_NAMES = ("accurate", "fast")
"""The names in ocrengine.bundles, for those who must not load pixels to know them."""
LIGHT_BUNDLE = "fast"
"""The one that needs the least memory and time."""


def choose_profile(budget: MemoryBudget, asked_for: str = "") -> tuple[EngineProfile, str]:
    """What was asked for; else low_memory under 3 GB of free memory, else balanced."""
    if asked_for:
        return get_profile(asked_for), "OCR_PROFILE asks for it"
    free = f"{budget.available // MB} MB are free ({budget.source})"
    if budget.available < ROOMY_BYTES:
        return LOW_MEMORY, f"{free}, which is under {ROOMY_BYTES // MB} MB"
    return BALANCED, free
