"""Profiles: one name that sets every knob that trades memory, speed and care.

Figures come from docs/benchmarks.md; change them there first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

MB = 1024 * 1024
MEGAPIXEL = 1_000_000


@dataclass(frozen=True)
class EngineProfile:
    name: str
    max_page_pixels: int
    """A page is decoded at native size up to this, reduced above it. A sheet of A0 at 150 dots per
    inch has 35 megapixels, and 8-point print on it 17 pixels: enough to be read."""
    tile_side: int
    """Longest side of one detection input, in pixels; larger pages are shrunk or tiled."""
    files_per_batch: int
    """Files accepted in one upload."""
    workers: int
    """Processes on this host that read pages, with one engine child each."""
    slots: int
    """Pages that one engine child computes at the same time. It holds one more, so that what a page
    waits for (its file, other pages' lines) costs no time."""
    batch_pixels: int
    """Padded pixels of one recognition batch."""
    device: str
    """cpu, cuda or auto."""
    precision: str
    """fp32, int8, bf16, fp16 or auto; auto takes the cheapest that the bundle and the processor
    have, and fp16 is never used on a CPU."""
    threads: int
    """Threads of one network's run; 0 = cores divided by workers and slots."""
    niceness: int
    """Of an engine child. Its input and output step back with it: Linux gives a process that asked
    for no I/O class the level (niceness + 20) / 5 of best effort, ionice(1)."""
    memory_ceiling: int
    """Resident bytes at which an engine child is killed."""
    kept_bytes: int
    """Freed buffers that an engine child keeps for its next layer instead of mapping new ones."""
    recycle_pages: int
    """Pages after which an engine child is replaced."""
    page_seconds: int
    """Wall seconds that a page of up to 10 megapixels may take in the engine child."""
    log_level: str

    def override(self, **knobs: Any) -> EngineProfile:
        """A copy with some knobs changed; None means 'leave it'."""
        return replace(self, **{k: v for k, v in knobs.items() if v is not None})


LOW_MEMORY = EngineProfile(
    name="low_memory",
    max_page_pixels=36 * MEGAPIXEL,
    tile_side=640,
    files_per_batch=5,
    workers=1,
    slots=2,
    batch_pixels=48 * 640,
    device="cpu",
    precision="auto",
    threads=1,
    niceness=10,
    memory_ceiling=600 * MB,
    kept_bytes=64 * MB,
    recycle_pages=200,
    page_seconds=120,
    log_level="WARNING",
)
BALANCED = EngineProfile(
    name="balanced",
    max_page_pixels=40 * MEGAPIXEL,
    tile_side=960,
    files_per_batch=10,
    workers=2,
    slots=1,
    batch_pixels=48 * 1280,
    device="auto",
    precision="auto",
    threads=0,
    niceness=5,
    memory_ceiling=900 * MB,
    kept_bytes=256 * MB,
    recycle_pages=500,
    page_seconds=90,
    log_level="INFO",
)
GPU = EngineProfile(
    name="gpu",
    max_page_pixels=40 * MEGAPIXEL,
    tile_side=1280,
    files_per_batch=50,
    workers=1,
    slots=4,
    batch_pixels=48 * 1280 * 8,
    device="cuda",
    precision="auto",
    threads=0,
    niceness=0,
    memory_ceiling=4096 * MB,
    kept_bytes=256 * MB,
    recycle_pages=2000,
    page_seconds=60,
    log_level="INFO",
)
PROFILES = {profile.name: profile for profile in (LOW_MEMORY, BALANCED, GPU)}


def get_profile(name: str) -> EngineProfile:
    """The profile of that name; KeyError names the three there are."""
    if name not in PROFILES:
        raise KeyError(f"unknown profile {name!r}: choose one of {', '.join(PROFILES)}")
    return PROFILES[name]
