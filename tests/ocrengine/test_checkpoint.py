"""Checkpoints: what goes in comes out, and what is no checkpoint is refused."""

import json

import pytest
import torch

from ocrengine.errors import BundleError
from ocrengine.nets import checkpoint


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "net.safetensors"
    tensors = {"weight": torch.tensor([[0.5, -2.0]]), "count": torch.tensor(7)}
    checkpoint.save(path, tensors, {"charset": "一\"' \n"})
    return path


def test_tensors_and_text_come_back(saved):
    tensors, metadata = checkpoint.load(saved)
    assert torch.equal(tensors["weight"], torch.tensor([[0.5, -2.0]]))
    assert tensors["weight"].dtype == torch.float32
    assert tensors["count"].item() == 7
    assert metadata == {"charset": "一\"' \n"}


def test_kernels_take_two_bytes_a_number(tmp_path):
    path = tmp_path / "net.safetensors"
    checkpoint.save(path, {"weight": torch.zeros(100, 100)}, {})
    assert 20_000 < path.stat().st_size < 20_200


def test_a_variance_beyond_fp16_survives(tmp_path):
    path = tmp_path / "net.safetensors"
    checkpoint.save(path, {"running_var": torch.tensor([1e6])}, {})
    assert checkpoint.load(path)[0]["running_var"].item() == 1e6


def test_what_would_come_back_as_infinity_is_not_written(tmp_path):
    path = tmp_path / "net.safetensors"
    with pytest.raises(ValueError, match="weight"):
        checkpoint.save(path, {"weight": torch.full((2, 2), 1e6)}, {})
    assert not path.exists()


def test_the_old_file_stays_whole_until_the_new_one_is(saved, monkeypatch):
    before = saved.read_bytes()
    monkeypatch.setattr(checkpoint.os, "fsync", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        checkpoint.save(saved, {"weight": torch.ones(1)}, {})
    assert saved.read_bytes() == before


def header(**entry):
    text = json.dumps({"weight": entry}).encode()
    return len(text).to_bytes(8, "little") + text


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"short",
        b"\x80\x02}q\x00.",
        (2**62).to_bytes(8, "little") + b"{}",
        (20).to_bytes(8, "little") + b"x" * 20,
        (2).to_bytes(8, "little") + b"[]",
        header(dtype="F16", shape=[4], data_offsets=[0, 8]),
        header(dtype="object", shape=[0], data_offsets=[0, 0]),
        header(dtype="F16", shape=[-3], data_offsets=[0, 0]),
        header(dtype="F16"),
    ],
)
def test_what_is_no_checkpoint_is_refused(tmp_path, content):
    path = tmp_path / "net.safetensors"
    path.write_bytes(content)
    with pytest.raises(BundleError, match=r"net\.safetensors"):
        checkpoint.load(path)


def test_a_cut_file_is_refused(saved):
    saved.write_bytes(saved.read_bytes()[:-4])
    with pytest.raises(BundleError, match="damaged"):
        checkpoint.load(saved)


def test_a_file_over_the_limit_is_not_read(saved, monkeypatch):
    monkeypatch.setattr(checkpoint, "MAX_FILE", 10)
    with pytest.raises(BundleError, match="larger"):
        checkpoint.load(saved)
