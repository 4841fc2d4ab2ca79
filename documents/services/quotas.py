"""Storage: reserved by one conditional update before a file is kept, given back when it goes."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db.models import F
from django.db.models.functions import Coalesce, Greatest

from documents.models import Usage


def reserve_storage(*, owner: Any, size_bytes: int) -> bool:
    """True when the owner had room, which is then theirs; two uploads at once cannot both win."""
    Usage.objects.get_or_create(owner=owner)
    limit = Coalesce("storage_limit_bytes", settings.OCR_UPLOAD_LIMITS.storage_bytes_per_user)
    room = Usage.objects.filter(owner=owner).annotate(limit=limit)
    won = room.filter(limit__gte=F("storage_bytes") + size_bytes)
    return won.update(storage_bytes=F("storage_bytes") + size_bytes) == 1


def release_storage(*, owner: Any, size_bytes: int) -> None:
    Usage.objects.filter(owner=owner).update(
        storage_bytes=Greatest(F("storage_bytes") - size_bytes, 0)
    )


def add_storage(*, owner: Any, size_bytes: int) -> None:
    """Count bytes that we ourselves made (view images): never refused, always counted."""
    Usage.objects.filter(owner=owner).update(storage_bytes=F("storage_bytes") + size_bytes)
