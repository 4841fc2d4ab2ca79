"""Lines of several pages are read together, and each answer goes to the page that asked."""

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import pytest

from ocrengine.pooling import FULL, WAIT_SECONDS, LinePool


class Reader:
    """Answers each crop with itself; notes what it was given at a time."""

    def __init__(self):
        self.batches, self.at_once, self.most_at_once = [], 0, 0
        self._lock = threading.Lock()

    def __call__(self, crops):
        with self._lock:
            self.batches.append(list(crops))
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        answers = [f"text of {crop}" for crop in crops]
        with self._lock:
            self.at_once -= 1
        return answers


def read_pages(pool, pages):
    """Each page in a thread of its own; page -> answers."""

    def read(page, crops):
        with pool.page():
            return page, pool.read(crops)

    with ThreadPoolExecutor(len(pages)) as threads:
        return dict(threads.map(lambda page: read(*page), pages.items()))


@pytest.mark.parametrize("slots", [1, 2, 3])
def test_no_text_ever_reaches_another_page(slots):
    pages = {
        page: [f"line {line} of page {page}" for line in range(1 + 17 * page % 150)]
        for page in range(40)
    }
    reader = Reader()
    answers = read_pages(LinePool(reader, slots), pages)
    assert answers == {page: [f"text of {crop}" for crop in pages[page]] for page in pages}
    assert reader.most_at_once <= slots
    assert max(map(len, reader.batches)) <= FULL
    assert sorted(chain(*reader.batches)) == sorted(chain(*pages.values()))


def test_lines_of_two_pages_are_read_together_while_a_third_may_bring_more():
    reader = Reader()
    pool = LinePool(reader, 2, clock=lambda: 0.0)  # nobody has ever waited too long

    def read(name):
        with pool.page():
            return pool.read([name])

    with ThreadPoolExecutor(2) as threads:
        with pool.page(), pool._changed:
            answers = threads.map(read, "ab")
            assert pool._changed.wait_for(lambda: len(pool._waiting) == 2, 30)
            assert reader.batches == []
        assert list(answers) == [["text of a"], ["text of b"]]
    assert list(map(sorted, reader.batches)) == [["a", "b"]]


def test_a_page_alone_does_not_wait_for_others():
    reader, times = Reader(), iter([0.0] * 10)
    pool = LinePool(reader, 4, clock=lambda: next(times))
    with pool.page():
        assert pool.read(["a", "b"]) == ["text of a", "text of b"]
    assert reader.batches == [["a", "b"]]


def test_a_page_without_lines_has_no_answers():
    with (pool := LinePool(Reader(), 1)).page():
        assert pool.read([]) == []


def test_lines_that_have_waited_are_read_while_another_page_computes():
    reader = Reader()
    now = [0.0]
    pool = LinePool(reader, 2, clock=lambda: now[0])
    asked = threading.Event()

    def ask():
        with pool.page():
            asked.set()
            return pool.read(["a"])

    with pool.page(), ThreadPoolExecutor(1) as thread:
        answer = thread.submit(ask)
        asked.wait(30)
        now[0] += 2 * WAIT_SECONDS
        assert answer.result(30) == ["text of a"]


def test_a_line_that_cannot_be_read_fails_its_own_page_only():
    def read(crops):
        if "poison" in crops:
            raise ValueError("not this one")
        return list(crops)

    pool = LinePool(read, 2)

    def page(crops):
        with pool.page():
            try:
                return pool.read(crops)
            except ValueError as error:
                return str(error)

    with ThreadPoolExecutor(6) as threads:
        pages = [["a"], ["b", "poison"], ["c"], ["d"], ["poison"], ["e"]]
        assert list(threads.map(page, pages)) == [
            ["a"], "not this one", ["c"], ["d"], "not this one", ["e"],
        ]  # fmt: skip
    with pool.page():
        assert pool.read(["after"]) == ["after"]
