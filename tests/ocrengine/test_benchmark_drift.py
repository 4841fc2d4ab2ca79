"""Drift: a shape comes again when all were read; growth is told from a settled level."""

import os
from types import SimpleNamespace

import numpy as np
import pytest

from ocrengine.benchmarks import drift, text_pages
from ocrengine.benchmarks.drift import Drift
from ocrengine.profiles import MB


class Engine:
    """Notes what it is handed; its process is this one."""

    bundle, profile, pid, peak_memory = (
        "fast",
        SimpleNamespace(name="balanced"),
        os.getpid(),
        9 * MB,
    )
    pages = 1

    def __init__(self):
        self.seen = []

    def read_page(self, image):
        self.seen.append((image.width, image.height))
        return SimpleNamespace(receipt=SimpleNamespace(precision="int8"))


@pytest.fixture
def at_once(monkeypatch):
    monkeypatch.setattr(drift, "GIVING_BACK_SECONDS", 0)


def test_no_two_pages_have_the_same_shape(tmp_path):
    shapes = drift.write_shapes(tmp_path, 12)
    assert len({(page.width, page.height) for page in shapes}) == 12
    assert np.load(shapes[0].path).shape == (shapes[0].height, shapes[0].width, 3)


def test_a_shape_comes_again_when_all_were_read_and_in_another_order(tmp_path, at_once):
    engine, shapes = Engine(), drift.write_shapes(tmp_path, 50)
    row = drift.read_all(engine, shapes, pages=200)
    passes = [engine.seen[n : n + 50] for n in range(0, 200, 50)]
    for seen in passes:
        assert sorted(seen) == [(page.width, page.height) for page in shapes]
    assert passes[0] != passes[1] != passes[2] != passes[3]
    assert sorted(row.levels) == [100, 200]
    assert (row.precision, row.peak) == ("int8", 9 * MB)
    assert all(level > MB for level in row.levels.values())


def test_growth_is_counted_from_the_level_after_a_hundred_pages():
    levels = {100: 40, 200: 60, 300: 45}
    row = Drift("fast", "low_memory", "int8", "torch", {n: v * MB for n, v in levels.items()})
    assert (row.grown, row.swing) == (5 * MB, 20 * MB)
    assert "| 40 | 60 | +5.0 | +20.0 |" in drift.table([row])


def test_a_process_without_torch_computes_with_something_else():
    assert drift.runtime_of(os.getpid()) in ("torch", "ONNX Runtime")


def test_as_many_lines_are_drawn_as_were_asked_for_while_there_is_room():
    def inked_rows(lines):
        page = text_pages.draw_text(400, 300, lines=lines)
        ink = (page[..., 0] < 128).any(axis=1)
        return int((ink[1:] & ~ink[:-1]).sum())

    assert inked_rows(1) < inked_rows(3) < inked_rows(None)


def test_few_lines_are_spread_over_the_page():
    page = text_pages.draw_text(1200, 1000, lines=2)
    ink = np.argwhere(page[..., 0] < 128)
    assert ink.min(axis=0).max() < 50
    assert ink.max(axis=0)[0] > 900
    assert ink.max(axis=0)[1] > 600


def test_lines_go_on_in_the_next_column():
    page = text_pages.draw_text(1200, 100, lines=4)
    assert (page[:, 500:] < 128).any()
