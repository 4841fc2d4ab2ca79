"""The audit trail: who downloaded, changed, shared or deleted what, and which staff looked at it.

Services record what they do, in the transaction that does it, whichever door was used. Who asks is
told once for each request, by `called_by`, and looked at only where something is recorded; where
nobody said so, it was the clock or the shell.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone

from documents import correlation
from documents.models import (
    ApiToken,
    Attempt,
    AuditEvent,
    Collection,
    Document,
    Door,
    Job,
    Kind,
    Page,
    Share,
    Verb,
)

log = logging.getLogger(__name__)

PURGED_AT_ONCE = 10_000


@dataclass(frozen=True)
class Caller:
    door: Door = Door.WORKER
    user: Any = None
    token_prefix: str = ""
    place: str = ""


@dataclass(frozen=True)
class Subject:
    """What a deed was done to, as the trail names it."""

    kind: Kind
    object_id: object = ""
    owner: Any = None
    page: int | None = None
    table: str = ""


_CALLER: ContextVar[Callable[[], Caller]] = ContextVar("caller", default=Caller)


@contextmanager
def called_by(caller: Callable[[], Caller]) -> Iterator[None]:
    """`caller` is asked when something is recorded: who it is may be known later than this."""
    token = _CALLER.set(caller)
    try:
        yield
    finally:
        _CALLER.reset(token)


def record(verb: Verb, thing: Any, *, detail: str = "", by: Any = None) -> None:
    """Write one event. Call it in the transaction that does the deed.

    thing   a row, or a Subject for what has none
    by      who, where the request does not know them yet
    """
    caller = _CALLER.get()()
    actor = by or caller.user
    if actor is not None and not actor.is_authenticated:
        actor = None
    subject = subject_of(thing, actor)
    AuditEvent.objects.create(
        verb=verb,
        door=caller.door,
        actor_id=actor and actor.pk,
        actor_name=actor.get_username() if actor else "",
        owner_id=subject.owner and subject.owner.pk,
        owner_name=subject.owner.get_username() if subject.owner else "",
        kind=subject.kind,
        object_id=str(subject.object_id),
        page=subject.page,
        detail=" ".join(filter(None, (subject.table, detail)))[:150],
        token_prefix=caller.token_prefix,
        place=caller.place,
        request_id=correlation.REQUEST.get()[:64],
    )


def record_leaving(verb: Verb, thing: Any) -> None:
    """The same for what is only read: a database that cannot write must not keep people from what
    is theirs. The log remembers it then."""
    try:
        record(verb, thing)
    except DatabaseError:
        user, key = _CALLER.get()().user, getattr(thing, "pk", "")
        log.exception("audit_lost verb=%s thing=%s user=%s", verb, key, getattr(user, "pk", ""))


def subject_of(thing: Any, user: Any = None) -> Subject:  # noqa: PLR0911  one for each kind of row
    """`user` saves the query for an owner who is that user."""

    def owner_of(row: Any) -> Any:
        return user if user is not None and row.owner_id == user.pk else row.owner

    match thing:
        case Subject():
            return thing
        case Document():
            return Subject(Kind.DOCUMENT, thing.pk, owner_of(thing))
        case Page():
            owner = owner_of(thing.document)
            return Subject(Kind.DOCUMENT, thing.document_id, owner, thing.number)
        case Attempt():
            return subject_of(thing.page, user)
        case Job():
            return Subject(Kind.JOB, thing.pk, owner_of(thing))
        case Collection():
            return Subject(Kind.COLLECTION, thing.pk, owner_of(thing))
        case Share():
            return subject_of(thing.document or thing.collection, user)
        case ApiToken():
            return Subject(Kind.TOKEN, thing.pk, owner_of(thing))
        case _ if thing._meta.label == settings.AUTH_USER_MODEL:
            return Subject(Kind.USER, thing.pk, thing)
    owner = getattr(thing, "owner", None) or getattr(thing, "user", None)
    return Subject(Kind.OTHER, thing.pk, owner, table=thing._meta.label_lower)


def forget_old() -> int:
    """Remove events older than OCR_AUDIT_DAYS, some at a time; returns how many."""
    limit = timezone.now() - timedelta(days=settings.OCR_AUDIT_DAYS)
    removed = 0
    while keys := list(
        AuditEvent.objects.filter(at__lt=limit)
        .order_by("at")
        .values_list("pk", flat=True)[:PURGED_AT_ONCE]
    ):
        removed += AuditEvent.objects.filter(pk__in=keys).delete()[0]
    return removed
