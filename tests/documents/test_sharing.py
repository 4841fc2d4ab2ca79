"""Sharing: who a document or a collection is open to, for what, and for how long."""

import pytest
from django.http import Http404
from django.urls import reverse

from documents import access
from documents.errors import CollectionExists, NoSuchUser, ShareWithOneself
from documents.models import Share
from documents.services import retention, sharing
from tests.personas import make_document, make_read_document

pytestmark = pytest.mark.django_db


def addresses(document, *names: str) -> list[str]:
    return [reverse(name, args=[document.id]) for name in names]


READING = ("document", "document-text", "document-json")
OWNING = ("document-delete", "document-share")


def test_a_teammate_reads_what_was_opened_to_them_and_nothing_more(
    owner, teammate, teammate_client
):
    document, other = make_read_document(owner), make_read_document(owner)
    sharing.share(thing=document, username="bob", can_change=False)

    for address in addresses(document, *READING):
        assert teammate_client.get(address).status_code == 200, address
    for address in [*addresses(document, *OWNING), *addresses(other, *READING)]:
        assert teammate_client.get(address).status_code == 404, address
    with pytest.raises(Http404):
        access.document_for_changing(teammate, document.id)


def test_who_may_change_may_retry_but_never_delete_or_share(owner, teammate):
    document = make_read_document(owner)
    sharing.share(thing=document, username="bob", can_change=True)
    assert access.document_for_changing(teammate, document.id) == document
    with pytest.raises(Http404):
        access.document_for_owning(teammate, document.id)


def test_a_job_stays_its_owners(owner, teammate_client):
    document = make_read_document(owner)
    sharing.share(thing=document, username="bob", can_change=True)
    assert teammate_client.get(reverse("job", args=[document.job_id])).status_code == 404


def test_a_collection_opens_what_is_in_it_for_as_long_as_it_is_in_it(owner, teammate):
    document = make_read_document(owner)
    collection = sharing.create_collection(owner=owner, name="Invoices")
    sharing.share(thing=collection, username="bob", can_change=False)
    assert document not in access.visible_documents(teammate)

    sharing.put_into(collection, [document])
    assert document in access.visible_documents(teammate)

    sharing.put_into(None, [document])
    assert document not in access.visible_documents(teammate)


def test_a_deleted_collection_closes_its_documents_and_keeps_them(owner, teammate):
    document = make_read_document(owner)
    collection = sharing.create_collection(owner=owner, name="Invoices")
    sharing.put_into(collection, [document])
    sharing.share(thing=collection, username="bob", can_change=True)
    sharing.delete_collection(collection)
    assert document in access.own_documents(owner)
    assert document not in access.visible_documents(teammate)


def test_a_share_taken_back_closes_at_once(owner, teammate, owner_client):
    document = make_read_document(owner)
    given = sharing.share(thing=document, username="bob", can_change=True)
    owner_client.post(reverse("unshare", args=[given.id]))
    assert document not in access.visible_documents(teammate)


def test_nobody_else_can_take_a_share_back(owner, teammate, teammate_client, stranger_client):
    given = sharing.share(thing=make_read_document(owner), username="bob", can_change=True)
    for client in (teammate_client, stranger_client):
        assert client.post(reverse("unshare", args=[given.id])).status_code == 404
    assert Share.objects.filter(pk=given.pk).exists()


def test_sharing_once_more_changes_what_they_may(owner, teammate):
    document = make_document(owner)
    sharing.share(thing=document, username="bob", can_change=True)
    sharing.share(thing=document, username="bob", can_change=False)
    assert [s.can_change for s in document.shares.all()] == [False]


def test_what_is_in_the_trash_is_open_to_nobody(owner, teammate):
    document = make_read_document(owner)
    sharing.share(thing=document, username="bob", can_change=True)
    retention.trash_document(document)
    assert not access.visible_documents(teammate).exists()
    assert not access.visible_documents(owner).exists()


def test_a_document_shared_in_two_ways_is_listed_once(owner, teammate):
    document = make_read_document(owner)
    collection = sharing.create_collection(owner=owner, name="Invoices")
    sharing.put_into(collection, [document])
    for thing in (document, collection):
        sharing.share(thing=thing, username="bob", can_change=False)
    assert list(access.visible_documents(teammate)) == [document]


def test_a_name_that_nobody_has_is_said(owner):
    with pytest.raises(NoSuchUser):
        sharing.share(thing=make_document(owner), username="nobody", can_change=False)


def test_sharing_with_oneself_is_refused(owner):
    with pytest.raises(ShareWithOneself):
        sharing.share(thing=make_document(owner), username=owner.username, can_change=False)


def test_two_collections_of_one_owner_have_two_names(owner, stranger):
    sharing.create_collection(owner=owner, name="Invoices")
    sharing.create_collection(owner=stranger, name="Invoices")
    with pytest.raises(CollectionExists):
        sharing.create_collection(owner=owner, name=" Invoices ")


def test_a_document_cannot_be_put_into_somebody_elses_collection(owner, stranger, owner_client):
    foreign = sharing.create_collection(owner=stranger, name="Theirs")
    address = reverse("document-collect", args=[make_document(owner).id])
    assert owner_client.post(address, {"collection": str(foreign.id)}).status_code == 404
    assert owner_client.post(address, {"collection": "nonsense"}).status_code == 404


def test_the_page_shares_and_says_so(owner, teammate, owner_client):
    document = make_read_document(owner)
    address = reverse("document-share", args=[document.id])
    page = owner_client.post(address, {"username": "bob", "may": "change"}, follow=True)
    assert "is now open to bob" in page.content.decode()
    assert "may change" in page.content.decode()
    page = owner_client.post(address, {"username": "bobb", "may": "read"}, follow=True)
    assert "Nobody here has the user name “bobb”." in page.content.decode()


def test_what_is_shared_has_a_shelf_of_its_own(owner, teammate, teammate_client):
    document = make_read_document(owner)
    sharing.share(thing=document, username="bob", can_change=False)
    assert document.title in teammate_client.get(reverse("shared")).content.decode()
    assert document.title not in teammate_client.get(reverse("documents")).content.decode()


def test_a_collection_is_made_filled_and_shown(owner, owner_client):
    document = make_read_document(owner)
    shelf = owner_client.post(reverse("collections"), {"name": "Invoices"}, follow=True)
    collection = owner.collections.get()
    assert "Nothing in here yet" in shelf.content.decode()
    owner_client.post(
        reverse("document-collect", args=[document.id]), {"collection": str(collection.id)}
    )
    shelf = owner_client.get(reverse("collection", args=[collection.id])).content.decode()
    assert document.title in shelf
