"""Fine-tuning: what is worse replaces nothing, and what was replaced comes back."""

import hashlib
import json

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFont

from ocrengine.charset import Charset
from ocrengine.errors import BundleError
from ocrengine.nets import checkpoint
from ocrengine.nets.crnn import Crnn, CrnnConfig
from ocrengine.training import fine_tuning
from ocrengine.training.fine_tuning import FineTuning, Report, Scores, roll_back, user_lines
from ocrengine.training.labels import labelled_pages
from ocrengine.training.lines import LineRenderer

CHARSET = Charset((*map(chr, range(32, 127)), "一"))
TINY = CrnnConfig(CHARSET.classes, stem=4, channels=(4, 4, 8, 8), hidden=4)


@pytest.fixture
def weights(tmp_path):
    torch.manual_seed(1)
    path = tmp_path / "weights" / "recognizer.safetensors"
    about = {"config": json.dumps(vars(TINY)), "charset": "".join(CHARSET.characters)}
    checkpoint.save(path, Crnn(TINY).state_dict(), about)
    return path


@pytest.fixture
def folder(tmp_path):
    """Five pages of twelve lines each; one line holds a character without a class."""
    root = tmp_path / "labelled"
    (root / "gt").mkdir(parents=True)
    (root / "images").mkdir()
    font = ImageFont.load_default(20)
    for number in range(5):
        page, lines = Image.new("RGB", (300, 400), "white"), []
        for row in range(12):
            text, y = f"line {number} {row}", 10 + 32 * row
            ImageDraw.Draw(page).text((10, y), text, fill="black", font=font)
            box = [[8, y], [120, y], [120, y + 26], [8, y + 26]]
            lines.append({"poly": box, "text": text if (number, row) != (0, 0) else "\u2603"})
        page.save(root / "images" / f"{number}.png")
        truth = {"image": f"{number}.png", "lines": lines}
        (root / "gt" / f"{number}.json").write_text(json.dumps(truth))
    return root


@pytest.fixture
def tuning(weights, folder, material, monkeypatch):
    monkeypatch.setattr(fine_tuning, "REPLAY_POOL", 4)
    lines = user_lines(labelled_pages(folder), [], CHARSET)
    return FineTuning(weights, lines, LineRenderer(1, material))


def test_whole_pages_are_kept_aside_and_unknown_characters_are_named(tuning):
    assert len(tuning.lines.taught) == 47
    assert len(tuning.lines.checked) == 12
    assert all(sample.text.startswith("line 4") for sample in tuning.lines.checked)
    assert tuning.lines.unknown == "\u2603"


def test_too_few_labels_are_refused(folder):
    with pytest.raises(BundleError, match="too few"):
        user_lines(labelled_pages(folder)[:1], [], CHARSET)


def test_teaching_changes_weights_and_reports_before_and_after(tuning):
    before = tuning.net.classifier.weight.detach().clone()
    report = tuning.run(epochs=2)
    assert report.lines_taught == 47
    assert "12 kept aside" in report.in_words()
    assert not torch.equal(tuning.net.classifier.weight, before)


def report_of(before, after):
    return Report(40, 20, Scores(*before), Scores(*after), "")


@pytest.mark.parametrize(
    ("before", "after", "better"),
    [
        ((0.3, 0.1), (0.2, 0.1), True),
        ((0.3, 0.1), (0.2, 0.104), True),
        ((0.3, 0.1), (0.2, 0.11), False),
        ((0.3, 0.1), (0.3, 0.05), False),
    ],
)
def test_better_means_better_here_and_no_worse_in_general(before, after, better):
    assert report_of(before, after).is_better is better


def test_what_is_not_better_replaces_nothing(tuning, weights):
    content = weights.read_bytes()
    with pytest.raises(BundleError, match="replace nothing"):
        tuning.replace(report_of((0.3, 0.1), (0.3, 0.1)))
    assert weights.read_bytes() == content


def test_what_was_replaced_comes_back(tuning, weights):
    content = weights.read_bytes()
    tuning.run(epochs=1)
    tuning.replace(report_of((0.3, 0.1), (0.1, 0.1)))
    assert weights.read_bytes() != content
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    assert (weights.parent / "SHA256SUMS").read_text().startswith(digest)
    roll_back(weights)
    assert weights.read_bytes() == content
    with pytest.raises(BundleError, match="go back"):
        roll_back(weights)


def test_varied_lines_stay_long_enough_for_their_text(tuning):
    sample = tuning.lines.taught[0]
    for _ in range(20):
        varied = tuning._varied(sample)
        assert varied.picture.shape[0] == sample.picture.shape[0]
        assert varied.picture.shape[1] >= 8 * len(sample.text)
        assert varied.picture.dtype == np.uint8
