"""Tokens of programs: made, shown once, recognised, revoked.

A token is folio_<8 public>_<43 secret>. The public part finds the row, and the SHA-256 of the whole
must match: 256 random bits need no slow hash, and a copy of the database opens nothing.
"""

from __future__ import annotations

import hashlib
import logging
import re
import secrets
import string
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from documents.errors import TooManyTokens
from documents.models import ApiToken, Scope, Verb
from documents.services import audit

log = logging.getLogger(__name__)

TOKENS_PER_USER = 50
"""Tokens that are neither revoked nor expired."""
USE_IS_NOTED_EVERY = timedelta(minutes=1)
_ALPHABET = string.ascii_letters + string.digits
_FORM = re.compile(r"(folio_[A-Za-z0-9]{8})_[A-Za-z0-9_-]{43}")


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def create_token(
    *, owner: Any, name: str, scope: Scope = Scope.READ, expires_at: datetime | None = None
) -> tuple[ApiToken, str]:
    """The row, and the token itself, which nobody can ever show again. Raises TooManyTokens."""
    prefix = "folio_" + "".join(secrets.choice(_ALPHABET) for _ in range(8))
    secret = f"{prefix}_{secrets.token_urlsafe(32)}"
    with transaction.atomic():
        alive = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
        if ApiToken.objects.filter(alive, owner=owner, revoked_at=None).count() >= TOKENS_PER_USER:
            raise TooManyTokens(limit=TOKENS_PER_USER)
        token = ApiToken.objects.create(
            owner=owner,
            name=name,
            prefix=prefix,
            digest=_digest(secret),
            scope=scope,
            expires_at=expires_at,
        )
        audit.record(Verb.TOKEN_MADE, token, detail=f"{prefix} ({scope})")
    log.info("token_created token=%s owner=%s scope=%s", prefix, owner.pk, scope)
    return token, secret


def recognise(secret: str) -> ApiToken | None:
    """The token that this is, if it is one that opens: not revoked, not expired, of an active
    user."""
    match = _FORM.fullmatch(secret)
    if match is None:
        return None
    token = ApiToken.objects.select_related("owner").filter(prefix=match[1]).first()
    # Compared even where there is no row, so that a guess at the public part learns nothing.
    if not constant_time_compare(token.digest if token else "0" * 64, _digest(secret)):
        return None
    return token if token and token.is_valid and token.owner.is_active else None


def note_use(token: ApiToken) -> None:
    """Remember when it was last used, with at most one write a minute."""
    now = timezone.now()
    stale = now - USE_IS_NOTED_EVERY
    if token.last_used_at and token.last_used_at > stale:
        return
    due = Q(last_used_at=None) | Q(last_used_at__lte=stale)
    ApiToken.objects.filter(due, pk=token.pk).update(last_used_at=now)


@transaction.atomic
def revoke_token(token: ApiToken) -> None:
    """From the next request on it opens nothing. Harmless when it was revoked before."""
    if ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now()):
        audit.record(Verb.TOKEN_REVOKED, token, detail=token.prefix)
        log.info("token_revoked token=%s owner=%s", token.prefix, token.owner_id)
