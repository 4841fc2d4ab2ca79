"""The cluster's queue: every message once, and no death stops it."""

import multiprocessing
import os
import signal
from queue import Empty

import pytest

from documents.mailbox import Mailbox

FORK = multiprocessing.get_context("fork")


def drain(box: Mailbox, found) -> None:
    """Until told to stop; what was got goes to the pipe."""
    for thing in iter(box.get, "STOP"):
        found.send(thing)


def readers(box: Mailbox, count: int):
    started = []
    for _ in range(count):
        ours, theirs = FORK.Pipe(duplex=False)
        process = FORK.Process(target=drain, args=(box, theirs), daemon=True)
        process.start()
        theirs.close()
        started.append((process, ours))
    return started


def all_of(pipe) -> list[int]:
    found = []
    while True:
        try:
            found.append(pipe.recv())
        except EOFError:
            return found


def stop(box: Mailbox, started) -> list[int]:
    for _ in started:
        box.put("STOP")
    found = [thing for _, pipe in started for thing in all_of(pipe)]
    for process, _ in started:
        process.join()
    return found


def put_often(box: Mailbox, thing: object) -> None:
    for _ in range(20):
        box.put(thing)


def test_every_message_reaches_exactly_one_reader():
    box = Mailbox()
    started = readers(box, 3)
    for number in range(300):
        box.put(number)
    assert sorted(stop(box, started)) == list(range(300))


def test_readers_killed_while_they_wait_take_nothing_with_them():
    """With multiprocessing.Queue the first of them takes the lock along, and nobody reads again."""
    box = Mailbox(maxsize=1)
    for process, pipe in readers(box, 3):
        # It is in recv() before long; a message to the previous ones proves that it reads.
        box.put("hello")
        assert pipe.recv() == "hello" if pipe.poll(10) else True
        os.kill(process.pid, signal.SIGKILL)
        process.join()
    started = readers(box, 1)
    box.put(7)
    assert 7 in stop(box, started)


def test_a_box_with_a_limit_holds_a_handful_and_then_waits():
    box = Mailbox(maxsize=1)
    box._in.setblocking(False)
    with pytest.raises(BlockingIOError):
        put_often(box, {"func": "documents.worker.drain", "padding": "x" * 300})
    assert box.get()["func"] == "documents.worker.drain"


def test_it_says_whether_it_is_empty_and_does_not_wait_for_ever():
    box = Mailbox()
    assert box.empty()
    assert box.qsize() == 0
    with pytest.raises(Empty):
        box.get(block=False)
    with pytest.raises(Empty):
        box.get(timeout=0.01)
    box.put(1)
    assert not box.empty()
    assert box.get() == 1
