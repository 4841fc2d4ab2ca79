"""The fork server and its children, as their client sees them. Standard library only.

Each process has a server of its own, started with its first order and gone after an idle while.
Threads may order at the same time.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, BinaryIO

from ocrengine.spawning import spawn

SERVER = Path(__file__).with_name("forkserver.py")
ROOT = Path(__file__).resolve().parents[2]
IDLE_SECONDS = 30.0
PATIENCE_SECONDS = 10.0
"""How long a server may take to hear us, or to kill a child and say so."""
PIECE = 1 << 16
MAX_ANSWER = 4 * 1024 * 1024


class ServerDied(Exception):
    """Without a word on its child: killed, or gone for the day while we asked."""


class ForkedChild:
    """One child: what it writes, and how it ended."""

    def __init__(self, server: ForkServer, answer: int, leash: socket.socket) -> None:
        self._server, self._answer, self._leash = server, answer, leash
        os.set_blocking(answer, False)
        self._poll = select.poll()
        self._poll.register(answer, select.POLLIN)
        self._poll.register(leash, select.POLLIN)
        self._is_read = False
        self.output = bytearray()
        self.status: int | None = None
        """As of subprocess, when it has ended."""

    def listen(self, seconds: float) -> None:
        """Until something is heard, or that long. Raises ServerDied."""
        for descriptor, _ in self._poll.poll(seconds * 1000):
            if descriptor == self._answer:
                self._read()
            else:
                self._hear_end()

    def end(self) -> None:
        """Have it killed, and whatever it started, unless it has ended; then its output is whole.
        Raises ServerDied."""
        try:
            if self.status is None:
                with contextlib.suppress(OSError):  # it has ended: the word on it tells
                    self._leash.shutdown(socket.SHUT_WR)
                self._leash.settimeout(PATIENCE_SECONDS)
                self._hear_end()
            while self._read():
                pass
        finally:
            self._leash.close()
            os.close(self._answer)

    def _read(self) -> bool:
        """Whether there may be more."""
        if len(self.output) > MAX_ANSWER:
            return False
        try:
            piece = os.read(self._answer, PIECE)
        except BlockingIOError:
            return False
        if not piece and not self._is_read:
            self._is_read = True
            self._poll.unregister(self._answer)
        self.output += piece
        return bool(piece)

    def _hear_end(self) -> None:
        try:
            word = self._leash.recv(PIECE)
        except TimeoutError as error:
            self._server.kill()
            raise ServerDied from error
        except OSError:
            word = b""
        if not word:
            # Its line may take a message yet: a process that dies lets go of one thing at a time.
            self._server.hang_up()
            raise ServerDied
        told: dict[str, Any] = json.loads(word)
        self.status = told["status"]
        self._server.count(told["seconds"], told["peak"])


class ForkServer:
    """One server process."""

    def __init__(self, program: Path) -> None:
        """program   what its children run"""
        self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = spawn(
                server_command(program),
                stdin=theirs,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={},
                cwd="/",
                close_fds=True,
                start_new_session=True,
            )
        self._line.settimeout(PATIENCE_SECONDS)
        self._lock = threading.Lock()
        self._seconds, self._peak = 0.0, 0

    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def order(self, order: str, file: BinaryIO) -> ForkedChild:
        """Start a child. Raises ServerDied."""
        leash, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        answer, written = os.pipe()
        try:
            handed = [file.fileno(), written, theirs.fileno()]
            socket.send_fds(self._line, [order.encode()], handed)
        except OSError as error:
            leash.close()
            os.close(answer)
            if isinstance(error, TimeoutError):
                self.kill()
            raise ServerDied from error
        finally:
            theirs.close()
            os.close(written)
        return ForkedChild(self, answer, leash)

    def hang_up(self) -> None:
        """Ask it for nothing more; it ends after its last child."""
        with contextlib.suppress(OSError):
            self._line.shutdown(socket.SHUT_RDWR)

    def let_go(self) -> None:
        self.hang_up()
        self._line.close()

    def kill(self) -> None:
        """Its children go with it."""
        self._process.kill()
        self.hang_up()

    def count(self, seconds: float, peak: int) -> None:
        with self._lock:
            self._seconds += seconds
            self._peak = max(self._peak, peak)

    def usage(self) -> tuple[float, int]:
        """Processor seconds and peak resident bytes that the kernel does not count as this
        process's yet: it does when the server has ended."""
        return (0.0, 0) if self.has_ended() else (self._seconds, self._peak)


class Nursery:
    """This process's servers: the one that takes orders, and those that are about to end."""

    def __init__(self, program: Path) -> None:
        self._program = program
        self._lock = threading.Lock()
        self._server: ForkServer | None = None
        self._leaving: list[ForkServer] = []

    def order(self, order: str, file: BinaryIO) -> ForkedChild:
        """Start a child, and a server first where none runs. Raises ServerDied."""
        with self._lock:
            if self._server is not None:
                try:
                    return self._server.order(order, file)
                except ServerDied:
                    self._server.let_go()
                    self._leaving.append(self._server)
            self._leaving = [server for server in self._leaving if not server.has_ended()]
            self._server = ForkServer(self._program)
            return self._server.order(order, file)

    def usage(self) -> tuple[float, int]:
        with self._lock:
            servers = [*self._leaving, *([self._server] if self._server else [])]
            seconds, peaks = zip((0.0, 0), *(server.usage() for server in servers), strict=True)
        return sum(seconds), max(peaks)


_nurseries: dict[tuple[int, Path], Nursery] = {}
"""By process, since a fork leaves them behind, and by program."""


def nursery(program: Path) -> Nursery:
    key = os.getpid(), program
    if key not in _nurseries:
        _nurseries.setdefault(key, Nursery(program))
    return _nurseries[key]


def server_command(program: Path) -> list[str]:
    # -I: no environment, no user site, no current folder; -S: no site, whose start-up costs more
    # than all imports. The packages' folders, and ours, are handed over instead.
    packages = [p for p in sys.path if p.endswith(("site-packages", "dist-packages"))]
    packages.append(str(ROOT))
    options = [str(os.getpid()), str(program), str(IDLE_SECONDS)]
    return [sys.executable, "-I", "-S", str(SERVER), *options, *packages]


def forked_usage() -> tuple[float, int]:
    """Of all servers of this process and their children, as far as the kernel does not say."""
    mine = [one for (pid, _), one in list(_nurseries.items()) if pid == os.getpid()]
    seconds, peaks = zip((0.0, 0), *(one.usage() for one in mine), strict=True)
    return sum(seconds), max(peaks)
