"""Reading a folder: every page of every file, in the scorer's schema, or the reason why not."""

import json
import threading

import pytest
from PIL import Image

from ocrengine.folder import as_prediction, files_of, read_file, read_files, write_prediction
from ocrengine.profiles import LOW_MEMORY
from tests.fake_reader import FakeReader


@pytest.fixture
def reader():
    reader = FakeReader(["first", "second"])
    reader.profile = LOW_MEMORY
    return reader


@pytest.fixture
def scan(tmp_path):
    path = tmp_path / "scan.png"
    Image.new("RGB", (320, 200), "white").save(path)
    return path


@pytest.fixture
def booklet(tmp_path):
    path = tmp_path / "booklet.tiff"
    pages = [Image.new("RGB", (60 + n, 80), "white") for n in range(3)]
    pages[0].save(path, save_all=True, append_images=pages[1:])
    return path


def test_an_image_is_one_page_with_its_lines_in_order(reader, scan):
    [page] = read_file(scan, reader)
    prediction = as_prediction(page.result)
    assert page.stem == "scan"
    assert prediction["text"] == "first\nsecond"
    assert [line["text"] for line in prediction["lines"]] == ["first", "second"]
    assert len(prediction["lines"][0]["poly"]) == 4
    assert prediction["lines"][0]["conf"] == 0.9


def test_the_pages_of_one_file_get_a_name_each(reader, booklet, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    for page in read_file(booklet, reader):
        write_prediction(page, out)
    assert sorted(p.name for p in out.iterdir()) == [
        "booklet-p1.json",
        "booklet-p2.json",
        "booklet-p3.json",
    ]
    assert json.loads((out / "booklet-p3.json").read_text())["receipt"]["source_size"] == [62, 80]


def test_a_file_that_cannot_be_read_is_reported_and_not_raised(reader, tmp_path):
    broken = tmp_path / "letter.png"
    broken.write_text("this is a letter")
    [page] = read_file(broken, reader)
    assert page.result is None
    assert page.error.code == "unsupported_type"
    write_prediction(page, tmp_path)
    assert not (tmp_path / "letter.json").exists()


def test_files_are_taken_in_order_and_folders_left_alone(tmp_path):
    for name in ("b.png", "a.png"):
        (tmp_path / name).touch()
    (tmp_path / "c").mkdir()
    assert [p.name for p in files_of(tmp_path)] == ["a.png", "b.png"]


class CountingReader(FakeReader):
    """Notes how many pages it has at once, and waits until another reader has one too."""

    def __init__(self, meeting):
        super().__init__(["read"])
        self.profile, self.meeting, self.read, self.at_once = LOW_MEMORY, meeting, 0, 0

    def read_page(self, image, **options):
        self.at_once += 1
        assert self.at_once == 1
        self.meeting.wait(30)
        self.read += 1
        result = super().read_page(image, **options)
        self.at_once -= 1
        return result


def test_several_engines_read_at_the_same_time_a_page_each_and_in_order(scan, booklet):
    meeting = threading.Barrier(2)
    readers = [CountingReader(meeting), CountingReader(meeting)]
    read = list(read_files([booklet, scan, scan, scan], readers))
    assert [page.stem for page in read] == [
        "booklet-p1", "booklet-p2", "booklet-p3", "scan", "scan", "scan",
    ]  # fmt: skip
    assert [reader.read for reader in readers] == [3, 3]


def test_as_many_pages_as_engines_are_one_for_each_though_each_takes_more(scan):
    meeting = threading.Barrier(2)
    readers = [CountingReader(meeting), CountingReader(meeting)]
    for reader in readers:
        reader.pages = 2
    assert len(list(read_files([scan, scan], readers))) == 2
    assert [reader.read for reader in readers] == [1, 1]


def test_a_refused_file_does_not_keep_others_from_being_read(reader, scan, tmp_path):
    (tmp_path / "notes.docx").write_bytes(b"PK")
    refused, page = read_files([tmp_path / "notes.docx", scan], [reader])
    assert refused.error.code == "unsupported_type"
    assert page.result.lines
