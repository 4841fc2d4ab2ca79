"""A queue between processes that survives the death of any of them: it has no lock to die with.

django-q2 hands tasks to its workers through multiprocessing.Queue, whose readers take turns by a
semaphore. A worker that is killed while it waits for a task dies with the semaphore in its hand,
and the cluster stands still for ever, looking alive. Here the kernel does the taking of turns: a
message of a SOCK_SEQPACKET pair (unix(7)) is received by one reader, whole or not at all.
Only doorbells pass through it, and a lost one is rung again.
"""

from __future__ import annotations

import array
import contextlib
import fcntl
import pickle
import select
import socket
import termios
from queue import Empty
from typing import Any

MESSAGE_BYTES = 200 * 1024
"""The kernel takes no longer one. A doorbell has 400 bytes."""
TIGHT_BYTES = 4608
"""The smallest buffer that Linux gives: a handful of doorbells."""


class Mailbox:
    """What django-q2 uses of multiprocessing.Queue."""

    def __init__(self, maxsize: int = 0) -> None:
        """maxsize   where given, the box holds a handful only, and put() waits while it is full:
        what a box holds is lost when its cluster is killed"""
        self._out, self._in = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if maxsize:
            self._in.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, TIGHT_BYTES)

    def put(self, thing: Any) -> None:
        """Raises OSError for a thing of more than MESSAGE_BYTES."""
        self._in.sendall(pickle.dumps(thing))

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """Raises queue.Empty when nothing comes in time."""
        patience = timeout if block else 0.0
        if patience is not None and not select.select([self._out], [], [], patience)[0]:
            raise Empty
        # Between processes of one cluster, over a socket that nobody else can reach.
        return pickle.loads(self._out.recv(MESSAGE_BYTES))  # noqa: S301

    def empty(self) -> bool:
        waiting = array.array("i", [0])
        with contextlib.suppress(OSError):
            fcntl.ioctl(self._out, termios.FIONREAD, waiting)
        return not waiting[0]

    def qsize(self) -> int:
        """Whether there is something, as a number: the kernel does not count messages."""
        return int(not self.empty())

    def close(self) -> None:
        """What was put stays for those who read."""

    def __del__(self) -> None:
        for end in (self._in, self._out):
            end.close()

    def join_thread(self) -> None:
        """There is none: put() has handed over when it returns."""


def install() -> None:
    """Have django-q2 use it. Call before a cluster is made, in its own process."""
    from django_q import cluster  # noqa: PLC0415  apps must be loaded first

    cluster.Queue = Mailbox
