"""No process outlives the one that started it: Linux tells children when their parent dies.

django-q2 leaves orphans that go on working when its parent or its sentinel is killed. With a
lifeline in every forked process the whole cluster goes down together, and the supervisor starts a
new one.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def die_with_parent() -> None:
    """SIGKILL for this process when its parent dies; at once if that has happened already."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() == 1 and os.getpid() != 1:
        os._exit(1)


def install_fork_lifeline() -> None:
    """Give every process forked from here on a lifeline to its own parent."""
    os.register_at_fork(after_in_child=die_with_parent)


def adopt_orphans() -> None:
    """Descendants whose parent dies become ours, so that they can be found and ended."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def descendants(root: int) -> set[int]:
    """Every live process under `root`, whatever its group or session, by parentage in /proc."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_bytes().rpartition(b")")[2].split()
        except OSError:
            continue
        if fields[0] != b"Z":
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found: set[int] = set()
    todo = [root]
    while todo:
        for child in children.get(todo.pop(), ()):
            if child not in found:
                found.add(child)
                todo.append(child)
    return found


def reap_zombies() -> None:
    """Collect what has ended; an adopted orphan has nobody else to do it."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
