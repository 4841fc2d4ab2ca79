"""Every address × every persona: what is not yours does not exist, and nobody is sent to log in."""

import uuid

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from documents.models import Collection, Document, Job, Share
from tests.personas import make_document, make_read_document, make_user

pytestmark = [
    pytest.mark.django_db,
    # Nobody collects static files for a test.
]

OF_A_DOCUMENT = [
    ("get", "document", {}),
    ("get", "cover", {}),
    ("get", "document-text", {}),
    ("get", "document-json", {}),
    ("get", "document-original", {}),
    ("get", "document-history", {}),
    ("get", "document-delete", {}),
    ("post", "document-delete", {}),
    ("get", "page-view", {"number": 1}),
    ("post", "page-retry", {"number": 1}),
    ("get", "document-reread", {}),
    ("post", "document-reread", {}),
    ("get", "document-share", {}),
    ("post", "document-share", {}),
    ("post", "document-collect", {}),
    ("post", "trash-restore", {}),
    ("get", "trash-purge", {}),
    ("post", "trash-purge", {}),
]
OF_A_COLLECTION = [
    ("get", "collection", {}),
    ("post", "collection-share", {}),
    ("post", "collection-delete", {}),
]
OF_A_SHARE = [("post", "unshare", {})]
OF_A_JOB = [
    ("get", "job", {}),
    ("get", "job-progress", {}),
    ("post", "job-cancel", {}),
    ("post", "job-retry", {}),
]
OF_ONESELF = [
    ("get", "documents"),
    ("get", "jobs"),
    ("post", "upload"),
    ("get", "account_change_password"),
    ("get", "account_email"),
    ("get", "mfa_index"),
    ("get", "shared"),
    ("get", "collections"),
    ("post", "collections"),
    ("get", "trash"),
    ("get", "trash-empty"),
    ("post", "trash-empty"),
    ("get", "tokens"),
]
OF_A_TOKEN = {"token-revoke"}
"""Held to the same in tests/api/test_tokens_page.py."""
OPEN_TO_ALL = {"set-language", "healthz", "readyz"}
ALLAUTHS = ("account_", "mfa_", "socialaccount_", "openid_connect_")
"""Doors of allauth, which asks for itself; those that matter to us stand in OF_ONESELF too."""


def addresses(document: Document) -> list[tuple[str, str]]:
    """Every address that carries an id, for this document, its job, its collection, its share."""
    collection, _ = Collection.objects.get_or_create(owner=document.owner, name="Mine")
    share, _ = Share.objects.get_or_create(document=document, user=make_user())
    return [
        *((m, reverse(n, args=[collection.id])) for m, n, _ in OF_A_COLLECTION),
        *((m, reverse(n, args=[share.id])) for m, n, _ in OF_A_SHARE),
        *((m, reverse(n, kwargs={"document_id": document.id, **k})) for m, n, k in OF_A_DOCUMENT),
        *((m, reverse(n, kwargs={"job_id": document.job_id, **k})) for m, n, k in OF_A_JOB),
    ]


def names_of(resolver: URLResolver) -> set[str]:
    found: set[str] = set()
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLPattern):
            found.add(str(pattern.name))
        elif pattern.namespace is None:
            found |= names_of(pattern)
    return found


def test_no_address_is_missing_from_this_table():
    told = {
        n for _, n, *_ in [*OF_A_DOCUMENT, *OF_A_JOB, *OF_A_COLLECTION, *OF_A_SHARE, *OF_ONESELF]
    }
    ours = {name for name in names_of(get_resolver()) if not name.startswith(ALLAUTHS)}
    assert (
        ours == {name for name in told if not name.startswith(ALLAUTHS)} | OPEN_TO_ALL | OF_A_TOKEN
    )


def test_a_stranger_gets_404_for_every_address_of_somebody_elses_document(owner, stranger_client):
    document = make_read_document(owner)
    for method, address in addresses(document):
        assert getattr(stranger_client, method)(address).status_code == 404, address
    assert Document.objects.filter(pk=document.pk).exists()


def test_staff_are_strangers_here_too(owner, staff_client):
    for method, address in addresses(make_read_document(owner)):
        assert getattr(staff_client, method)(address).status_code == 404, address


def test_an_unknown_id_answers_exactly_like_a_foreign_one(owner, stranger_client):
    foreign = reverse("document", args=[make_read_document(owner).id])
    unknown = reverse("document", args=[uuid.uuid4()])
    answers = [stranger_client.get(address) for address in (foreign, unknown)]
    assert [a.status_code for a in answers] == [404, 404]
    assert answers[0].content == answers[1].content


def test_nobody_is_sent_to_log_in_whether_the_thing_exists_or_not(owner):
    nobody, document = Client(), make_read_document(owner)
    everything = addresses(document) + [(m, reverse(n)) for m, n in OF_ONESELF]
    everything.append(("get", reverse("document", args=[uuid.uuid4()])))
    for method, address in everything:
        answer = getattr(nobody, method)(address)
        assert (answer.status_code, answer.url.split("?")[0]) == (302, reverse("account_login")), (
            address
        )


def test_the_owner_sees_their_own(owner, owner_client):
    document = make_read_document(owner)
    for name, key in [("document", document.id), ("job", document.job_id)]:
        assert owner_client.get(reverse(name, args=[key])).status_code == 200
    assert document.title in owner_client.get(reverse("documents")).content.decode()


def test_lists_show_nobody_elses(owner, stranger_client):
    document = make_document(owner, title="diary of alice.png")
    assert document.title not in stranger_client.get(reverse("documents")).content.decode()
    assert str(document.job_id) not in stranger_client.get(reverse("jobs")).content.decode()


@pytest.mark.parametrize("page", ["0", "2", "-1", "x", "1e3", "²", "9" * 40])
def test_a_page_that_does_not_exist_is_404(owner, owner_client, page):
    address = reverse("document", args=[make_read_document(owner).id])
    assert owner_client.get(address, {"page": page}).status_code == 404


def test_nothing_changes_by_get(owner, owner_client):
    document = make_document(owner)
    for name in ("job-cancel", "job-retry"):
        assert owner_client.get(reverse(name, args=[document.job_id])).status_code == 405
    assert owner_client.get(reverse("document-delete", args=[document.id])).status_code == 200
    assert Document.objects.exists()


@pytest.mark.parametrize("name", ["job-cancel", "job-retry", "document-delete", "upload"])
def test_changes_need_a_csrf_token(owner, name):
    client, document = Client(enforce_csrf_checks=True), make_document(owner)
    client.force_login(owner)
    key = {"job-cancel": [document.job_id], "job-retry": [document.job_id], "upload": []}
    assert client.post(reverse(name, args=key.get(name, [document.id]))).status_code == 403
    assert Document.objects.exists()
    assert Job.objects.get().cancel_requested_at is None
