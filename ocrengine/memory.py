"""What this process may use: memory and cores; limits are read, never made. Stdlib only."""

from __future__ import annotations

import contextlib
import ctypes
import os
from dataclasses import dataclass
from pathlib import Path

from ocrengine.profiles import MB, EngineProfile

CGROUP = Path("/sys/fs/cgroup")
NO_LIMIT = 1 << 60
"""cgroup v1 says 'no limit' with a number near 2**63."""


@dataclass(frozen=True)
class MemoryBudget:
    total: int
    limit: int | None
    """Bytes a control group allows; None without one."""
    available: int
    """Bytes that can be taken now: what the machine has free, or what the limit leaves."""
    source: str


def _read_int(path: Path) -> int | None:
    try:
        text = path.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None


def _meminfo() -> dict[str, int]:
    lines = Path("/proc/meminfo").read_text().splitlines()
    return {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines if ":" in line}


def _own_groups() -> dict[str, str]:
    """Controller -> path of our group; '' is cgroup v2's single hierarchy."""
    groups: dict[str, str] = {}
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return groups
    for line in lines:
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            groups[controller] = path
    return groups


def _upwards(root: Path, path: str) -> list[Path]:
    """A group's folder and its ancestors'. Inside a container the host's path may not exist."""
    folder = root / path.lstrip("/")
    chain = [folder, *folder.parents]
    found = [f for f in chain if f.is_relative_to(root) and f.is_dir()]
    return found or [root]


def _v2_left(folder: Path) -> tuple[int, int] | None:
    limit, used = _read_int(folder / "memory.max"), _read_int(folder / "memory.current")
    return None if limit is None else (limit, limit - (used or 0) + _inactive(folder))


def _v1_left(folder: Path) -> tuple[int, int] | None:
    limit = _read_int(folder / "memory.limit_in_bytes")
    if limit is None or limit > NO_LIMIT:
        return None
    used = _read_int(folder / "memory.usage_in_bytes") or 0
    return limit, limit - used + _inactive(folder)


def _inactive(folder: Path) -> int:
    """File cache that the kernel gives back when asked: it counts as used, but is not."""
    try:
        lines = (folder / "memory.stat").read_text().splitlines()
    except OSError:
        return 0
    stat = dict(line.split(" ", 1) for line in lines if " " in line)
    return int(stat.get("total_inactive_file", stat.get("inactive_file", "0")))


def available_memory() -> MemoryBudget:
    """The tightest of the machine and of every control group above this process."""
    info = _meminfo()
    total, free = info["MemTotal"], info["MemAvailable"]
    groups = _own_groups()
    found: list[tuple[int, int]] = []
    for folder in _upwards(CGROUP, groups.get("", "/")):
        found += filter(None, [_v2_left(folder)])
    for folder in _upwards(CGROUP / "memory", groups.get("memory", "/")):
        found += filter(None, [_v1_left(folder)])
    if not found:
        return MemoryBudget(total, None, free, "no control group limits it")
    limit, left = min(found, key=lambda pair: pair[1])
    if left >= free:
        return MemoryBudget(total, min(limit, total), free, "the machine itself is the limit")
    return MemoryBudget(total, limit, max(0, left), f"a control group allows {limit // MB} MB")


def usable_cores() -> int:
    """Cores this process may use: affinity, and the CPU quota of a control group."""
    cores = len(os.sched_getaffinity(0))
    groups = _own_groups()
    for folder in _upwards(CGROUP, groups.get("", "/")):
        try:
            quota, period = (folder / "cpu.max").read_text().split()
        except (OSError, ValueError):
            continue
        if quota.isdigit():
            cores = min(cores, max(1, int(quota) // int(period)))
    for folder in _upwards(CGROUP / "cpu", groups.get("cpu", "/")):
        quota_us = _read_int(folder / "cpu.cfs_quota_us")
        period_us = _read_int(folder / "cpu.cfs_period_us")
        if quota_us and period_us:
            cores = min(cores, max(1, quota_us // period_us))
    return cores


def threads_per_page(profile: EngineProfile) -> int:
    """Threads of one network's run: the profile's, or what the pages in flight leave each."""
    return profile.threads or max(1, usable_cores() // (profile.workers * profile.slots))


def peak_memory_of(pid: int) -> int:
    """VmHWM of a process in bytes; 0 when it is gone."""
    return _status_bytes(pid, "VmHWM")


def memory_of(pid: int) -> int:
    """Anonymous resident bytes of a process: memory-mapped images are the page cache's."""
    return _status_bytes(pid, "RssAnon")


def _status_bytes(pid: int, key: str) -> int:
    with contextlib.suppress(OSError), open(f"/proc/{pid}/status") as file:
        for line in file:
            if line.startswith(f"{key}:"):
                return int(line.split()[1]) * 1024
    return 0


def trim() -> None:
    """Give freed memory back to the system (glibc)."""
    with contextlib.suppress(OSError):  # another C library has its own ways
        ctypes.CDLL("libc.so.6").malloc_trim(0)
