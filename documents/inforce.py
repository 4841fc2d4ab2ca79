"""What is in force on this installation, and where it comes from: for the doctor and for staff."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _

from documents import files
from documents.limits import MB
from ocrengine.choose import BUNDLE_NAMES
from ocrengine.doctor import Fact
from ocrengine.profiles import get_profile

KNOBS = {
    "tile_side": "OCR_TILE_SIDE",
    "workers": "OCR_WORKERS",
    "slots": "OCR_SLOTS",
    "threads": "OCR_THREADS",
    "memory_ceiling": "OCR_MEMORY_CEILING",
    "files_per_batch": "OCR_FILES_PER_BATCH",
    "device": "OCR_DEVICE",
    "precision": "OCR_PRECISION",
}
TUNED = {"workers", "slots", "threads"}
"""Knobs that manage.py tune turns"""
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
        Section(_("Profile, knob by knob"), list(_profile())),
        Section(_("Settings"), list(_settings())),
        Section(_("Storage"), list(_storage())),
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
    """The latest of each bundle, profile and set in docs/benchmarks.jsonl."""
    path = settings.BASE_DIR / "docs" / "benchmarks.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    latest = {
        (score.bundle, score.profile, score.data): score
        for line in lines
        for score in _scores(json.loads(line))
    }
    return [latest[key] for key in sorted(latest)]


def _scores(record: dict[str, Any]) -> Iterator[Score]:
    for data, rows in record["measured"].items():
        for contender, row in rows.items():
            bundle, _, profile = contender.partition(", ")
            if bundle not in BUNDLE_NAMES:
                continue  # nobody can choose it here
            # A set of one subset has no row for all of them.
            overall = row["scores"].get("ALL") or next(iter(row["scores"].values()), {})
            if "w_f" in overall and "cer_loc" in overall:
                yield Score(bundle, profile, data, overall["w_f"], overall["cer_loc"])


def _profile() -> Iterator[Fact]:
    """Each knob with where it comes from."""
    own = get_profile(settings.OCR_PROFILE.name)
    for field in fields(own):
        value = getattr(settings.OCR_PROFILE, field.name)
        changed = value != getattr(own, field.name)
        yield Fact(field.name, _readable(field.name, value), _why(field.name, own.name, changed))


def _why(knob: str, profile: str, changed: bool) -> str:
    figures = {"variable": KNOBS.get(knob), "profile": profile}
    if changed and settings.OCR_TUNED and knob in TUNED:
        return _("measured by manage.py tune on %(date)s") % {"date": settings.OCR_TUNED.date}
    if changed:
        return _("%(variable)s says so") % figures
    if knob in KNOBS:
        return _("profile %(profile)s (override: %(variable)s)") % figures
    return _("profile %(profile)s") % figures


def _readable(name: str, value: Any) -> str:
    return f"{value // MB} MB" if name == "memory_ceiling" else str(value)


def _settings() -> Iterator[Fact]:
    for name, variable in SETTINGS.items():
        given = variable in settings.OCR_GIVEN
        why = _("%(variable)s says so") if given else _("%(variable)s is not set: the default")
        yield Fact(name, str(getattr(settings, name)), why % {"variable": variable})
    for limits, why in (
        (settings.OCR_UPLOAD_LIMITS, _("limits of an upload")),
        (settings.OCR_USER_LIMITS, _("limits of a user, where none are set for them")),
    ):
        for field in fields(limits):
            yield Fact(f"limit {field.name}", str(getattr(limits, field.name)), why)


def _storage() -> Iterator[Fact]:
    in_the_folder = _("in the data folder")
    database = _("DATABASE_URL, or SQLite in the data folder")
    reserve = _("uploads and the queue stop at %(size)s MB, so that the database can write")
    reserve_mb = settings.OCR_UPLOAD_LIMITS.disk_reserve_bytes // MB
    yield Fact(_("database"), connection.vendor, database)
    yield Fact(_("files"), str(settings.OCR_FILES_DIR), in_the_folder)
    free = f"{files.free_bytes() // MB} MB"
    yield Fact(_("disk free"), free, reserve % {"size": reserve_mb}, files.has_room())
