"""No process outlives the one that started it: Linux tells children when their parent dies.

django-q2 leaves orphans that go on working when its parent or its sentinel is killed. With a
lifeline in every forked process the whole cluster goes down together, and the supervisor starts a
new one. Standard library only: it runs between fork and exec.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36

# Looked up once, before any fork: a child of a threaded parent must not load libraries.
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def _prctl(option: int, value: int) -> None:
    """Elsewhere than on Linux there is no such thing, and Ctrl-C still stops every group."""
    if _libc is not None:
        _libc.prctl(option, value, 0, 0, 0)


def die_with(parent: int) -> None:
    """SIGKILL for this process when `parent`, which started it, dies; at once if it has already."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def lifeline_to_me() -> Callable[[], None]:
    """For Popen(preexec_fn=...): the child dies with the process that calls this."""
    parent = os.getpid()
    return lambda: die_with(parent)


def install_fork_lifeline() -> None:
    """Tie every process forked from here on to its own parent, and those forked from it to it."""
    forking = os.getpid()

    def remember() -> None:
        nonlocal forking
        forking = os.getpid()

    os.register_at_fork(before=remember, after_in_child=lambda: die_with(forking))


def adopt_orphans() -> None:
    """Descendants whose parent dies become ours, so that they can be found and ended."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def _parents() -> dict[int, tuple[int, bool]]:
    """Every process: its parent, and whether it is a zombie."""
    found: dict[int, tuple[int, bool]] = {}
    proc = Path("/proc")
    for name in os.listdir(proc) if proc.is_dir() else ():
        if name.isdigit():
            try:
                # The name, in parentheses, may itself hold blanks and parentheses.
                state, parent = (proc / name / "stat").read_bytes().rpartition(b")")[2].split()[:2]
            except OSError:
                continue  # it ended meanwhile
            found[int(name)] = (int(parent), state == b"Z")
    return found


def descendants(root: int) -> set[int]:
    """Every live process under `root`, whatever its group or session, by parentage."""
    children: dict[int, list[int]] = {}
    processes = _parents()
    for pid, (parent, _) in processes.items():
        children.setdefault(parent, []).append(pid)
    found: set[int] = set()
    todo = [root]
    while todo:
        new = [pid for pid in children.get(todo.pop(), ()) if pid not in found]
        found.update(new)
        todo += new
    return {pid for pid in found if not processes[pid][1]}


def reap_orphans(*, except_for: set[int]) -> None:
    """Collect adopted processes that have ended; `except_for` have somebody who waits for them."""
    mine = os.getpid()
    for pid, (parent, is_zombie) in _parents().items():
        if parent == mine and is_zombie and pid not in except_for:
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
