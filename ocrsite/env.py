"""Typed readers of environment variables: nonsense is refused at start, with its name."""

import os
import re
from typing import overload

from django.core.exceptions import ImproperlyConfigured

_SIZE = re.compile(r"^(\d+)\s*([KMG]?)B?$", re.IGNORECASE)
_FACTOR = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}

# Names of the variables that were asked for and had a value, for the doctor.
GIVEN: set[str] = set()


def env_str(name: str, default: str = "") -> str:
    value = os.environ.get(name, "").strip()
    if value:
        GIVEN.add(name)
    return value or default


def env_bool(name: str, *, default: bool) -> bool:
    value = env_str(name).lower()
    if value in ("1", "true", "yes", "on"):
        return True
    if value in ("0", "false", "no", "off"):
        return False
    if value:
        raise ImproperlyConfigured(f"{name}={value!r}: say yes or no.")
    return default


@overload
def env_int(name: str, default: int, *, at_least: int = 0) -> int: ...
@overload
def env_int(name: str, default: None = None, *, at_least: int = 0) -> int | None: ...
def env_int(name: str, default: int | None = None, *, at_least: int = 0) -> int | None:
    value = env_str(name)
    if not value:
        return default
    if not value.isdigit() or int(value) < at_least:
        raise ImproperlyConfigured(f"{name}={value!r}: give a whole number of at least {at_least}.")
    return int(value)


@overload
def env_size(name: str, default: int) -> int: ...
@overload
def env_size(name: str, default: None = None) -> int | None: ...
def env_size(name: str, default: int | None = None) -> int | None:
    """Bytes, from '800M', '2 GB' or a plain number."""
    value = env_str(name)
    if not value:
        return default
    match = _SIZE.match(value)
    if not match:
        raise ImproperlyConfigured(f"{name}={value!r}: give a size such as 800M or 2G.")
    return int(match[1]) * _FACTOR[match[2].upper()]


def env_choice(name: str, choices: list[str]) -> str:
    """One of the words; the first is the default."""
    value = env_str(name, choices[0]).lower()
    if value not in choices:
        raise ImproperlyConfigured(f"{name}={value!r}: say {' or '.join(choices)}.")
    return value


def env_list(name: str, default: list[str]) -> list[str]:
    value = env_str(name)
    return [item.strip() for item in value.split(",") if item.strip()] if value else default
