"""Kill every process of a running product in turn: the next page is read, and nothing is left."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.ocrengine.fake_engine import READ, SLEEP
from tests.processes.cluster import Cluster, left_of, running_cluster
from tests.processes.looks import wait_until

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(not Path("/proc").is_dir(), reason="there is no /proc here"),
]

SETTLED_SECONDS = 30


@pytest.fixture
def cluster(tmp_path: Path):
    with running_cluster(tmp_path) as cluster:
        yield cluster


def kill(pids: list[int]) -> None:
    assert pids
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def assert_next_page_is_read(cluster: Cluster) -> float:
    page = cluster.submit(READ)
    took = cluster.wait_for_page(page, "done", 1, SETTLED_SECONDS)
    print(f"\nsettled after {took:.1f} s")
    assert len(cluster.role("main")) == 1
    return took


def assert_stops_without_a_trace(cluster: Cluster, number: int = signal.SIGINT) -> None:
    family = cluster.family()
    assert family
    took = cluster.stop(number)
    print(f"\nstopped after {took:.1f} s")
    assert left_of(family) == []


def test_a_page_is_read_and_ctrl_c_leaves_nothing(cluster):
    assert_next_page_is_read(cluster)
    assert_stops_without_a_trace(cluster)
    assert cluster.process.returncode == 0
    assert "part_restarts" not in cluster.log


@pytest.mark.parametrize("role", ["main", "sentinel", "pusher", "monitor"])
def test_a_killed_process_of_the_cluster_costs_nothing_but_time(cluster, role):
    before = cluster.family()
    kill(cluster.role(role))

    assert_next_page_is_read(cluster)

    if role in ("main", "sentinel"):
        assert left_of(before) == []
    assert_stops_without_a_trace(cluster)


def test_a_killed_idle_worker_takes_no_lock_along(cluster):
    """It waits for a doorbell. With django-q2's own queue it would take the queue's lock with it,
    and nobody would ever get a doorbell again."""
    kill(cluster.role("idle"))

    assert_next_page_is_read(cluster)

    assert "part_restarts" not in cluster.log
    assert_stops_without_a_trace(cluster)


def test_a_cluster_that_lives_and_does_no_work_is_noticed(cluster):
    for pid in cluster.role("pusher"):
        os.kill(pid, signal.SIGSTOP)

    assert_next_page_is_read(cluster)

    assert "part_restarts name=workers why='it does no work'" in cluster.log
    assert_stops_without_a_trace(cluster)


def test_a_killed_busy_worker_loses_its_page_to_the_next(cluster):
    page = cluster.submit(SLEEP)
    cluster.wait_for_page(page, "leased", 1, 10)
    wait_until(lambda: cluster.role("busy"), 5, "a worker is busy")
    busy = cluster.role("busy")
    kill(busy)

    cluster.wait_for_page(page, "leased", 2, SETTLED_SECONDS)

    assert not set(cluster.family()) & set(busy)
    assert_stops_without_a_trace(cluster)


def test_a_page_in_hand_is_handed_back_when_the_product_stops(cluster):
    page = cluster.submit(SLEEP)
    cluster.wait_for_page(page, "leased", 1, 10)

    assert_stops_without_a_trace(cluster, signal.SIGTERM)

    assert cluster.page(page) == ("pending", 1)


def test_a_second_ctrl_c_does_not_wait(cluster):
    page = cluster.submit(SLEEP)
    cluster.wait_for_page(page, "leased", 1, 10)
    family = cluster.family()
    cluster.process.send_signal(signal.SIGINT)
    time.sleep(0.5)  # two signals of one kind at once are one
    assert cluster.process.poll() is None

    assert cluster.stop() < 2
    assert left_of(family) == []


def test_everything_dies_with_a_killed_supervisor(cluster):
    page = cluster.submit(SLEEP)
    cluster.wait_for_page(page, "leased", 1, 10)
    family = cluster.family()

    cluster.stop(signal.SIGKILL)

    wait_until(lambda: not left_of(family), 5, "nothing is left")
