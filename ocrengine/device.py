"""Which device, precision and threads, and why: decided once, when an engine starts."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from ocrengine.errors import BundleError
from ocrengine.memory import threads_per_page
from ocrengine.profiles import EngineProfile


@dataclass(frozen=True)
class Device:
    name: str
    """cpu or cuda"""
    precision: str
    threads: int
    reason: str


DRIVERS = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")
"""Linux, Windows' Linux, AMD: without one of them no library needs to be asked."""


def finds_gpu(*, by_torch: bool) -> bool:
    """Whether the library that would run the networks finds a GPU."""
    if not any(Path(driver).exists() for driver in DRIVERS):
        return False
    if by_torch:
        import torch  # noqa: PLC0415  heavy, and only the engine child may pay for it

        return torch.cuda.is_available()
    import onnxruntime  # noqa: PLC0415

    return "CUDAExecutionProvider" in onnxruntime.get_available_providers()


PRECISIONS = ("auto", "fp32", "int8", "bf16", "fp16")
CPU_FACTS = Path("/proc/cpuinfo")


def has_bf16() -> bool:
    """Whether the processor multiplies bfloat16 itself; one that only pretends to is slower."""
    try:
        flags = CPU_FACTS.read_text()
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


WORTH_IT = 0.8
"""Share of fp32's time under which bfloat16, which rounds more, is taken."""


def bf16_pays() -> bool:
    """Whether a convolution of a detector's size is clearly quicker in bfloat16, tried here and
    now: a fifth of a second, once an engine starts. Flags alone do not say so."""
    return has_bf16() and _probe(half=True) < WORTH_IT * _probe(half=False)


def _probe(*, half: bool) -> float:
    """Seconds of the quickest of a few runs."""
    import torch  # noqa: PLC0415  only networks that torch runs anyway are asked about

    layer = torch.nn.Conv2d(64, 64, 3, padding=1)
    layer.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    pixels = torch.zeros(1, 64, 160, 160).to(memory_format=torch.channels_last)
    seconds = []
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=half):
        for _ in range(4):
            start = time.perf_counter()
            layer(pixels)
            seconds.append(time.perf_counter() - start)
    return min(seconds)


def choose_device(profile: EngineProfile, precisions: tuple[str, ...] = ("fp32",)) -> Device:
    """The profile's wish, where the machine and the bundle can fulfil it.

    precisions   what the bundle's networks can compute in

    FP16 is for GPUs, where torch runs the networks. It is never used on a CPU: without hardware
    support it was measured 12 to 16 times slower.
    INT8 is, where a bundle has such a form. BF16 is, where the processor has it, and where nobody
    asked for it only if a trial shows that it pays.
    """
    threads = threads_per_page(profile)
    wanted = profile.device
    if profile.precision not in PRECISIONS:
        raise BundleError(
            f"unknown precision {profile.precision!r}: choose one of {', '.join(PRECISIONS)}"
        )
    if wanted not in ("cpu", "cuda", "auto"):
        raise BundleError(f"unknown device {wanted!r}: choose cpu, cuda or auto")
    halves = "fp16" in precisions
    if wanted != "cpu" and finds_gpu(by_torch=halves):
        precision = "fp16" if halves and profile.precision in ("auto", "fp16") else "fp32"
        return Device("cuda", precision, threads, "a CUDA device answers")
    if wanted == "cuda":
        raise BundleError("device cuda was asked for, and the runtime finds no CUDA device")
    why = "asked for" if wanted == "cpu" else "the runtime finds no CUDA device"
    if profile.precision == "fp16":
        why += "; fp16 was asked for, and a CPU is slower with it"
    if profile.precision in ("auto", "int8") and "int8" in precisions:
        return Device("cpu", "int8", threads, why)
    if "bf16" in precisions and _wants_bf16(profile.precision):
        return Device("cpu", "bf16", threads, why)
    return Device("cpu", "fp32", threads, why)


def _wants_bf16(precision: str) -> bool:
    return bf16_pays() if precision == "auto" else precision == "bf16" and has_bf16()
