"""Say what this installation has, what it decided, and why."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from documents import files
from documents.limits import MB
from ocrengine.doctor import Fact, examine
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


class Command(BaseCommand):
    help = "Memory, limits, cores, device, profile, bundle, every setting in force, and why."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        facts = examine(settings.OCR_PROFILE, settings.OCR_PROFILE_REASON, settings.OCR_BUNDLE)
        self._print("Machine and engine", facts)
        self._print("Profile, knob by knob", list(self._profile()))
        self._print("Settings", list(self._settings()))
        self._print("Storage", list(self._storage()))
        if not all(fact.is_good for fact in facts):
            raise CommandError("Something above is not as it should be; it is marked with '!'.")

    def _print(self, title: str, facts: list[Fact]) -> None:
        self.stdout.write(f"\n{title}")
        name_width = max(len(fact.name) for fact in facts)
        value_width = min(34, max(len(fact.value) for fact in facts))
        for fact in facts:
            mark = " " if fact.is_good else "!"
            self.stdout.write(
                f"{mark} {fact.name:<{name_width}}  {fact.value:<{value_width}}  {fact.why}"
            )

    def _profile(self) -> Iterator[Fact]:
        """Each knob with where it comes from."""
        own = get_profile(settings.OCR_PROFILE.name)
        for field in fields(own):
            value = getattr(settings.OCR_PROFILE, field.name)
            changed = value != getattr(own, field.name)
            source = f"{KNOBS[field.name]} says so" if changed else f"profile {own.name}"
            if field.name in KNOBS and not changed:
                source += f" (override: {KNOBS[field.name]})"
            yield Fact(field.name, self._readable(field.name, value), source)

    def _readable(self, name: str, value: Any) -> str:
        return f"{value // MB} MB" if name == "memory_ceiling" else str(value)

    def _settings(self) -> Iterator[Fact]:
        for name, variable in SETTINGS.items():
            source = "says so" if variable in settings.OCR_GIVEN else "is not set: the default"
            yield Fact(name, str(getattr(settings, name)), f"{variable} {source}")
        for limits, why in (
            (settings.OCR_UPLOAD_LIMITS, "limits of an upload"),
            (settings.OCR_USER_LIMITS, "limits of a user, where none are set for them"),
        ):
            for field in fields(limits):
                yield Fact(f"limit {field.name}", str(getattr(limits, field.name)), why)

    def _storage(self) -> Iterator[Fact]:
        engine = connection.vendor
        yield Fact("database", engine, "DATABASE_URL, or SQLite in the data folder")
        yield Fact("files", str(settings.OCR_FILES_DIR), "in the data folder")
        free = f"{files.free_bytes() // MB} MB"
        reserve = settings.OCR_UPLOAD_LIMITS.disk_reserve_bytes // MB
        yield Fact(
            "disk free", free, f"uploads stop at {reserve} MB, so that the database can write"
        )
