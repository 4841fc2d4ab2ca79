"""Scoring on annotated lines: small pictures, and a reader that says what their colour says."""

import json

import numpy as np
import pytest
from PIL import Image

from ocrengine.recognize import Recognizer
from ocrengine.training.evaluate import ReadLine, SubsetScore, quad_of, read_truth, table
from tests.ocrengine.fake_networks import CHARSET, RECOGNIZING, ColourRecognizer


@pytest.fixture
def reader():
    return Recognizer(ColourRecognizer(), RECOGNIZING, CHARSET, 48 * 960)


@pytest.fixture
def images(tmp_path):
    page = np.full((120, 300, 3), 255, np.uint8)
    page[10:40, 20:220] = [255, 0, 0]
    page[60:90, 20:220] = [0, 255, 0]
    Image.fromarray(page).save(tmp_path / "page.png")
    return tmp_path


def line(y, text, **more):
    return {"poly": [[20, y], [220, y], [220, y + 30], [20, y + 30]], "text": text, **more}


def test_annotated_lines_are_cut_and_read(images, reader):
    lines = [line(10, "r"), line(60, "R"), line(60, "g", ignore=True), line(60, " ")]
    found = read_truth({"image": "page.png", "lines": lines}, images, reader)
    assert [(item.truth, item.read) for item in found] == [("r", "r"), ("R", "g")]


def test_a_picture_of_one_line_is_read_whole(images, reader):
    truth = {"image": "page.png", "level": "line", "text": "?"}
    assert [item.truth for item in read_truth(truth, images, reader)] == ["?"]


def test_a_page_without_outlines_is_left_out(images, reader):
    assert read_truth({"image": "page.png", "text": "r g"}, images, reader) == []


def test_case_and_blanks_count_unless_the_truth_did_not_keep_them():
    crop = np.zeros((4, 4, 3), np.uint8)
    strict = ReadLine("Total 5", "TOTAL5", fold=False, crop=crop)
    loose = ReadLine("TOTAL 5", "total5", fold=True, crop=crop)
    assert strict.pair[0] != strict.pair[1]
    assert loose.pair[0] == loose.pair[1]


def test_the_table_has_a_row_for_each_subset_and_the_worst_come_first():
    crop = np.zeros((4, 4, 3), np.uint8)
    lines = [ReadLine("abcd", read, False, crop) for read in ("abcd", "xxxx", "abcx")]
    score = SubsetScore(lines)
    assert [item.read for item in score.worst(2)] == ["xxxx", "abcx"]
    assert "| set | part | 3 | 0.417 |" in table({"set": {"part": score}})


def test_an_outline_of_many_points_becomes_a_rectangle():
    octagon = [[0, 0], [5, -1], [10, 0], [10, 4], [5, 5], [0, 4]]
    assert quad_of(octagon).shape == (4, 2)
    assert quad_of([[0, 0], [9, 0], [9, 3], [0, 3]]).tolist()[2] == [9, 3]


def test_evaluate_names_what_is_missing(tmp_path):
    from django.core.management import CommandError, call_command

    with pytest.raises(CommandError, match="holds no"):
        call_command("evaluate", data=tmp_path)
    (tmp_path / "empty" / "gt").mkdir(parents=True)
    (tmp_path / "empty" / "gt" / "a.json").write_text(json.dumps({"image": "a.png"}))
