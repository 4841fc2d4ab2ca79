"""Scoring on annotated lines: small pictures, and a reader that says what their colour says."""

import json

import numpy as np
import pytest
from PIL import Image

from ocrengine.bundles import write_checksums
from ocrengine.charset import Charset
from ocrengine.errors import BundleError
from ocrengine.nets import checkpoint
from ocrengine.nets.crnn import Crnn, CrnnConfig
from ocrengine.nets.dbnet import DbConfig, DbNetTwin
from ocrengine.recognize import Recognizer
from ocrengine.training import evaluate
from ocrengine.training.detector import about_detector
from ocrengine.training.evaluate import ReadLine, SubsetScore, read_page, table
from ocrengine.training.labels import labelled_pages, quad_of
from ocrengine.training.lines import Material
from ocrengine.training.recognizer import about_recognizer
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


def pages_of(images, truth):
    folder = images / "set"
    (folder / "gt").mkdir(parents=True)
    (folder / "images").symlink_to(images)
    (folder / "gt" / "page.json").write_text(json.dumps({"image": "page.png", **truth}))
    return labelled_pages(folder)


def test_annotated_lines_are_cut_and_read(images, reader):
    lines = [line(10, "r"), line(60, "R"), line(60, "g", ignore=True), line(60, " ")]
    (page,) = pages_of(images, {"lines": lines})
    found = read_page(page, reader)
    assert [(item.truth, item.read) for item in found] == [("r", "r"), ("R", "g")]


def test_a_picture_of_one_line_is_read_whole(images, reader):
    (page,) = pages_of(images, {"level": "line", "text": "?"})
    assert [item.truth for item in read_page(page, reader)] == ["?"]


def test_a_page_without_outlines_is_left_out(images, reader):
    (page,) = pages_of(images, {"text": "r g"})
    assert read_page(page, reader) == []


def test_icdars_text_files_are_labels_too(images, reader):
    folder = images / "set"
    (folder / "gt").mkdir(parents=True)
    (folder / "images").symlink_to(images)
    rows = "\ufeff20,10,220,10,220,40,20,40,r, and more\n20,60,220,60,220,90,20,90,###\n"
    (folder / "gt" / "gt_page.txt").write_text(rows)
    (page,) = labelled_pages(folder)
    assert [(item.truth, item.read) for item in read_page(page, reader)] == [("r, and more", "r")]


def test_our_own_export_is_labels_too(images, reader):
    page = {"number": 1, "lines": [{"text": "r", "polygon": line(10, "r")["poly"]}]}
    export = {"title": "page.png", "pages": [page]}
    (images / "page.json").write_text(json.dumps(export))
    (labelled,) = labelled_pages(images)
    assert [item.read for item in read_page(labelled, reader)] == ["r"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("gt/gt_other.txt", "1,2,3,4,5,6,7,8,x"),
        ("gt/gt_page.txt", "1,2,3,x"),
        ("page.json", '{"title": "../page.png", "pages": []}'),
        ("notes.txt", ""),
    ],
)
def test_labels_that_make_no_sense_are_refused(images, name, content):
    folder = images / "set"
    (folder / "gt").mkdir(parents=True)
    (folder / "images").symlink_to(images)
    (folder / name).write_text(content)
    with pytest.raises(BundleError):
        labelled_pages(folder)


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


@pytest.fixture
def untrained(tmp_path, material, monkeypatch):
    """A bundle of tiny networks, and few samples to score it on."""
    charset = Charset(tuple(map(chr, range(32, 127))))
    lines = CrnnConfig(charset.classes, stem=4, channels=(4, 4, 8, 8), hidden=4)
    about = about_recognizer(lines, charset)
    checkpoint.save(tmp_path / "recognizer.safetensors", Crnn(lines).state_dict(), about)
    pages = DbConfig(4, 8)
    about = about_detector(pages)
    checkpoint.save(tmp_path / "detector.safetensors", DbNetTwin(pages).state_dict(), about)
    write_checksums(tmp_path, [".safetensors"])
    monkeypatch.setattr(Material, "installed", lambda **_: material)
    monkeypatch.setattr(evaluate, "CHECK_LINES", 3)
    monkeypatch.setattr(evaluate, "CHECK_PAGES", 1)
    return str(tmp_path)


def test_rendered_lines_and_pages_are_scored_by_one_command(untrained):
    scores = evaluate.rendered(untrained)
    assert set(scores) == {"cer_english", "cer_chinese", "precision", "recall", "mean"}
    assert evaluate.rendered(untrained) == scores


@pytest.mark.parametrize(("bundle", "precision"), [("accurate", "fp32"), ("fast", "fp16")])
def test_what_is_not_ours_or_has_no_such_form_is_not_scored(bundle, precision):
    with pytest.raises(BundleError, match="no networks of ours"):
        evaluate.rendered(bundle, precision)


def test_evaluate_names_what_is_missing(tmp_path):
    from django.core.management import CommandError, call_command

    with pytest.raises(CommandError, match="holds no"):
        call_command("evaluate", data=tmp_path)
