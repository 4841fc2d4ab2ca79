"""Collections and shares: who else may see or change what."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction

from documents.errors import CollectionExists, CollectionUnnamed, NoSuchUser, ShareWithOneself
from documents.models import Collection, Document, Share, Verb
from documents.names import clean_name
from documents.services import audit

log = logging.getLogger(__name__)


@transaction.atomic
def share(*, thing: Document | Collection, username: str, can_change: bool) -> Share:
    """Open a document or a collection to one person; once more changes what they may.

    Raises NoSuchUser, ShareWithOneself.
    """
    name = clean_name(username)
    user = get_user_model().objects.filter(username=name, is_active=True).first()
    if user is None:
        raise NoSuchUser(name=name[:150])
    if user.pk == thing.owner_id:
        raise ShareWithOneself
    key: dict[str, Any] = {"document" if isinstance(thing, Document) else "collection": thing}
    made, _ = Share.objects.update_or_create(user=user, **key, defaults={"can_change": can_change})
    may = "change" if can_change else "read"
    audit.record(Verb.SHARE, thing, detail=f"{user.get_username()} ({may})")
    log.info("shared thing=%s user=%s change=%s", thing.pk, user.pk, can_change)
    return made


@transaction.atomic
def unshare(given: Share) -> None:
    audit.record(Verb.UNSHARE, given, detail=given.user.get_username())
    given.delete()
    log.info("unshared share=%s", given.pk)


@transaction.atomic
def create_collection(*, owner: Any, name: str) -> Collection:
    """Raises CollectionUnnamed, CollectionExists."""
    name = clean_name(name)[:120]
    if not name:
        raise CollectionUnnamed
    collection, is_new = Collection.objects.get_or_create(owner=owner, name=name)
    if not is_new:
        raise CollectionExists(name=name)
    audit.record(Verb.CREATE, collection)
    return collection


@transaction.atomic
def delete_collection(collection: Collection) -> None:
    """Its documents stay, in no collection, and are no longer shared through it."""
    audit.record(Verb.DELETE, collection)
    collection.delete()


@transaction.atomic
def put_into(collection: Collection | None, documents: Iterable[Document]) -> None:
    """Move documents into a collection of their owner, or out of any."""
    for document in documents:
        if collection is not None and collection.owner_id != document.owner_id:
            raise ValueError("a collection holds its owner's documents only")
        Document.objects.filter(pk=document.pk).update(collection=collection)
        audit.record(Verb.COLLECT, document, detail=str(collection.pk) if collection else "")
