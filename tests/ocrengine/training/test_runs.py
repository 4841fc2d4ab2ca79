"""A training that is killed, goes on, and lands weights only when they are better."""

import hashlib
import json
from dataclasses import replace

import pytest
import torch

from ocrengine.errors import BundleError
from ocrengine.nets import checkpoint
from ocrengine.nets.crnn import CrnnConfig
from ocrengine.nets.dbnet import DbConfig, DbNetTwin
from ocrengine.training import detector, recognizer
from ocrengine.training.characters import build_charset
from ocrengine.training.detector import (
    DetectorTraining,
    about_detector,
    count_matches,
    held_out_pages,
    read_net,
)
from ocrengine.training.recognizer import RecognizerTraining, held_out_lines
from ocrengine.training.runs import Average, Order, Run, Schedule, Seen


@pytest.fixture
def order(tmp_path):
    return Order(tmp_path / "state", tmp_path / "weights" / "net.safetensors", until=100)


def make_run(order, seed=1):
    torch.manual_seed(seed)
    return Run(order, torch.nn.Linear(3, 2), Schedule(0.01, order.until), {"architecture": "toy"})


def never(tensors):
    raise AssertionError("these weights were scored when they landed")


def learn(run, steps):
    for _ in range(steps):
        run.step(run.net(torch.ones(1, 3)).square().mean(), samples=2, characters=5)


def test_a_killed_training_goes_on_from_its_last_save(order):
    first = make_run(order)
    learn(first, 4)
    first.save()
    learn(first, 3)

    second = make_run(order, seed=2)
    assert "8 samples" in second.resume()
    learn(second, 3)

    assert second.seen.samples == first.seen.samples == 14
    for name, value in first.net.state_dict().items():
        assert torch.allclose(value, second.net.state_dict()[name])
        assert torch.allclose(first.average.tensors[name], second.average.tensors[name])


def test_a_training_goes_on_from_landed_weights_alone(order):
    first = make_run(order)
    learn(first, 4)
    first.land(0.5, never)

    second = make_run(order, seed=2)
    assert "8 samples from net.safetensors" in second.resume()
    assert second.seen.characters == 20
    kept = second.net.state_dict()["weight"]
    assert torch.allclose(kept, first.average.tensors["weight"], atol=1e-3)


def test_without_files_it_starts_from_nothing(order):
    assert make_run(order).resume() == "starts anew"


def test_only_better_weights_land_and_their_checksum_with_them(order):
    run = make_run(order)
    assert run.land(0.5, never)
    landed = order.weights.read_bytes()
    learn(run, 2)
    assert not run.land(0.6, never)
    assert order.weights.read_bytes() == landed
    assert run.land(0.4, never)
    assert order.weights.read_bytes() != landed
    digest = hashlib.sha256(order.weights.read_bytes()).hexdigest()
    assert (order.weights.parent / "SHA256SUMS").read_text() == f"{digest}  net.safetensors\n"


def test_what_has_landed_is_judged_by_todays_check(order):
    make_run(order).land(0.5, never)
    run = make_run(order)
    run.resume()
    assert not run.land(0.6, lambda tensors: 0.55)
    again = make_run(order)
    assert again.land(0.6, lambda tensors: 0.65), "the check has become harder for both"


def test_a_loss_that_is_no_number_changes_nothing(order):
    run = make_run(order)
    before = run.net.weight.detach().clone()
    run.step(run.net(torch.ones(1, 3)).sum() * float("nan"), samples=1)
    assert torch.equal(run.net.weight, before)


def test_the_rate_rises_stays_and_falls_at_the_end():
    schedule = Schedule(1.0, until=1000, warm_up_steps=10)
    assert schedule.rate_at(0, 0) == pytest.approx(0.1)
    assert schedule.rate_at(50, 600) == 1
    assert schedule.rate_at(50, 850) == pytest.approx(0.51)
    assert schedule.rate_at(50, 1000) == pytest.approx(0.02)


def test_counts_survive_being_written_down():
    seen = Seen(steps=3, samples=40, characters=500, cpu_seconds=6.0)
    assert Seen.from_metadata(seen.as_metadata()) == seen


def test_an_average_follows_quickly_at_first_and_slowly_later():
    net = torch.nn.Linear(1, 1)
    average = Average(net, 0.99)
    with torch.no_grad():
        net.weight.fill_(1.0)
        average.tensors["weight"].fill_(0.0)
    average.update(net, steps=0)
    assert average.tensors["weight"].item() == pytest.approx(0.9)
    average.update(net, steps=10_000)
    assert average.tensors["weight"].item() == pytest.approx(0.901)


# --- the two networks, tiny --------------------------------------------------------------------

TINY = CrnnConfig(build_charset().classes, stem=4, channels=(4, 4, 8, 8), hidden=4)


@pytest.fixture(scope="module")
def lines(material):
    return {"english": held_out_lines(material, 4)["english"]}


def losses_of(training):
    history = training.run.order.folder / "history.jsonl"
    rows = [json.loads(line) for line in history.read_text().splitlines()]
    return [row["loss"] for row in rows if "loss" in row]


@pytest.fixture
def often(monkeypatch):
    """Say every step, and take few lines at a time."""
    monkeypatch.setattr("ocrengine.training.runs.SAY_EVERY", -1.0)
    monkeypatch.setattr(recognizer, "POOL", 12)


def test_the_same_seed_gives_the_same_losses(tmp_path, material, lines, often):
    found = []
    for name in ("first", "second"):
        order = Order(tmp_path / name, tmp_path / name / "net.safetensors", until=60)
        training = RecognizerTraining(order, material, lines, TINY)
        training.train()
        found.append(losses_of(training))
    assert len(found[0]) >= 5
    assert found[0] == found[1]


def test_letters_are_taught_where_they_stand_and_then_by_ctc(
    tmp_path, material, lines, often, monkeypatch
):
    monkeypatch.setattr(recognizer, "FRAMES_ALONE", 30)
    order = Order(tmp_path, tmp_path / "net.safetensors", until=60)
    training = RecognizerTraining(order, material, lines, TINY)
    training.train()
    assert training.run.is_finished
    assert all(loss > 0 for loss in losses_of(training))
    assert (tmp_path / "plot.svg").read_text().startswith("<svg")
    metadata = checkpoint.load(tmp_path / "net.safetensors")[1]
    assert len(metadata["charset"]) + 1 == TINY.classes
    assert int(metadata["seen_samples"]) >= 60


def test_an_interrupted_training_keeps_what_it_learned(tmp_path, material, lines, monkeypatch):
    order = Order(tmp_path, tmp_path / "net.safetensors", until=10**6)
    training = RecognizerTraining(order, material, lines, TINY)
    monkeypatch.setattr(recognizer, "POOL", 12)

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(training.run, "keep_up", interrupt)
    with pytest.raises(KeyboardInterrupt):
        training.train()
    again = RecognizerTraining(order, material, lines, TINY)
    assert again.run.resume().startswith("goes on at")


def test_a_detector_learns_to_find_what_it_is_shown(tmp_path, material):
    pages = held_out_pages(material, 2, 128)
    order = Order(tmp_path, tmp_path / "net.safetensors", until=12)
    training = DetectorTraining(order, material, pages, side=128, config=DbConfig(4, 8))
    training.train()
    assert training.run.seen.samples == 12
    assert order.weights.exists()
    more = replace(order, until=16)
    going_on = DetectorTraining(more, material, pages, side=128, config=DbConfig(4, 8))
    going_on.train()
    assert going_on.run.seen.samples == 16


def test_a_detector_starts_from_the_strongest_channels_of_a_trained_one(tmp_path, material):
    pages = held_out_pages(material, 1, 128)
    wide = Order(tmp_path / "wide", tmp_path / "wide.safetensors", until=4)
    DetectorTraining(wide, material, pages, side=128, config=DbConfig(8, 16)).train()
    narrow = Order(tmp_path / "narrow", tmp_path / "narrow.safetensors", until=4)
    training = DetectorTraining(narrow, material, pages, 128, DbConfig(4, 8), wide.weights)
    stem = training.net.trunk.stem[0][0].weight.detach()
    kept = read_net(wide.weights).trunk.stem[0][0].weight
    assert all(any(torch.equal(filters, other) for other in kept) for filters in stem)
    training.train()
    assert read_net(narrow.weights).config == DbConfig(4, 8)


def test_weights_of_another_shape_are_not_trained_on(tmp_path):
    weights = tmp_path / "net.safetensors"
    checkpoint.save(weights, DbNetTwin(DbConfig(4, 8)).state_dict(), about_detector(DbConfig(4, 8)))
    with pytest.raises(BundleError, match="width 4 and neck 8"):
        detector.start(Order(tmp_path, weights, until=4), 128, DbConfig(8, 8))


def test_boxes_are_matched_one_to_one():
    import numpy as np

    box = np.array([[0, 0], [40, 0], [40, 10], [0, 10]], np.float32)
    aside = box + np.array([100, 0], np.float32)
    assert count_matches(np.stack([box, aside]), np.stack([box + 1, box + 2])) == 1
    assert count_matches(np.stack([box]), np.zeros((0, 4, 2), np.float32)) == 0
