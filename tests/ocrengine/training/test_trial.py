"""Pages to try fine-tuning on."""

import pytest

from ocrengine.errors import BundleError
from ocrengine.training import trial
from ocrengine.training.labels import labelled_pages
from ocrengine.training.lines import HEIGHT, Material


def test_trial_pages_are_labelled_as_users_label_theirs(material, tmp_path, monkeypatch):
    monkeypatch.setattr(trial, "PAGES", 2)
    only = Material(material.faces[:1], material.corpus)
    trial.write_pages(only, tmp_path / "pages", seed=0)
    pages = labelled_pages(tmp_path / "pages")
    assert len(pages) == 2
    crops = list(pages[0].crops(HEIGHT))
    assert len(crops) == trial.LINES
    assert all(text and crop.shape[0] == HEIGHT and crop.min() < 200 for crop, text in crops)


def test_pages_to_learn_from_and_pages_to_check_on_differ(material, tmp_path, monkeypatch):
    monkeypatch.setattr(trial, "PAGES", 1)
    only = Material(material.faces[:1], material.corpus)
    for seed in (0, 1):
        trial.write_pages(only, tmp_path / str(seed), seed)
    taught, checked = ((tmp_path / str(seed) / "gt" / "0.txt").read_text() for seed in (0, 1))
    assert taught != checked


def test_typefaces_are_tried_in_the_order_asked_for(material):
    family = material.faces[0].family
    assert [face.family for face in trial.unseen_faces(material, [family])] == [family]


def test_a_typeface_that_is_not_held_out_is_an_error_that_names_those_that_are(material):
    with pytest.raises(BundleError, match="'Comic'; there are Letters"):
        trial.unseen_faces(material, ["Comic"])
