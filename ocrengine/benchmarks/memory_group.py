"""A control group with a hard memory limit, and what was used under it. Linux, as root.

Either version of control groups. Run as a program, `python -m ocrengine.benchmarks.memory_group
GROUP CORES COMMAND...` it steps into the group, onto so many cores, and becomes the command.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path
from types import TracebackType

from ocrengine.memory import CGROUP

LOOK_SECONDS = 0.2
LEAVE_SECONDS = 10.0


class GroupUnavailable(Exception):
    """Why no group could be made, in one sentence."""


class MemoryGroup:
    """Made on entering, removed on leaving; its processes are given a while to end."""

    def __init__(self, limit: int, root: Path = CGROUP) -> None:
        """limit   bytes that all its processes may hold, their file cache included"""
        self.limit, self._root = limit, root
        self._is_v2 = (root / "cgroup.controllers").exists()
        self.folder = (root if self._is_v2 else root / "memory") / f"folio-{os.getpid()}"
        self.peak_anonymous = 0
        """Highest bytes seen of what cannot be given back without swap: looked at five times a
        second."""
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._look_again_and_again, daemon=True)

    def __enter__(self) -> MemoryGroup:
        try:
            if self._is_v2:
                (self._root / "cgroup.subtree_control").write_text("+memory")
            self.folder.mkdir()
            self._set_limit()
        except OSError as error:
            raise GroupUnavailable(f"no memory control group can be made here: {error}") from error
        self._watch.start()
        return self

    def _set_limit(self) -> None:
        """Swap would hide what is measured: it is off where the kernel counts it."""
        names = ("memory.max", "memory.swap.max", "0")
        if not self._is_v2:
            names = ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes", str(self.limit))
        limit, swap, without_swap = names
        (self.folder / limit).write_text(str(self.limit))
        if (self.folder / swap).exists():
            (self.folder / swap).write_text(without_swap)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._watch.join()
        end = time.monotonic() + LEAVE_SECONDS
        while (self.folder / "cgroup.procs").read_text() and time.monotonic() < end:
            time.sleep(0.1)
        self.folder.rmdir()

    @property
    def peak(self) -> int:
        """Highest bytes counted against the limit: file cache, too, which the kernel lets grow
        until it needs the room."""
        name = "memory.peak" if self._is_v2 else "memory.max_usage_in_bytes"
        return int((self.folder / name).read_text())

    @property
    def anonymous(self) -> int:
        """Bytes that processes hold in their own or in shared memory."""
        names = ("anon", "shmem") if self._is_v2 else ("total_rss", "total_shmem")
        return sum(self._stat("memory.stat").get(name, 0) for name in names)

    @property
    def kills(self) -> int:
        """Processes that the kernel ended for memory."""
        return self._stat("memory.events" if self._is_v2 else "memory.oom_control")["oom_kill"]

    def _stat(self, name: str) -> dict[str, int]:
        lines = (self.folder / name).read_text().splitlines()
        return {key: int(value) for key, _, value in (line.partition(" ") for line in lines)}

    def _look_again_and_again(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            self.peak_anonymous = max(self.peak_anonymous, self.anonymous)


def inside(group: MemoryGroup, cores: int, command: list[str]) -> list[str]:
    """The command, as it must be called to run inside."""
    me = ["-m", "ocrengine.benchmarks.memory_group"]
    return [sys.executable, *me, str(group.folder), str(cores), *command]


def main() -> None:
    folder, cores, *command = sys.argv[1:]
    (Path(folder) / "cgroup.procs").write_text(str(os.getpid()))
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(cores)])
    os.execvp(command[0], command)  # noqa: S606  it becomes the command


if __name__ == "__main__":
    main()
