"""A memory control group is made as each version of them wants it; what it says is understood."""

import os
import sys

import pytest

from ocrengine.benchmarks import memory_group
from ocrengine.benchmarks.memory_group import GroupUnavailable, MemoryGroup


class PretendGroup(MemoryGroup):
    """The kernel fills a group's folder with files; here a test does, and clears them away."""

    files: dict[str, str] = {}

    def _set_limit(self):
        for name, text in {"cgroup.procs": "", "memory.stat": "", **self.files}.items():
            (self.folder / name).write_text(text)
        super()._set_limit()

    def __exit__(self, *error):
        self.written = {path.name: path.read_text() for path in self.folder.iterdir()}
        (self.folder / "cgroup.procs").write_text("")
        self._over.set()
        self._watch.join()
        for path in self.folder.iterdir():
            path.unlink()
        self.folder.rmdir()


@pytest.fixture
def newer(tmp_path):
    (tmp_path / "cgroup.controllers").write_text("memory")
    return tmp_path


@pytest.fixture
def older(tmp_path):
    (tmp_path / "memory").mkdir()
    return tmp_path


def test_the_newer_groups_are_limited_and_have_no_swap(newer):
    group = PretendGroup(1000, newer)
    group.files = {
        "memory.max": "max",
        "memory.swap.max": "max",
        "memory.peak": "900\n",
        "memory.events": "max 3\noom_kill 2\n",
        "memory.stat": "anon 500\nfile 80\nshmem 20\n",
    }
    with group:
        assert (group.peak, group.anonymous, group.kills) == (900, 520, 2)
    assert (newer / "cgroup.subtree_control").read_text() == "+memory"
    assert (group.written["memory.max"], group.written["memory.swap.max"]) == ("1000", "0")
    assert not group.folder.exists()


def test_the_older_groups_are_limited_and_have_no_swap(older):
    group = PretendGroup(1000, older)
    group.files = {
        "memory.memsw.limit_in_bytes": "",
        "memory.max_usage_in_bytes": "900\n",
        "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
        "memory.stat": "rss 1\ntotal_rss 500\ntotal_shmem 20\n",
    }
    with group:
        assert (group.peak, group.anonymous, group.kills) == (900, 520, 1)
    assert group.written["memory.limit_in_bytes"] == "1000"
    assert group.written["memory.memsw.limit_in_bytes"] == "1000"


def test_where_no_group_can_be_made_one_sentence_says_so(tmp_path):
    with pytest.raises(GroupUnavailable, match="no memory control group"), MemoryGroup(1, tmp_path):
        pass


def test_a_program_steps_into_the_group_before_it_becomes_the_command(older, monkeypatch):
    group = PretendGroup(1000, older)
    became = []
    monkeypatch.setattr(memory_group.os, "execvp", lambda name, command: became.append(command))
    monkeypatch.setattr(
        memory_group.os, "sched_setaffinity", lambda pid, cores: became.append(cores)
    )
    with group:
        python, *arguments = memory_group.inside(group, 1, ["sleep", "1"])
        monkeypatch.setattr(sys, "argv", arguments[1:])
        memory_group.main()
    assert python == sys.executable
    assert group.written["cgroup.procs"] == str(os.getpid())
    assert [len(became[0]), became[1]] == [1, ["sleep", "1"]]
