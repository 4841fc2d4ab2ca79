"""The engine at arm's length: whatever the child does, the caller gets an answer and lives."""

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ocrengine.decoder.client import WorkingImage
from ocrengine.errors import (
    BundleError,
    Cancelled,
    EngineCrashed,
    EngineError,
    EngineTimeout,
    OutOfMemory,
)
from ocrengine.process import EngineProcess
from ocrengine.profiles import LOW_MEMORY, MB
from ocrengine.types import PageResult
from tests.ocrengine import fake_engine as do

ENGINE = "tests.ocrengine.fake_engine:FakeEngine"


@pytest.fixture
def page(tmp_path):
    """A working image that tells the fake engine what to do."""

    def make(order=do.READ):
        path = tmp_path / f"{order}.npy"
        np.save(path, np.full((40, 30, 3), order, np.uint8))
        return WorkingImage(
            path=path,
            width=30,
            height=40,
            source_width=60,
            source_height=80,
            view=path,
            notes=(),
        )

    return make


@pytest.fixture
def engine():
    with EngineProcess(LOW_MEMORY, engine=ENGINE) as process:
        yield process


def pid_of(result):
    return int(result.receipt.notes[0].split()[1])


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_page_is_read_in_a_child_that_stays_for_the_next(engine, page):
    first, second = engine.read_page(page()), engine.read_page(page())
    assert (first.width, first.height) == (60, 80)
    assert pid_of(first) == pid_of(second) == engine.pid != os.getpid()


def test_a_child_is_replaced_after_its_pages(page):
    with EngineProcess(replace(LOW_MEMORY, recycle_pages=2), engine=ENGINE) as engine:
        pids = [pid_of(engine.read_page(page())) for _ in range(4)]
    assert pids[0] == pids[1] != pids[2] == pids[3]
    assert not any(map(is_alive, pids))


@pytest.mark.parametrize(
    ("order", "error"),
    [
        (do.EXIT, EngineCrashed),
        (do.KILLED, OutOfMemory),
        (do.NO_MEMORY, OutOfMemory),
        (do.BUG, EngineCrashed),
    ],
)
def test_a_child_that_fails_is_an_error_with_a_name_and_the_next_page_is_read(
    engine, page, order, error
):
    with pytest.raises(error):
        engine.read_page(page(order))
    assert engine.pid is None
    assert engine.read_page(page()).receipt.bundle == "fake"


def test_a_child_that_takes_too_long_is_killed(page):
    with EngineProcess(replace(LOW_MEMORY, page_seconds=1), engine=ENGINE) as engine:
        pid = pid_of(engine.read_page(page()))
        with pytest.raises(EngineTimeout):
            engine.read_page(page(do.SLEEP))
        assert not is_alive(pid)


def test_a_child_over_its_ceiling_is_killed(page):
    with (
        EngineProcess(replace(LOW_MEMORY, memory_ceiling=200 * MB), engine=ENGINE) as engine,
        pytest.raises(OutOfMemory, match="allowed"),
    ):
        engine.read_page(page(do.GROW))


def test_a_child_that_wants_far_too_much_at_once_is_refused_it_and_says_so(page):
    """Two gigabytes could fill a machine between two looks at the child."""
    with EngineProcess(replace(LOW_MEMORY, memory_ceiling=250 * MB), engine=ENGINE) as engine:
        engine.read_page(page())
        with pytest.raises(OutOfMemory, match="Unable to allocate"):
            engine.read_page(page(do.LEAP))
        assert engine.peak_memory < 250 * MB


def test_a_page_nobody_wants_any_more_is_given_up(engine, page):
    with pytest.raises(Cancelled):
        engine.read_page(page(do.SLEEP), should_stop=lambda: True)


def test_what_libraries_print_is_not_taken_for_an_answer(engine, page):
    assert engine.read_page(page(do.CHATTER)).receipt.bundle == "fake"


def test_the_child_sees_nothing_of_the_parents_environment(engine, page, monkeypatch):
    monkeypatch.setenv("OCR_SECRET_KEY", "do not tell")
    seen = engine.read_page(page()).receipt.notes
    assert "OMP_NUM_THREADS" in seen
    assert not any(name.startswith(("OCR_", "DJANGO")) for name in seen)


def test_the_child_steps_back_for_others_among_processes_and_among_sessions(engine, page):
    engine.read_page(page())
    mine = os.getpriority(os.PRIO_PROCESS, 0)
    assert os.getpriority(os.PRIO_PROCESS, engine.pid) == min(19, mine + LOW_MEMORY.niceness)
    session = Path(f"/proc/{engine.pid}/autogroup")  # only where the kernel has such groups
    said = session.read_text() if session.exists() else f"nice {LOW_MEMORY.niceness}"
    assert said.strip().endswith(f"nice {LOW_MEMORY.niceness}")


def test_a_bundle_that_cannot_be_loaded_is_said_at_once(page):
    with (
        EngineProcess(LOW_MEMORY, "missing", engine=ENGINE) as engine,
        pytest.raises(BundleError, match="not there"),
    ):
        engine.read_page(page())


@pytest.mark.processes
def test_the_child_dies_with_its_parent():
    code = (
        "import os\n"
        "from ocrengine.process import EngineProcess\n"
        "from ocrengine.profiles import LOW_MEMORY\n"
        f"engine = EngineProcess(LOW_MEMORY, engine={ENGINE!r})\n"
        "engine._living_child(None)\n"
        "print(engine.pid, flush=True)\n"
        "os._exit(1)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    pid = int(run.stdout)
    deadline = time.monotonic() + 5
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_alive(pid)


def test_a_child_outlives_the_thread_that_asked_for_it(engine, page):
    with ThreadPoolExecutor(1) as thread:
        first = thread.submit(engine.read_page, page()).result()
    assert pid_of(engine.read_page(page())) == pid_of(first)


# --- Several pages at a time ----------------------------------------------------------------------


@pytest.fixture
def wide():
    """An engine that takes four pages at a time."""
    with EngineProcess(replace(LOW_MEMORY, slots=3), engine=ENGINE) as process:
        yield process


def read_together(engine, pages):
    """Each page by a thread of its own, all at once: results, or the errors in their place."""
    start = threading.Barrier(len(pages))

    def read(one):
        start.wait(30)
        try:
            return engine.read_page(one)
        except EngineError as error:
            return error

    with ThreadPoolExecutor(len(pages)) as threads:
        return list(threads.map(read, pages))


def test_pages_are_read_side_by_side_in_one_child(wide, page):
    results = read_together(wide, [page(do.MEET) for _ in range(4)])
    assert len({pid_of(result) for result in results}) == 1


@pytest.mark.parametrize(
    ("order", "error"),
    [(do.EXIT, EngineCrashed), (do.KILLED, OutOfMemory), (do.BUG, EngineCrashed)],
)
def test_only_the_page_that_ends_its_child_is_blamed_and_the_others_are_read(
    wide, page, order, error
):
    results = read_together(wide, [page(), page(order), page(do.NAP), page(do.NAP)])
    assert type(results[1]) is error
    assert all(isinstance(results[n], PageResult) for n in (0, 2, 3))


def test_a_page_that_nobody_wants_any_more_does_not_take_others_with_it(wide, page):
    with ThreadPoolExecutor(2) as threads:
        given_up = threads.submit(wide.read_page, page(do.SLEEP), should_stop=lambda: True)
        other = threads.submit(wide.read_page, page(do.NAP))
        with pytest.raises(Cancelled):
            given_up.result(30)
        assert other.result(30).receipt.bundle == "fake"


def test_a_child_that_has_read_its_pages_finishes_those_it_has_before_it_is_replaced(page):
    profile = replace(LOW_MEMORY, slots=3, recycle_pages=5)
    with EngineProcess(profile, engine=ENGINE) as engine:
        results = [r for _ in range(4) for r in read_together(engine, [page(do.NAP)] * 4)]
    assert len({pid_of(result) for result in results}) in (2, 3)
