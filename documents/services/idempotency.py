"""The same key, the same answer: a request that is sent twice is done once.

A key is claimed before anything is done, and its answer is stored in the transaction that does it,
so that a crash leaves both or neither. A claim whose request died is taken over after a while;
should that request still be alive, `finish` refuses it and its transaction rolls back.
A refusal changed nothing and is not kept: the same key may be tried again.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from documents.errors import IdempotencyKeyBusy, IdempotencyKeyReused
from documents.models import IdempotencyKey

KEPT_FOR = timedelta(hours=24)
GIVEN_UP_AFTER = timedelta(minutes=5)
"""Longer than a request takes: whoever claimed it is dead, or will find its claim lost."""


@dataclass(frozen=True)
class Answer:
    status: int
    body: str
    """JSON, to the letter."""


@dataclass(frozen=True)
class Claim:
    """The right to answer one key."""

    row: int
    token: uuid.UUID


def begin(*, owner: Any, key: str, fingerprint: str) -> Claim | Answer:
    """The answer this key was given, or the right to make it.

    Raises IdempotencyKeyReused when it was used for something else, and IdempotencyKeyBusy while
    another request is answering it.
    """
    try:
        with transaction.atomic():
            row = IdempotencyKey.objects.create(
                owner=owner, key=key, fingerprint=fingerprint, claimed_at=timezone.now()
            )
    except IntegrityError:
        return _of_another(owner, key, fingerprint)
    return Claim(row.pk, row.claim)


def _of_another(owner: Any, key: str, fingerprint: str) -> Claim | Answer:
    row = IdempotencyKey.objects.filter(owner=owner, key=key).first()
    if row is None:
        raise IdempotencyKeyBusy  # refused and let go between two looks: the next look wins it
    if row.fingerprint != fingerprint:
        raise IdempotencyKeyReused
    if row.status is not None:
        return Answer(row.status, row.answer)
    now, claim = timezone.now(), uuid.uuid4()
    given_up = IdempotencyKey.objects.filter(
        pk=row.pk, claim=row.claim, status=None, claimed_at__lt=now - GIVEN_UP_AFTER
    )
    if not given_up.update(claim=claim, claimed_at=now):
        raise IdempotencyKeyBusy
    return Claim(row.pk, claim)


def finish(claim: Claim, answer: Answer) -> None:
    """Store the answer. Call inside the transaction whose work it tells of.

    Raises IdempotencyKeyBusy when the claim was taken over, which must roll that work back.
    """
    mine = IdempotencyKey.objects.filter(pk=claim.row, claim=claim.token, status=None)
    if not mine.update(status=answer.status, answer=answer.body):
        raise IdempotencyKeyBusy


def let_go(claim: Claim) -> None:
    """Nothing was done: the key is free again."""
    IdempotencyKey.objects.filter(pk=claim.row, claim=claim.token, status=None).delete()


def forget_old() -> int:
    """Remove keys whose day is over; returns how many."""
    old = IdempotencyKey.objects.filter(created_at__lt=timezone.now() - KEPT_FOR)
    return old.delete()[0]
