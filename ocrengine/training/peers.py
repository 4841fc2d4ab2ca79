"""Several processes that train one network together, a core each.

Each draws samples of its own; after every backward pass they average their gradients, so that all
take the same step. The first one scores, saves and lands. Gradients meet in shared memory: through
sockets (gloo), that took 80 ms of each process's 280 ms a step.
"""

from __future__ import annotations

import ctypes
import mmap
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import torch

PR_SET_PDEATHSIG = 1
ROOM = 4 * 32_000_000
"""Bytes for one process's gradients; memory is taken only as far as it is written to."""
PATIENCE = 1800.0
"""Seconds to wait for the others: the first one may be scoring."""


class Barrier(Protocol):
    def wait(self, timeout: float | None = None) -> int: ...


@dataclass(frozen=True)
class Peers:
    """Which of them this process is, and where they meet."""

    rank: int = 0
    count: int = 1
    shared: mmap.mmap | None = None
    barrier: Barrier | None = None

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def average(self, parameters: Iterable[torch.nn.Parameter], counts: Sequence[int]) -> list[int]:
        """Gradients become their mean over all processes; counts come back summed."""
        if self.shared is None or self.barrier is None:
            return list(counts)
        import torch  # noqa: PLC0415  see divide()

        rows = torch.frombuffer(self.shared, dtype=torch.float32).view(self.count, -1)
        told = torch.tensor(counts, dtype=torch.float32)
        gradients = [p.grad for p in parameters if p.grad is not None]
        sizes = [told.numel(), *(gradient.numel() for gradient in gradients)]
        parts = torch.split(rows[:, : sum(sizes)], sizes, dim=1)
        parts[0][self.rank] = told
        for gradient, part in zip(gradients, parts[1:], strict=True):
            part[self.rank].view_as(gradient).copy_(gradient)
        self.barrier.wait(PATIENCE)
        for gradient, part in zip(gradients, parts[1:], strict=True):
            gradient.copy_(part.mean(dim=0).view_as(gradient))
        summed = parts[0].sum(dim=0).tolist()
        self.barrier.wait(PATIENCE)  # nobody writes before everybody has read
        return [round(total) for total in summed]


def divide(count: int) -> Peers:
    """Fork into that many processes; to be called before torch is loaded, whose threads a fork
    would lose.

    The others die with the first.
    """
    if count == 1:
        return Peers()
    shared = mmap.mmap(-1, count * ROOM)
    barrier = multiprocessing.get_context("fork").Barrier(count)
    parent, rank = os.getpid(), 0
    for number in range(1, count):
        if os.fork() == 0:
            rank = number
            _follow(parent)
            break
    return Peers(rank, count, shared, barrier)


def _follow(parent: int) -> None:
    """Say nothing, and end when the first one does, not with a key pressed on its terminal."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)  # it died before the line above
