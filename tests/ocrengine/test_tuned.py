"""How a machine's cores are divided: measured once, remembered, and dropped when it changes."""

from dataclasses import replace

import pytest

from ocrengine import tuned
from ocrengine.benchmarks import bulk, tuning
from ocrengine.benchmarks.tuning import Division
from ocrengine.profiles import BALANCED, MB
from tests.ocrengine.test_benchmarks import BulkReader


@pytest.fixture
def known():
    return tuned.Tuned("balanced", "fast", 4, tuned.memory_limit(), 4, 1, 1, 5.0, "2026-11-21")


@pytest.fixture
def file(tmp_path, known, monkeypatch):
    monkeypatch.setattr(tuned, "usable_cores", lambda: 4)
    tuned.keep(known, tmp_path / "tuned.json")
    return tmp_path / "tuned.json"


def division(processes, speed, memory_mb=200):
    return Division(processes, 1, 4 // processes, speed, 0.5, memory_mb * MB)


def test_what_was_remembered_holds_for_the_same_machine_profile_and_bundle(file, known):
    assert tuned.load_for(file, "balanced", "fast") == known


@pytest.mark.parametrize(("profile", "bundle"), [("low_memory", "fast"), ("balanced", "accurate")])
def test_it_does_not_hold_for_another_profile_or_bundle(file, profile, bundle):
    assert tuned.load_for(file, profile, bundle) is None


def test_it_does_not_hold_once_the_machine_has_changed(file, known, monkeypatch):
    tuned.keep(replace(known, memory_limit=1), file)
    assert tuned.load_for(file, "balanced", "fast") is None
    tuned.keep(known, file)
    monkeypatch.setattr(tuned, "usable_cores", lambda: 2)
    assert tuned.load_for(file, "balanced", "fast") is None


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"a": 1}'])
def test_a_file_that_says_nothing_is_as_good_as_none(tmp_path, content):
    (tmp_path / "tuned.json").write_text(content)
    assert tuned.load_for(tmp_path / "tuned.json", "balanced", "fast") is None
    assert tuned.load_for(tmp_path / "absent.json", "balanced", "fast") is None


def test_cores_are_divided_without_a_rest():
    ways = [(1, 1, 4), (1, 2, 2), (1, 4, 1), (2, 1, 2), (2, 2, 1), (4, 1, 1)]
    assert tuning.divisions(4) == ways
    assert tuning.divisions(3) == [(1, 1, 3), (1, 3, 1), (3, 1, 1)]


def test_the_quickest_division_that_fits_into_memory_is_chosen():
    found = [division(1, 2.0), division(2, 3.0, 400), division(4, 4.0, 900)]
    assert tuning.choose(found, 1000 * MB).processes == 4
    assert tuning.choose(found, 500 * MB).processes == 2
    assert tuning.choose(found, 100 * MB).processes == 1


def test_of_divisions_about_as_quick_the_one_with_fewer_processes_is_chosen():
    assert tuning.choose([division(2, 3.9), division(4, 4.0)], 1000 * MB).processes == 2


def test_every_division_reads_the_same_invoices(monkeypatch):
    read = []

    class Reader(BulkReader):
        def __init__(self, name, profile, bundle, processes):
            super().__init__(name, 1.0)
            read.append((self, processes, profile.slots, profile.threads))

    monkeypatch.setattr(bulk, "Ours", Reader)
    found = tuning.measure(BALANCED, "fast", cores=2, room=10**12, pages=3)
    ways = [(1, 1, 2), (1, 2, 1), (2, 1, 1)]
    assert [(way.processes, way.slots, way.threads) for way in found] == ways
    assert [how for _, *how in read] == [list(way) for way in ways]
    assert len({reader.read_so_far for reader, *_ in read}) == 1


def test_a_division_that_would_not_fit_into_memory_is_not_even_tried(monkeypatch):
    monkeypatch.setattr(bulk, "Ours", lambda name, *how: BulkReader(name, 1.0))
    row = bulk.Bulk(pages=3, wall_seconds=1.0, cpu_seconds=1.0, peak_pss=300 * MB)
    monkeypatch.setattr(bulk, "measure", lambda paths, ways: {"way": row})
    found = tuning.measure(BALANCED, "fast", cores=4, room=700 * MB, pages=3)
    assert {way.processes for way in found} == {1, 2}
