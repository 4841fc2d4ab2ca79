"""Several processes that train one network together, a core each.

Each draws samples of its own; after every backward pass they average their gradients, so that all
take the same step. The first one scores, saves and lands.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Peers:
    """Which of them this process is."""

    rank: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def average(self, parameters: Iterable[torch.nn.Parameter], counts: Sequence[int]) -> list[int]:
        """Gradients become their mean over all processes; counts come back summed."""
        if self.count == 1:
            return list(counts)
        import torch.distributed  # noqa: PLC0415  see divide()

        gradients = [p.grad for p in parameters if p.grad is not None]
        told = torch.tensor(counts, dtype=torch.float32)
        everything = torch.cat([*(gradient.flatten() for gradient in gradients), told])
        torch.distributed.all_reduce(everything)
        parts = torch.split(
            everything, [*(gradient.numel() for gradient in gradients), len(counts)]
        )
        for gradient, part in zip(gradients, parts[:-1], strict=True):
            gradient.copy_(part.view_as(gradient) / self.count)
        return [round(total) for total in parts[-1].tolist()]


def divide(count: int) -> Peers:
    """Fork into that many processes, which find each other; to be called before torch is loaded.

    The others die with the first.
    """
    if count == 1:
        return Peers()
    folder = tempfile.mkdtemp(prefix="training-")
    parent, rank = os.getpid(), 0
    for number in range(1, count):
        if os.fork() == 0:
            rank = number
            _follow(parent)
            break
    if rank == 0:
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    import torch.distributed  # noqa: PLC0415  a fork after it has started threads would hang

    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=count
    )
    return Peers(rank, count)


def _follow(parent: int) -> None:
    """Say nothing, and end when the first one does, not with a key pressed on its terminal."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)  # it died before the line above
