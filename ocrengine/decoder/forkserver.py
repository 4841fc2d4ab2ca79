"""A clean process that has loaded what decoding needs, and forks a decoder child per order.

Run by path with `-I -S` and an empty environment, never imported. Its standard input is a socket:
each message brings an order, and three descriptors for the child: the file, a pipe for the answer,
and a leash. It hands the file on unread. The leash is this child's alone: when the client lets go
of it the child is killed; when the child has ended, its whole group is, and the leash says how:

    {"status": 0, "seconds": .07, "peak": 31000000}     status as of subprocess, processor time
                                                         (this process's since last told included),
                                                         peak resident bytes
"""

import contextlib
import ctypes
import gc
import json
import os
import resource
import select
import signal
import socket
import sys

PR_SET_PDEATHSIG = 1
MESSAGE_BYTES = 64 * 1024
STDIN, STDOUT, STDERR = range(3)
NO_CRASH = (signal.SIGKILL, signal.SIGXCPU)
"""How children are ended for what they take, not for a wrong address."""


def die_with(parent: int) -> None:
    """Be killed when the parent dies; it may have died before we asked."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def load_for(kind: str) -> None:
    """What a child would import first. pdfium takes memory: not before the first PDF."""
    with contextlib.suppress(ImportError):  # the child meets it again, and is the one to fail
        if kind == "pdf":
            from ocrengine.decoder.parsing import pdf  # noqa: F401, PLC0415
        else:
            from ocrengine.decoder.parsing import images  # noqa: F401, PLC0415
        from PIL import Image, WebPImagePlugin  # noqa: F401, PLC0415

        Image.preinit()  # BMP, GIF, JPEG, PNG


class Server:
    def __init__(self, line: socket.socket, program: str) -> None:
        """program   path of what a child runs, as if it were started with its order"""
        with open(program, "rb") as file:
            self._code = compile(file.read(), program, "exec")
        self._program = program
        self._line = line
        self._line_is_open = True
        self._leashes: dict[int, socket.socket] = {}
        """By the child's pid."""
        self._told = 0.0
        """Own processor seconds that clients know of."""
        self._wake, self._alarm = socket.socketpair()
        """A child that ends rings the alarm."""
        for end in (self._wake, self._alarm):
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._alarm.fileno(), warn_on_full_buffer=False)
        self._poll = select.poll()
        for socket_heard in (line, self._wake):
            self._poll.register(socket_heard, select.POLLIN)

    def serve(self, idle_seconds: float) -> None:
        """Until the client hangs up, or has asked for nothing for so long."""
        line, wake = self._line.fileno(), self._wake.fileno()
        while self._line_is_open or self._leashes:
            events = self._poll.poll(None if self._leashes else idle_seconds * 1000)
            if not events and not self._leashes:
                return
            ready = {descriptor for descriptor, _ in events}
            # In this order no number stands for a leash that is gone, or for a newer one.
            for leash in ready - {line, wake}:
                self._kill_held_by(leash)
            if wake in ready:
                self._bury()
            if line in ready and self._line_is_open:
                self._take_order()

    def _take_order(self) -> None:
        try:
            message, descriptors, _, _ = socket.recv_fds(self._line, MESSAGE_BYTES, 3)
        except OSError:
            message = b""
        if not message:
            self._hang_up()
            return
        file, answer, leash = descriptors
        load_for(json.loads(message)["kind"])
        gc.freeze()  # a collection in the child would copy every page it looks at
        server = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._be_child(server, message.decode(), file, answer)
        os.close(file)
        os.close(answer)
        self._leashes[pid] = socket.socket(fileno=leash)
        self._poll.register(leash, select.POLLIN)

    def _hang_up(self) -> None:
        """Orders that nobody has taken yet are let go of, which tells their clients."""
        self._line_is_open = False
        self._poll.unregister(self._line)
        self._line.close()

    def _be_child(self, server: int, order: str, file: int, answer: int) -> None:
        """Run the program as a process of its own that has the file and the pipe, nothing else."""
        try:
            die_with(server)
            os.setsid()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.dup2(file, STDIN)
            os.dup2(answer, STDOUT)
            close_all_but_standard()
            sys.stdin = os.fdopen(STDIN, closefd=False)
            sys.stdout = os.fdopen(STDOUT, "w", closefd=False)
            sys.argv = [self._program, order]
            exec(self._code, {"__name__": "__main__"})  # noqa: S102  our own program
            sys.stdout.flush()
            os._exit(0)
        finally:
            os._exit(1)

    def _kill_held_by(self, leash: int) -> None:
        self._poll.unregister(leash)
        for pid, held in self._leashes.items():
            if held.fileno() == leash:
                kill_group(pid)

    def _bury(self) -> None:
        """Whoever has ended. Its group is killed while its number cannot be another's yet."""
        with contextlib.suppress(BlockingIOError):
            self._wake.recv(4096)
        for pid in list(self._leashes):
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                kill_group(pid)
                self._tell(self._leashes.pop(pid), *os.wait4(pid, 0)[1:])

    def _tell(self, leash: socket.socket, status: int, usage: resource.struct_rusage) -> None:
        code = os.waitstatus_to_exitcode(status)
        mine = resource.getrusage(resource.RUSAGE_SELF)
        used = mine.ru_utime + mine.ru_stime
        seconds = usage.ru_utime + usage.ru_stime + used - self._told
        self._told = used
        with contextlib.suppress(KeyError):
            self._poll.unregister(leash)
        told = {"status": code, "seconds": seconds, "peak": usage.ru_maxrss * 1024}
        with leash, contextlib.suppress(OSError):  # the client may be gone
            leash.send(json.dumps(told).encode())
        if code < 0 and -code not in NO_CRASH and self._line_is_open:
            # A child crashed, perhaps because its file guessed at addresses, which all children of
            # this process share. No second guess: the next server has others.
            self._hang_up()


def kill_group(pid: int) -> None:
    """A child, and what it started. It may not lead its group yet."""
    for kill in (os.kill, os.killpg):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)


def close_all_but_standard() -> None:
    for name in os.listdir("/proc/self/fd"):
        if int(name) > STDERR:
            with contextlib.suppress(OSError):  # the listing's own is closed by now
                os.close(int(name))


def main() -> None:
    client, program, idle_seconds, *packages = sys.argv[1:]
    die_with(int(client))
    line = socket.socket(fileno=os.dup(STDIN))
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, STDIN)
    os.close(nowhere)
    sys.path.extend(packages)
    Server(line, program).serve(float(idle_seconds))


if __name__ == "__main__":
    main()
