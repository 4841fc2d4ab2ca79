"""What is in force on this installation, and where it comes from: for the doctor and for staff."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from django.conf import settings
from django.db import connection

from documents import files
from documents.limits import MB
from ocrengine.doctor import Fact
from ocrengine.profiles import get_profile

KNOBS = {
    "tile_side": "OCR_TILE_SIDE",
    "threads": "OCR_THREADS",
    "memory_ceiling": "OCR_MEMORY_CEILING",
    "files_per_batch": "OCR_FILES_PER_BATCH",
    "device": "OCR_DEVICE",
}
SETTINGS = {
    "OCR_ADDRESS": "OCR_ADDRESS",
    "ALLOWED_HOSTS": "OCR_ALLOWED_HOSTS",
    "TLS": "OCR_TLS",
    "DEBUG": "OCR_DEBUG",
    "OCR_WORKERS": "OCR_WORKERS",
    "OCR_BUNDLE": "OCR_BUNDLE",
    "LANGUAGE_CODE": "OCR_LANGUAGE",
    "TIME_ZONE": "TZ",
    "LOG_LEVEL": "OCR_LOG_LEVEL",
    "DATA_DIR": "OCR_DATA_DIR",
}


@dataclass(frozen=True)
class Section:
    title: str
    facts: list[Fact]


def settings_in_force() -> list[Section]:
    return [
        Section("Profile, knob by knob", list(_profile())),
        Section("Settings", list(_settings())),
        Section("Storage", list(_storage())),
    ]


@dataclass(frozen=True)
class Score:
    """One row of the benchmark that is kept in docs/."""

    bundle: str
    profile: str
    data: str
    w_f: float
    cer: float


def bundle_scores() -> list[Score]:
    """From the last benchmark in docs/benchmarks.jsonl; empty where none was run."""
    path = settings.BASE_DIR / "docs" / "benchmarks.jsonl"
    if not path.exists():
        return []
    last = json.loads(path.read_text().splitlines()[-1])
    return list(_scores(last))


def _scores(record: dict[str, Any]) -> Iterator[Score]:
    for data, rows in record["measured"].items():
        for contender, row in rows.items():
            bundle, _, profile = contender.partition(", ")
            overall = row["scores"].get("ALL", {})
            if "w_f" in overall and "cer_loc" in overall:
                yield Score(bundle, profile, data, overall["w_f"], overall["cer_loc"])


def _profile() -> Iterator[Fact]:
    """Each knob with where it comes from."""
    own = get_profile(settings.OCR_PROFILE.name)
    for field in fields(own):
        value = getattr(settings.OCR_PROFILE, field.name)
        changed = value != getattr(own, field.name)
        source = f"{KNOBS[field.name]} says so" if changed else f"profile {own.name}"
        if field.name in KNOBS and not changed:
            source += f" (override: {KNOBS[field.name]})"
        yield Fact(field.name, _readable(field.name, value), source)


def _readable(name: str, value: Any) -> str:
    return f"{value // MB} MB" if name == "memory_ceiling" else str(value)


def _settings() -> Iterator[Fact]:
    for name, variable in SETTINGS.items():
        source = "says so" if variable in settings.OCR_GIVEN else "is not set: the default"
        yield Fact(name, str(getattr(settings, name)), f"{variable} {source}")
    for limits, why in (
        (settings.OCR_UPLOAD_LIMITS, "limits of an upload"),
        (settings.OCR_USER_LIMITS, "limits of a user, where none are set for them"),
    ):
        for field in fields(limits):
            yield Fact(f"limit {field.name}", str(getattr(limits, field.name)), why)


def _storage() -> Iterator[Fact]:
    engine = connection.vendor
    yield Fact("database", engine, "DATABASE_URL, or SQLite in the data folder")
    yield Fact("files", str(settings.OCR_FILES_DIR), "in the data folder")
    free = f"{files.free_bytes() // MB} MB"
    reserve = settings.OCR_UPLOAD_LIMITS.disk_reserve_bytes // MB
    yield Fact("disk free", free, f"uploads stop at {reserve} MB, so that the database can write")
