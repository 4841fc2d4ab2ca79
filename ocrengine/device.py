"""Which device, precision and threads, and why: decided once, when an engine starts."""

from __future__ import annotations

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


def _cuda_is_usable() -> bool:
    import onnxruntime  # noqa: PLC0415  heavy, and only the engine child may pay for it

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


def choose_device(profile: EngineProfile, precisions: tuple[str, ...] = ("fp32",)) -> Device:
    """The profile's wish, where the machine and the bundle can fulfil it.

    precisions   what the bundle's networks can compute in

    FP16 is never used on a CPU: without hardware support it was measured 12 to 16 times slower.
    INT8 is, where a bundle has such a form, and BF16, where the processor has it: a third less work
    for the same text.
    """
    threads = threads_per_page(profile)
    wanted = profile.device
    if profile.precision not in PRECISIONS:
        raise BundleError(
            f"unknown precision {profile.precision!r}: choose one of {', '.join(PRECISIONS)}"
        )
    if wanted not in ("cpu", "cuda", "auto"):
        raise BundleError(f"unknown device {wanted!r}: choose cpu, cuda or auto")
    if wanted != "cpu" and _cuda_is_usable():
        return Device("cuda", "fp32", threads, "a CUDA device answers")
    if wanted == "cuda":
        raise BundleError("device cuda was asked for, and the runtime finds no CUDA device")
    why = "asked for" if wanted == "cpu" else "the runtime finds no CUDA device"
    if profile.precision == "fp16":
        why += "; fp16 was asked for, and a CPU is slower with it"
    if profile.precision in ("auto", "int8") and "int8" in precisions:
        return Device("cpu", "int8", threads, why)
    if profile.precision in ("auto", "bf16") and "bf16" in precisions and has_bf16():
        return Device("cpu", "bf16", threads, why)
    return Device("cpu", "fp32", threads, why)
