"""What may be used is read from the machine and from every control group above this process."""

from pathlib import Path

import pytest

from ocrengine import memory
from ocrengine.choose import choose_profile
from ocrengine.memory import MemoryBudget, available_memory, usable_cores
from ocrengine.profiles import BALANCED, LOW_MEMORY, MB, get_profile

GB = 1024 * MB


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A machine of 16 GB with 10 GB free and eight cores, and an empty tree of control groups."""
    monkeypatch.setattr(memory, "CGROUP", tmp_path)
    monkeypatch.setattr(memory, "_meminfo", lambda: {"MemTotal": 16 * GB, "MemAvailable": 10 * GB})
    monkeypatch.setattr(memory.os, "sched_getaffinity", lambda pid: set(range(8)))
    return tmp_path


def in_group(monkeypatch, groups):
    monkeypatch.setattr(memory, "_own_groups", lambda: groups)


def write(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def test_without_a_control_group_the_machines_free_memory_counts(machine, monkeypatch):
    in_group(monkeypatch, {"": "/"})
    budget = available_memory()
    assert (budget.limit, budget.available) == (None, 10 * GB)


def test_a_group_above_ours_limits_us_too(machine, monkeypatch):
    in_group(monkeypatch, {"": "/outer/inner"})
    write(machine / "outer", memory__max=str(2 * GB), memory__current=str(GB // 2))
    write(machine / "outer" / "inner", memory__max="max", memory__current="0")
    budget = available_memory()
    assert (budget.limit, budget.available) == (2 * GB, 3 * GB // 2)


def test_file_cache_that_can_be_given_back_counts_as_free(machine, monkeypatch):
    in_group(monkeypatch, {"": "/a"})
    write(
        machine / "a",
        memory__max=str(2 * GB),
        memory__current=str(2 * GB),
        memory__stat=f"anon 1\ninactive_file {GB}\n",
    )
    assert available_memory().available == GB


def test_the_older_control_groups_are_understood(machine, monkeypatch):
    in_group(monkeypatch, {"memory": "/box"})
    write(
        machine / "memory" / "box",
        memory__limit_in_bytes=str(GB),
        memory__usage_in_bytes=str(GB // 4),
    )
    assert available_memory().available == 3 * GB // 4


def test_a_limit_larger_than_the_machine_is_no_limit(machine, monkeypatch):
    in_group(monkeypatch, {"": "/a"})
    write(machine / "a", memory__max=str(64 * GB), memory__current="0")
    assert available_memory().available == 10 * GB


@pytest.mark.parametrize(
    ("quota", "cores"), [("max 100000", 8), ("300000 100000", 3), ("50000 100000", 1)]
)
def test_cores_follow_the_processor_quota(machine, monkeypatch, quota, cores):
    in_group(monkeypatch, {"": "/a"})
    write(machine / "a", cpu__max=quota)
    assert usable_cores() == cores


def budget_of(available):
    return MemoryBudget(16 * GB, None, available, "no control group limits it")


def test_little_free_memory_chooses_low_memory_and_says_why():
    profile, why = choose_profile(budget_of(2 * GB))
    assert profile is LOW_MEMORY
    assert "2048 MB" in why
    assert choose_profile(budget_of(4 * GB))[0] is BALANCED


def test_what_was_asked_for_is_taken():
    assert choose_profile(budget_of(1 * GB), "balanced")[0] is BALANCED
    with pytest.raises(KeyError, match="low_memory, balanced, gpu"):
        get_profile("turbo")


def test_a_profiles_knobs_can_be_overridden_one_by_one():
    changed = BALANCED.override(tile_side=640, threads=None)
    assert (changed.tile_side, changed.threads) == (640, BALANCED.threads)
    assert BALANCED.tile_side == 960
