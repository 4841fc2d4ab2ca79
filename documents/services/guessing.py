"""Guessing is bounded alike at every door: login, second thoughts, tokens, reset, admin.

A try is counted before the secret is looked at, by one conditional update, so that a thousand
tries at once are no better than a thousand one after the other. A right answer gives its try back.
"""

from __future__ import annotations

import hashlib
import ipaddress
from dataclasses import dataclass
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Greatest, Now
from django.utils import timezone

from documents.errors import TooManyTries
from documents.models import Guess

WINDOW = timedelta(minutes=15)
AT_ONE_NAME = 10
"""Tries at one name from one place."""
FROM_ONE_PLACE = 100
"""Tries at any name from one place: an office behind one address has many forgetful people."""


@dataclass(frozen=True)
class Try:
    """One counted try, to be given back if it was right."""

    keys: tuple[str, ...]


def place_of(address: str) -> str:
    """An IPv4 address, or the /64 that one IPv6 household or machine has to itself."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 6 and parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    if parsed.version == 6:
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def count_try(*, kind: str, name: str, address: str) -> Try:
    """Raises TooManyTries, whether or not such a name exists."""
    place = place_of(address)
    limits = {_key(kind, place): FROM_ONE_PLACE}
    if name:
        limits[_key(kind, place, name.strip().casefold())] = AT_ONE_NAME
    for key, limit in limits.items():
        if not _claim(key, limit):
            raise TooManyTries(minutes=_minutes_left(key))
    return Try(tuple(limits))


def forgive(counted: Try) -> None:
    Guess.objects.filter(key__in=counted.keys).update(tries=Greatest(F("tries") - 1, 0))


def forget_old_tries() -> None:
    Guess.objects.filter(window_ends__lt=Now()).delete()


def _key(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _claim(key: str, limit: int) -> bool:
    rows = Guess.objects.filter(key=key)
    ends = timezone.now() + WINDOW
    rows.filter(window_ends__lt=Now()).update(tries=0, window_ends=ends)
    if rows.filter(tries__lt=limit).update(tries=F("tries") + 1):
        return True
    try:
        with transaction.atomic():
            Guess.objects.create(key=key, tries=1, window_ends=ends)
    except IntegrityError:
        # It is full, or somebody made it a moment ago.
        return bool(rows.filter(tries__lt=limit).update(tries=F("tries") + 1))
    return True


def _minutes_left(key: str) -> int:
    row = Guess.objects.filter(key=key).first()
    left = row.window_ends - timezone.now() if row else WINDOW
    return max(1, round(left.total_seconds() / 60))
