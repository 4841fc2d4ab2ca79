"""Children that ask to be killed when their parent dies. Standard library only."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

_spawners: dict[int, ThreadPoolExecutor] = {}
"""This process's own thread that starts children, by process: a fork leaves it behind."""


def spawn(command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
    """Popen from a thread that lives as long as this process: the kernel takes the thread that
    started a child for its parent."""
    pid = os.getpid()
    if pid not in _spawners:
        # Whoever comes second must not replace it: its thread would end, and its children with it.
        _spawners.setdefault(pid, ThreadPoolExecutor(1, thread_name_prefix="spawner"))
    return _spawners[pid].submit(lambda: subprocess.Popen(command, **options)).result()
