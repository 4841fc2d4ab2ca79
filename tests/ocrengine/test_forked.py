"""The fork server behind the decoder: whose it is, what it outlives, and what ends it.

Every case starts real processes.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ocrengine.decoder import client, forked
from ocrengine.decoder.client import DecodeLimits, decode_page, inspect_file
from ocrengine.errors import DecoderCrashed, DecoderOutOfMemory, DecoderTimeout
from tests.ocrengine import hostile

ROOT = Path(__file__).resolve().parents[2]
NO_PAGES = 'print(\'{"pages": [], "notes": []}\')'
SAY_PARENT = "import json, os; print(json.dumps({'pages': [], 'notes': [os.getppid()]}))"
HANG = "import hashlib; hashlib.pbkdf2_hmac('sha256', b'x', b'y', 2_000_000_000)"


@pytest.fixture
def upload(tmp_path: Path) -> Path:
    """Never plain, so that a child looks at it."""
    path = tmp_path / "upload"
    path.write_bytes(hostile.image("GIF", (64, 48), "L"))
    return path


@pytest.fixture
def stand_in(monkeypatch, tmp_path: Path) -> Callable[[str], None]:
    def write(code: str) -> None:
        """Let another program answer in the decoder's place, forked by a server of its own."""
        script = tmp_path / "stand_in.py"
        script.write_text(code)
        monkeypatch.setattr(client, "CHILD", script)

    return write


def server_asked_for(upload: Path) -> int:
    return inspect_file(upload).notes[0]


def is_alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] != b"Z"
    return False


def wait_until_gone(pids: list[int]) -> None:
    deadline = time.monotonic() + 20
    while left := [pid for pid in pids if is_alive(pid)]:
        assert time.monotonic() < deadline, f"still alive: {left}"
        os.sched_yield()


def test_one_server_forks_the_children_of_many_orders(upload, stand_in):
    stand_in(SAY_PARENT)
    servers = {server_asked_for(upload) for _ in range(3)}
    assert len(servers) == 1
    assert servers != {os.getpid()}


def test_a_server_that_was_killed_is_replaced_unnoticed(upload, stand_in):
    stand_in(SAY_PARENT)
    first = server_asked_for(upload)
    os.kill(first, signal.SIGKILL)
    assert server_asked_for(upload) not in (first, os.getpid())


def test_a_file_is_tried_again_when_the_server_dies_under_it(upload, stand_in, tmp_path):
    once = f"open({str(tmp_path / 'been_here')!r}, 'x')"
    kill = "os.kill(os.getppid(), 9); input()"
    stand_in(f"import os\ntry:\n  {once}\n  {kill}\nexcept FileExistsError:\n  {NO_PAGES}")
    assert inspect_file(upload).pages == ()


def test_a_file_under_which_servers_die_twice_is_not_tried_a_third_time(upload, stand_in, tmp_path):
    tries = tmp_path / "tries"
    stand_in(f"import os\nopen({str(tries)!r}, 'a').write('x')\nos.kill(os.getppid(), 9)\n{HANG}")
    with pytest.raises(DecoderCrashed):
        inspect_file(upload)
    assert tries.read_text() == "xx"


def test_after_a_crash_the_next_file_meets_other_addresses(upload, stand_in, tmp_path):
    crash = tmp_path / "crash"
    stand_in(f"import ctypes, os\nif os.path.exists({str(crash)!r}): os.abort()\n{SAY_PARENT}")
    first = server_asked_for(upload)
    crash.touch()
    with pytest.raises(DecoderOutOfMemory):
        inspect_file(upload)
    crash.unlink()
    assert server_asked_for(upload) != first


def test_a_page_that_took_too_long_does_not_cost_the_server(upload, stand_in, tmp_path):
    hang = tmp_path / "hang"
    stand_in(f"import hashlib, os\nif os.path.exists({str(hang)!r}): {HANG[16:]}\n{SAY_PARENT}")
    first = server_asked_for(upload)
    hang.touch()
    with pytest.raises(DecoderTimeout):
        inspect_file(upload, DecodeLimits(wall_seconds=0.2))
    hang.unlink()
    assert server_asked_for(upload) == first


def test_each_thread_gets_the_answer_to_its_own_order(tmp_path):
    def width_of(width: int) -> int:
        path = tmp_path / str(width)
        path.write_bytes(hostile.image("GIF", (width, 20), "L"))
        out = tmp_path / f"out{width}"
        out.mkdir()
        assert inspect_file(path).pages[0].width == width
        return decode_page(path, "gif", 0, out_dir=out, pixel_cap=10_000).width

    widths = list(range(20, 32))
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(width_of, widths)) == widths


def test_a_child_cannot_see_the_file_of_another(upload, stand_in):
    stand_in(
        "import json, os\n"
        "seen = [os.readlink(f'/proc/self/fd/{n}') for n in (0, 1, 2)]\n"
        "print(json.dumps({'pages': [], 'notes': seen + os.listdir('/proc/self/fd')}))"
    )
    with ThreadPoolExecutor(3) as threads:
        answers = list(threads.map(lambda _: inspect_file(upload).notes, range(6)))
    for file, answer, nowhere, *descriptors in answers:
        assert (file, nowhere) == (str(upload), "/dev/null")
        assert answer.startswith("pipe:")
        assert len(descriptors) == 4  # one is the listing's own


def test_a_server_without_work_goes(upload, stand_in, monkeypatch):
    stand_in(SAY_PARENT)
    monkeypatch.setattr(forked, "IDLE_SECONDS", 0.3)
    first = server_asked_for(upload)
    wait_until_gone([first])
    assert server_asked_for(upload) != first


def run_client(code: str, *arguments: str) -> subprocess.Popen:
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n" + code
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


ASK = """
import os
from pathlib import Path
from ocrengine.decoder import client
client.CHILD = Path(sys.argv[1])
def ask():
    return client.inspect_file(Path(sys.argv[2])).notes[0]
"""


def test_a_forked_process_has_a_server_of_its_own(upload, stand_in):
    stand_in(SAY_PARENT)
    code = ASK + "print(ask(), flush=True)\nif os.fork() == 0: print(ask(), flush=True)\n"
    code += "else: os.wait(); print(ask())"
    with run_client(code, str(client.CHILD), str(upload)) as process:
        servers = [int(line) for line in process.stdout]
    assert servers[0] == servers[2] != servers[1]
    wait_until_gone(servers)


def test_server_and_child_die_with_their_client(upload, stand_in, tmp_path):
    pids = tmp_path / "pids"
    os.mkfifo(pids)
    told = f"open({str(pids)!r}, 'w').write(json.dumps([os.getpid(), os.getppid()]))\n"
    stand_in(f"import json, os\n{told}{HANG}")
    with run_client(ASK + "ask()", str(client.CHILD), str(upload)) as process:
        child_and_server = json.loads(pids.read_text())
        process.kill()
    wait_until_gone(child_and_server)


def test_what_children_took_is_counted_once(upload, stand_in):
    stand_in(f"import os, time\nwhile time.process_time() < .5: pass\n{SAY_PARENT}")
    code = ASK + (
        "server = ask()\n"
        "print(client.children_usage()[0])\n"
        "os.kill(server, 9)\n"
        "os.waitid(os.P_PID, server, os.WEXITED | os.WNOWAIT)\n"
        "print(client.children_usage()[0])"
    )
    with run_client(code, str(client.CHILD), str(upload)) as process:
        running, ended = (float(line) for line in process.stdout)
    assert 0.5 <= running <= ended < 1.0
