"""What `manage.py tune` found out about this machine, kept in one small file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from ocrengine.memory import available_memory, usable_cores


@dataclass(frozen=True)
class Tuned:
    """How the cores are divided, for one profile and one bundle on one machine."""

    profile: str
    bundle: str
    cores: int
    memory_limit: int
    """Bytes that this installation may use at most"""
    processes: int
    slots: int
    threads: int
    pages_per_second: float
    date: str

    def fits(self, profile: str, bundle: str) -> bool:
        """Whether it was measured with what is in force here and now."""
        here = (profile, bundle, usable_cores(), memory_limit())
        return here == (self.profile, self.bundle, self.cores, self.memory_limit)


def memory_limit() -> int:
    budget = available_memory()
    return budget.limit or budget.total


def load_for(path: Path, profile: str, bundle: str) -> Tuned | None:
    """What was kept; None where that is nothing, by another version, or measured with something
    else than what is in force."""
    try:
        kept = Tuned(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return kept if kept.fits(profile, bundle) else None


def keep(tuned: Tuned, path: Path) -> None:
    half = path.with_suffix(".half")
    half.write_text(json.dumps(asdict(tuned)))
    half.replace(path)
