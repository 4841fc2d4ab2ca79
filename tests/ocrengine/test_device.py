"""The device is what was asked for where the machine has it, and says why."""

import sys
from dataclasses import replace

import pytest

from ocrengine import device, memory
from ocrengine.device import choose_device
from ocrengine.errors import BundleError
from ocrengine.profiles import BALANCED, GPU, LOW_MEMORY


@pytest.fixture
def without_cuda(monkeypatch):
    monkeypatch.setattr(device, "finds_gpu", lambda by_torch: False)


@pytest.fixture
def with_cuda(monkeypatch):
    monkeypatch.setattr(device, "finds_gpu", lambda by_torch: True)


@pytest.mark.usefixtures("without_cuda")
@pytest.mark.parametrize("precision", ["auto", "fp16", "fp32", "bf16"])
def test_a_cpu_never_gets_fp16(precision):
    chosen = choose_device(replace(BALANCED, precision=precision))
    assert (chosen.name, chosen.precision) == ("cpu", "fp32")


@pytest.mark.usefixtures("without_cuda")
@pytest.mark.parametrize(
    ("flags", "precision", "precisions", "chosen"),
    [
        ("avx2 avx512_bf16", "bf16", ("fp32", "bf16"), "bf16"),
        ("avx2 avx512_bf16", "auto", ("fp32",), "fp32"),
        ("avx2 avx512f", "auto", ("fp32", "bf16"), "fp32"),
        ("avx2 avx512_bf16", "fp32", ("fp32", "bf16"), "fp32"),
        ("avx2 avx512f", "bf16", ("fp32", "bf16"), "fp32"),
        ("avx2", "auto", ("fp32", "int8"), "int8"),
        ("avx2", "int8", ("fp32",), "fp32"),
        ("avx2", "fp32", ("fp32", "int8"), "fp32"),
    ],
)
def test_a_smaller_precision_is_used_where_processor_bundle_and_profile_agree(
    tmp_path, monkeypatch, flags, precision, precisions, chosen
):
    monkeypatch.setattr(device, "CPU_FACTS", tmp_path / "cpuinfo")
    (tmp_path / "cpuinfo").write_text(f"flags : {flags}")
    wish = replace(BALANCED, precision=precision)
    assert choose_device(wish, precisions).precision == chosen


@pytest.mark.usefixtures("without_cuda")
@pytest.mark.parametrize(
    ("half", "full", "chosen"), [(1.0, 2.0, "bf16"), (1.9, 2.0, "fp32"), (9.0, 2.0, "fp32")]
)
def test_bfloat16_is_chosen_by_itself_only_where_a_trial_shows_that_it_pays(
    monkeypatch, half, full, chosen
):
    monkeypatch.setattr(device, "has_bf16", lambda: True)
    seconds = {True: half, False: full}
    monkeypatch.setattr(device, "_probe", lambda *, half: seconds[half])
    assert choose_device(BALANCED, ("fp32", "bf16")).precision == chosen


def test_the_trial_itself_runs_on_any_processor():
    assert device._probe(half=False) > 0
    assert device._probe(half=True) > 0


@pytest.mark.usefixtures("without_cuda")
def test_asking_for_a_device_that_is_absent_is_an_error_and_not_a_surprise():
    with pytest.raises(BundleError, match="cuda"):
        choose_device(GPU)


@pytest.mark.usefixtures("with_cuda")
def test_auto_takes_what_is_there_and_cpu_is_respected():
    assert choose_device(BALANCED).name == "cuda"
    assert choose_device(LOW_MEMORY).name == "cpu"


@pytest.mark.usefixtures("with_cuda")
@pytest.mark.parametrize(
    ("precision", "precisions", "chosen"),
    [
        ("auto", ("fp32", "fp16", "int8"), "fp16"),
        ("fp16", ("fp32", "fp16"), "fp16"),
        ("fp32", ("fp32", "fp16"), "fp32"),
        ("auto", ("fp32",), "fp32"),
    ],
)
def test_a_gpu_computes_in_halves_where_torch_runs_the_networks(precision, precisions, chosen):
    device = choose_device(replace(GPU, precision=precision), precisions)
    assert (device.name, device.precision) == ("cuda", chosen)


def test_no_library_is_asked_for_a_gpu_where_no_driver_is(monkeypatch):
    monkeypatch.setattr(device, "DRIVERS", ("/nowhere",))
    monkeypatch.setitem(sys.modules, "torch", None)  # an import would fail
    assert not device.finds_gpu(by_torch=True)


@pytest.mark.usefixtures("without_cuda")
def test_threads_are_the_profiles_or_a_fair_share_of_the_cores(monkeypatch):
    monkeypatch.setattr(memory, "usable_cores", lambda: 8)
    assert choose_device(replace(BALANCED, threads=3)).threads == 3
    assert choose_device(replace(BALANCED, threads=0, workers=2, slots=1)).threads == 4
    assert choose_device(replace(BALANCED, threads=0, workers=2, slots=2)).threads == 2
    assert choose_device(replace(BALANCED, threads=0, workers=99)).threads == 1


@pytest.mark.usefixtures("without_cuda")
def test_the_reason_is_a_sentence():
    assert "no CUDA" in choose_device(BALANCED).reason


def test_an_unknown_device_is_refused():
    with pytest.raises(BundleError, match="abacus"):
        choose_device(replace(BALANCED, device="abacus"))


def test_a_precision_that_nobody_knows_is_an_error_that_names_those_there_are():
    with pytest.raises(BundleError, match="unknown precision 'int4': choose one of auto, fp32"):
        choose_device(replace(BALANCED, precision="int4"))
