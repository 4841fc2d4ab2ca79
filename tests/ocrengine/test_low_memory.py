"""low_memory is one switch: what it turns, beside what test_device and test_process say of it."""

import pytest

from ocrengine.process import child_environment
from ocrengine.profiles import BALANCED, LOW_MEMORY, MB


@pytest.mark.parametrize(
    "knob",
    [
        "max_page_pixels",
        "tile_side",
        "files_per_batch",
        "batch_pixels",
        "memory_ceiling",
        "kept_bytes",
        "recycle_pages",
    ],
)
def test_every_knob_that_costs_memory_is_turned_down(knob):
    assert getattr(LOW_MEMORY, knob) < getattr(BALANCED, knob)


def test_it_steps_back_further_says_less_and_asks_for_no_gpu():
    assert LOW_MEMORY.niceness > BALANCED.niceness
    assert LOW_MEMORY.log_level == "WARNING"
    assert LOW_MEMORY.device == "cpu"


def test_caches_of_libraries_are_capped_before_the_child_loads_them():
    told = child_environment(LOW_MEMORY)
    assert told["ONEDNN_PRIMITIVE_CACHE_CAPACITY"] == told["LRU_CACHE_CAPACITY"] == "16"
    assert told["OMP_NUM_THREADS"] == str(LOW_MEMORY.threads)
    tunables = dict(part.split("=") for part in told["GLIBC_TUNABLES"].split(":"))
    assert tunables["glibc.malloc.arena_max"] == "2"
    assert int(tunables["glibc.malloc.trim_threshold"]) == LOW_MEMORY.kept_bytes == 64 * MB
