"""Mixed pages: the same ones every time, as many as asked for, and what is on them is known."""

import hashlib

from PIL import Image

from ocrengine.benchmarks import mixed


def small(monkeypatch):
    """Two quick kinds instead of twelve."""
    kinds = (
        mixed.Kind("label", 60, (480, 160), 24, "letter", "photo", ".jpg"),
        mixed.Kind("list", 40, (600, 300), 24, "prices", "scan", ".pdf"),
    )
    monkeypatch.setattr(mixed, "KINDS", kinds)


def pages_of(drawn):
    return sum(len(file.words) for file in drawn)


def test_the_shares_of_all_kinds_make_a_hundred():
    assert sum(kind.share for kind in mixed.KINDS) == 100


def test_as_many_pages_are_drawn_as_were_asked_for(tmp_path, monkeypatch):
    small(monkeypatch)
    drawn = mixed.write_pages(tmp_path, 17)
    assert pages_of(drawn) == 17
    assert sum(mixed.summary(drawn).values()) == 17
    assert sorted(file.path for file in drawn) == sorted(tmp_path.glob("page-*"))


def test_the_same_pages_are_drawn_each_time_and_those_that_are_there_are_kept(
    tmp_path, monkeypatch
):
    small(monkeypatch)
    monkeypatch.setattr(mixed, "chinese_typeface", lambda: None)
    first = mixed.write_pages(tmp_path, 15)
    label = next(file for file in first if file.kind == "label")
    before = hashlib.sha256(label.path.read_bytes()).digest()
    label.path.unlink()
    kept = next(file for file in first if file.kind == "list")
    kept.path.write_bytes(b"kept")
    assert mixed.write_pages(tmp_path, 15) == first
    assert hashlib.sha256(label.path.read_bytes()).digest() == before
    assert kept.path.read_bytes() == b"kept"


def test_a_photograph_has_the_pixels_that_its_kind_says(tmp_path, monkeypatch):
    kind = mixed.Kind("photo", 100, (300, 200), 24, "table", "photo", ".jpg", enlarged=2)
    monkeypatch.setattr(mixed, "KINDS", (kind,))
    (drawn,) = mixed.write_pages(tmp_path, 1)
    with Image.open(drawn.path) as picture:
        assert picture.size == (600, 400)


def test_words_count_as_found_as_often_as_they_were_drawn():
    assert mixed.share_found(("one", "two"), "one\ntwo") == 1.0
    assert mixed.share_found(("one", "one"), "one") == 0.5
    assert mixed.share_found(("有限公司",), "有限 公司") == 1.0
    assert mixed.share_found((), "") == 1.0
