"""What this machine offers and what is done with it, each fact with its reason. Nothing heavy.

Every probe runs in a child or reads a file, so that asking costs little and can break nothing.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata

from ocrengine.choose import ROOMY_BYTES
from ocrengine.errors import EngineError
from ocrengine.forecast import forecast_child_bytes, forecast_page_bytes
from ocrengine.memory import available_memory, usable_cores
from ocrengine.process import child_environment
from ocrengine.profiles import MB, EngineProfile

A4_300_DPI = (2480, 3508)


@dataclass(frozen=True)
class Fact:
    name: str
    value: str
    why: str
    is_good: bool = True


def _megabytes(size: int) -> str:
    return f"{size // MB} MB"


def machine_facts() -> Iterator[Fact]:
    budget = available_memory()
    yield Fact("memory", _megabytes(budget.total), "what the machine has")
    limit = "none" if budget.limit is None else _megabytes(budget.limit)
    yield Fact("memory limit", limit, budget.source)
    yield Fact(
        "memory free",
        _megabytes(budget.available),
        f"under {_megabytes(ROOMY_BYTES)} the profile low_memory is chosen by itself",
    )
    yield Fact("cores", str(usable_cores()), "affinity and the quota of control groups")


def profile_facts(profile: EngineProfile, reason: str, bundle: str) -> Iterator[Fact]:
    yield Fact("profile", profile.name, reason)
    page = forecast_page_bytes(*A4_300_DPI, profile, bundle)
    child = forecast_child_bytes(profile, bundle)
    yield Fact(
        "one A4 page at 300 dpi",
        _megabytes(page),
        f"forecast of what it adds to an engine child of {_megabytes(child)} at the peak; pages"
        " start together only while they fit",
        is_good=child + page < profile.memory_ceiling,
    )


def engine_facts(profile: EngineProfile, bundle: str) -> Iterator[Fact]:
    """Device and bundle, asked of a child: the runtime is not loaded here."""
    code = (
        "import json, sys\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from ocrengine.bundles import get_bundle\n"
        "from ocrengine.device import choose_device\n"
        "from ocrengine.profiles import EngineProfile\n"
        "spec = get_bundle(sys.argv[3]); spec.verified_files()\n"
        "profile = EngineProfile(**json.loads(sys.argv[2]))\n"
        "device = choose_device(profile, spec.precisions)\n"
        "print(json.dumps([device.name, device.precision, device.threads, device.reason,"
        " spec.licence, spec.fingerprint]))\n"
    )
    root = __file__.rsplit("/", 2)[0]
    settings = json.dumps(profile.__dict__)
    asked = subprocess.run(
        [sys.executable, "-I", "-c", code, root, settings, bundle],
        capture_output=True,
        text=True,
        env=child_environment(profile),
        check=False,
    )
    if asked.returncode:
        why = (asked.stderr.strip().splitlines() or ["no answer"])[-1]
        yield Fact("bundle", bundle, why, is_good=False)
        return
    device, precision, threads, reason, licence, fingerprint = json.loads(asked.stdout)
    yield Fact("device", device, reason)
    yield Fact(
        "precision",
        precision,
        "the cheapest that bundle and processor have; fp16 is 12 times slower on a CPU",
    )
    yield Fact("threads", str(threads), "of one engine child; cores divided by pages in flight")
    yield Fact("bundle", bundle, f"present, hashes agree ({fingerprint[:12]}); {licence}")


def decoder_facts() -> Iterator[Fact]:
    yield Fact("PDF renderer", f"pypdfium2 {metadata.version('pypdfium2')}", "runs in the child")
    yield Fact("image decoder", f"Pillow {metadata.version('pillow')}", "runs in the child")
    can = _namespaces_are_allowed()
    yield Fact(
        "decoder isolation",
        "limits and an empty environment",
        "a network namespace would be allowed here too" if can else "namespaces are not allowed",
    )


def _namespaces_are_allowed() -> bool:
    probe = ["unshare", "--user", "--net", "true"]
    try:
        return subprocess.run(probe, capture_output=True, timeout=5, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def examine(profile: EngineProfile, reason: str, bundle: str) -> list[Fact]:
    """All facts, in the order a person would ask for them."""
    facts = [*machine_facts(), *profile_facts(profile, reason, bundle)]
    try:
        facts += engine_facts(profile, bundle)
    except EngineError as error:
        facts.append(Fact("bundle", bundle, str(error), is_good=False))
    return [*facts, *decoder_facts()]
