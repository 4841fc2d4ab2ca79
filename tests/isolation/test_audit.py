"""The audit trail: each deed stands in it once, whichever door was used, and outlives its thing."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from documents import worker
from documents.models import AuditEvent, Collection, Document, Door, Kind, PageState, Share, Verb
from documents.services import audit, retention, sharing, tokens
from tests.api.operations import OPERATIONS, Operation, document_for
from tests.conftest import png_of
from tests.personas import PASSWORD, make_document, make_read_document

pytestmark = pytest.mark.django_db
called = pytest.mark.django_db(transaction=True)
"""For what closes its answers, and the connection with them."""


def events(*verbs: Verb) -> list[AuditEvent]:
    """In the order of their writing; of these verbs, if any are named."""
    rows = AuditEvent.objects.order_by("id")
    return list(rows.filter(verb__in=verbs) if verbs else rows)


def only_event() -> AuditEvent:
    (event,) = events()
    return event


def operation(name: str) -> Operation:
    return next(one for one in OPERATIONS if one.name == name)


@pytest.fixture
def program(owner) -> Client:
    """One that holds a token of the owner, made before the trail begins."""
    _, secret = tokens.create_token(owner=owner, name="a script", scope="write")
    AuditEvent.objects.all().delete()
    return Client(headers={"authorization": f"Bearer {secret}"})


# --- Through the web ---------------------------------------------------------------------------

WEB = [
    (Verb.EXPORT_TEXT, "get", "document-text", {}, {}),
    (Verb.EXPORT_JSON, "get", "document-json", {}, {}),
    (Verb.DOWNLOAD_ORIGINAL, "get", "document-original", {}, {}),
    (Verb.SHARE, "post", "document-share", {"username": "bob"}, {}),
    (Verb.COLLECT, "post", "document-collect", {"collection": ""}, {}),
    (Verb.REREAD, "post", "document-reread", {}, {}),
    (Verb.TRASH, "post", "document-delete", {}, {}),
    (Verb.PURGE, "post", "document-delete", {"how": "for-good"}, {}),
    (Verb.RETRY, "post", "page-retry", {}, {"number": 1}),
]


@pytest.mark.parametrize(("verb", "method", "name", "form", "more"), WEB, ids=str)
def test_what_is_done_to_a_document_in_the_web(
    owner, teammate, owner_client, png, verb, method, name, form, more
):
    state = {Verb.RETRY: "failed"}.get(verb, "done")
    document = document_for(Operation("", "get", str, 200, state=state), owner, png)
    address = reverse(name, kwargs={"document_id": document.pk, **more})

    answer = getattr(owner_client, method)(address, form)

    answer.getvalue()
    event = only_event()
    assert (event.verb, event.door, event.kind) == (verb, Door.WEB, Kind.DOCUMENT)
    assert (event.actor, event.owner, event.object_id) == (owner, owner, str(document.pk))
    assert (event.actor_name, event.place) == ("alice", "127.0.0.1")
    assert event.request_id == answer["X-Request-ID"]
    assert event.page == more.get("number")
    assert document.title not in repr(vars(event))


@pytest.mark.parametrize(
    ("verb", "name", "state"),
    [(Verb.CANCEL, "job-cancel", "pending"), (Verb.RETRY, "job-retry", "failed")],
)
def test_what_is_done_to_a_job_in_the_web(owner, owner_client, png, verb, name, state):
    document = document_for(Operation("", "get", str, 200, state=state), owner, png)
    owner_client.post(reverse(name, args=[document.job_id]))
    event = only_event()
    assert (event.verb, event.kind, event.object_id) == (verb, Kind.JOB, str(document.job_id))


@called
def test_each_file_of_an_upload(owner, owner_client, program):
    owner_client.post(reverse("upload"), {"files": upload_of_two()})
    program.post(reverse("api:documents"), {"files": SimpleUploadedFile("c.png", png_of(3))})

    assert [(e.verb, e.door, e.kind) for e in events()] == [
        ("upload", "web", "document"),
        ("upload", "web", "document"),
        ("upload", "api", "document"),
    ]
    assert {e.object_id for e in events()} == {str(d.pk) for d in Document.objects.all()}


def upload_of_two() -> list[SimpleUploadedFile]:
    return [SimpleUploadedFile(f"{n}.png", png_of(n)) for n in (1, 2)]


def test_shares_collections_trash_and_tokens_in_the_web(owner, teammate, owner_client):
    document = make_read_document(owner)
    owner_client.post(reverse("collections"), {"name": "Invoices"})
    collection = Collection.objects.get()
    address = reverse("collection-share", args=[collection.pk])
    owner_client.post(address, {"username": "bob", "may": "change"})
    owner_client.post(reverse("unshare", args=[Share.objects.get().pk]))
    owner_client.post(reverse("collection-delete", args=[collection.pk]))
    retention.trash_document(document)
    owner_client.post(reverse("trash-restore", args=[document.pk]))
    owner_client.post(reverse("tokens"), {"name": "x", "scope": "read", "days": "30"})
    token = owner.api_tokens.get()
    owner_client.post(reverse("token-revoke", args=[token.pk]))

    assert [(e.verb, e.kind, e.detail) for e in events()] == [
        ("create", "collection", ""),
        ("share", "collection", "bob (change)"),
        ("unshare", "collection", "bob"),
        ("delete", "collection", ""),
        ("trash", "document", ""),
        ("restore", "document", ""),
        ("token_made", "token", f"{token.prefix} (read)"),
        ("token_revoked", "token", token.prefix),
    ]


def test_a_size_that_is_asked_for_takes_nothing_away(owner, program, png):
    document = document_for(operation("getDocumentOriginal"), owner, png)
    address = reverse("api:document-original", args=[document.pk])
    program.head(address).getvalue()
    known = program.get(address, headers={"if-none-match": f'"{document.sha256}"'})
    assert known.status_code == 304
    assert events() == []


# --- Through the API ---------------------------------------------------------------------------

API = [
    ("getDocumentText", Verb.EXPORT_TEXT),
    ("getDocumentJson", Verb.EXPORT_JSON),
    ("getDocumentOriginal", Verb.DOWNLOAD_ORIGINAL),
    ("getPageText", Verb.EXPORT_TEXT),
    ("listLines", Verb.EXPORT_JSON),
    ("retryDocument", Verb.RETRY),
    ("rerunDocument", Verb.REREAD),
    ("retryPage", Verb.RETRY),
    ("cancelJob", Verb.CANCEL),
    ("retryJob", Verb.RETRY),
    ("restoreDocument", Verb.RESTORE),
    ("purgeDocument", Verb.PURGE),
    ("deleteDocument", Verb.TRASH),
]
SILENT = {
    *("getAccount", "listDocuments", "getDocument", "listPages", "getPage", "getPageView"),
    *("listJobs", "getJob", "listTrash"),
}
"""Looking at what is on the screen too."""
HANDING_IN = {"uploadDocuments", "readNow"}


def test_every_operation_is_recorded_or_silent_on_purpose():
    assert {name for name, _ in API} | SILENT | HANDING_IN == {one.name for one in OPERATIONS}


@called
@pytest.mark.parametrize(("name", "verb"), API, ids=str)
def test_what_a_program_does(owner, program, png, name, verb):
    one = operation(name)
    document = document_for(one, owner, png)

    assert one.call(program, document, png).status_code == one.status

    event = only_event()
    key = document.job_id if event.kind == Kind.JOB else document.pk
    assert (event.verb, event.door, event.object_id) == (verb, Door.API, str(key))
    assert (event.actor, event.token_prefix) == (owner, owner.api_tokens.get().prefix)


@called
@pytest.mark.parametrize("name", sorted(HANDING_IN))
def test_what_a_program_hands_in(owner, program, png, name):
    operation(name).call(program, document_for(operation(name), owner, png), png)
    event = only_event()
    assert (event.verb, event.door) == (Verb.UPLOAD, Door.API)
    assert event.object_id == str(Document.objects.get(title="scan.png").pk)


@called
@pytest.mark.parametrize("name", sorted(SILENT))
def test_what_is_only_looked_at_is_not_recorded(owner, program, png, name):
    one = operation(name)
    one.call(program, document_for(one, owner, png), png)
    assert events() == []


@called
def test_a_request_that_is_sent_twice_is_recorded_once(owner, program, png):
    one = operation("retryDocument")
    document = document_for(one, owner, png)
    for _ in range(2):
        one.call(program, document, png, **{"idempotency-key": "once"})
    assert len(events()) == 1


def test_what_is_refused_is_not_recorded(owner, stranger_client, program, png):
    """Neither at the gate nor by the service."""
    document = document_for(operation("getDocument"), owner, png)
    for name in ("document-text", "document-original", "document-delete"):
        stranger_client.get(reverse(name, args=[document.pk]))
        stranger_client.post(reverse(name, args=[document.pk]))
    assert program.post(reverse("api:job-retry", args=[document.job_id])).status_code == 409
    assert events() == []


# --- Staff -------------------------------------------------------------------------------------


def test_what_staff_do_is_recorded_as_theirs(owner, staff, staff_client):
    document = make_document(owner)
    address = reverse("admin:documents_job_changelist")
    form = {"action": "cancel", "_selected_action": [str(document.job_id)]}
    staff_client.post(address, form)
    event = only_event()
    assert (event.verb, event.door) == (Verb.CANCEL, Door.ADMIN)
    assert (event.actor, event.owner) == (staff, owner)


@pytest.mark.parametrize("table", ["document", "page", "job", "attempt"])
def test_a_list_of_everybodys_that_staff_look_at_is_recorded(owner, staff_client, table):
    make_read_document(owner)
    staff_client.get(reverse(f"admin:documents_{table}_changelist"))
    event = only_event()
    assert (event.verb, event.object_id, event.owner) == (Verb.STAFF_VIEW, "", None)


def test_a_row_of_somebodys_that_staff_look_at_is_recorded(owner, staff_client):
    document = make_read_document(owner)
    rows = {"document": document, "job": document.job, "page": document.pages.get()}
    for table, row in rows.items():
        staff_client.get(reverse(f"admin:documents_{table}_change", args=[row.pk]))
    assert [(e.verb, e.kind, e.page, e.owner) for e in events()] == [
        ("staff_view", "document", None, owner),
        ("staff_view", "job", None, owner),
        ("staff_view", "document", 1, owner),
    ]


def test_staff_who_look_at_their_own_are_not_recorded(staff, staff_client):
    document = make_read_document(staff)
    staff_client.get(reverse("admin:documents_document_change", args=[document.pk]))
    assert events() == []


def test_a_form_that_staff_send_is_recorded(staff_client):
    added = staff_client.post(
        reverse("admin:documents_retentionpolicy_add"), {"keep_days": 9, "notice_days": 1}
    )
    assert added.status_code == 302
    event = only_event()
    assert (event.verb, event.detail) == (Verb.STAFF_CHANGE, "documents.retentionpolicy added")


def test_help_that_staff_give_is_recorded(owner, staff_client):
    address = reverse("admin:auth_user_changelist")
    for action in ("make_link", "remove_second_factor", "pause", "resume"):
        staff_client.post(address, {"action": action, "_selected_action": [owner.pk]})
    verbs = [event.verb for event in events() if event.owner == owner]
    assert verbs == ["link_made", "factor_removed", "pause", "resume"]


# --- Coming and going --------------------------------------------------------------------------


def test_signing_in_is_recorded_and_failing_to_is_not(owner):
    form = {"login": "alice", "password": "wrong"}
    Client().post(reverse("account_login"), form)
    assert events() == []
    Client().post(reverse("account_login"), {**form, "password": PASSWORD})
    event = only_event()
    assert (event.verb, event.actor, event.door) == (Verb.SIGN_IN, owner, Door.WEB)


def test_a_new_password_is_recorded(owner, owner_client):
    new = {"oldpassword": PASSWORD, "password1": "another one 77", "password2": "another one 77"}
    owner_client.post(reverse("account_change_password"), new)
    assert [(e.verb, e.actor) for e in events()] == [(Verb.PASSWORD_SET, owner)]


# --- By itself ---------------------------------------------------------------------------------


def test_what_a_policy_lets_go_is_recorded_as_nobodys_deed(owner, settings):
    document = make_read_document(owner)
    long_ago = timezone.now() - timedelta(days=settings.OCR_TRASH_DAYS + 1)
    Document.objects.update(trashed_at=long_ago)
    worker.purge()
    event = only_event()
    assert (event.verb, event.door, event.object_id) == (Verb.PURGE, Door.WORKER, str(document.pk))
    assert (event.actor, event.actor_name, event.owner_name) == (None, "", "alice")


def test_the_night_forgets_what_is_older_than_the_setting(owner, settings):
    document = make_read_document(owner)
    for _ in range(3):
        audit.record(Verb.RETRY, document)
    old = timezone.now() - timedelta(days=settings.OCR_AUDIT_DAYS, seconds=1)
    AuditEvent.objects.filter(pk__in=[event.pk for event in events()[:2]]).update(at=old)
    worker.purge()
    assert len(events()) == 1


# --- What it stands for ------------------------------------------------------------------------


def test_it_outlives_document_and_people(owner, teammate):
    document = make_read_document(owner)
    sharing.share(thing=document, username="bob", can_change=False)
    retention.delete_document(document)
    User.objects.filter(pk=owner.pk).delete()
    assert [(e.verb, e.owner, e.owner_name, e.object_id) for e in events()] == [
        ("share", None, "alice", str(document.pk)),
        ("purge", None, "alice", str(document.pk)),
    ]


def test_it_is_written_with_the_deed_or_neither_is(owner, monkeypatch):
    document = make_document(owner, state=PageState.FAILED)

    def full(*_: object, **__: object) -> None:
        raise DatabaseError("disk full")

    monkeypatch.setattr(audit, "record", full)
    with pytest.raises(DatabaseError):
        retention.trash_document(document)
    assert not Document.objects.get().trashed_at


def test_a_trail_that_cannot_be_written_keeps_nobody_from_their_text(
    owner, owner_client, monkeypatch, caplog
):
    def full(*_: object, **__: object) -> None:
        raise DatabaseError("disk full")

    monkeypatch.setattr(audit, "record", full)
    answer = owner_client.get(reverse("document-text", args=[make_read_document(owner).pk]))
    assert b"Hello" in answer.getvalue()
    key = Document.objects.get().pk
    assert f"audit_lost verb=export_text thing={key} user={owner.pk}" in caplog.text


def test_a_download_costs_one_insert(owner, owner_client, django_assert_num_queries):
    document = make_read_document(owner)
    with django_assert_num_queries(6):
        owner_client.get(reverse("document-text", args=[document.pk])).getvalue()


# --- Who sees it -------------------------------------------------------------------------------


def test_the_owner_sees_who_did_what_to_a_document_and_nobody_else_does(
    owner, owner_client, teammate_client, staff_client, program
):
    document, other = make_read_document(owner), make_read_document(owner)
    Share.objects.create(document=document, user=User.objects.get(username="bob"), can_change=True)
    teammate_client.get(reverse("document-text", args=[document.pk])).getvalue()
    staff_client.get(reverse("admin:documents_document_change", args=[document.pk]))
    program.get(reverse("api:page-text", args=[document.pk, 1]))
    owner_client.get(reverse("document-json", args=[other.pk])).getvalue()

    page = owner_client.get(reverse("document-history", args=[document.pk])).content.decode()

    told = [" ".join(line.split()) for line in page.split("<li>")[-3:]]
    assert "alice: downloaded the text (Page 1)" in told[0]
    assert owner.api_tokens.get().prefix in told[0]
    assert "sam: looked at it as staff" in told[1]
    assert "bob: downloaded the text" in told[2]
    assert "JSON" not in page.split('<ul class="people"')[1]
    for client in (teammate_client, staff_client):
        assert client.get(reverse("document-history", args=[document.pk])).status_code == 404


def test_staff_search_the_trail_in_few_queries(
    owner, owner_client, staff_client, django_assert_max_num_queries
):
    document = make_read_document(owner)
    for _ in range(30):
        audit.record(Verb.RETRY, document, by=owner)
    address = reverse("admin:documents_auditevent_changelist")
    with django_assert_max_num_queries(10):
        page = staff_client.get(address, {"q": str(document.pk), "verb__exact": "retry"})
    assert page.content.decode().count('class="field-actor_name') == 30
    assert "alice" not in staff_client.get(address, {"q": "nobody"}).content.decode()


def test_nobody_writes_or_deletes_in_the_trail(owner, staff_client):
    audit.record(Verb.RETRY, make_read_document(owner))
    event = AuditEvent.objects.get()
    for name in ("change", "delete"):
        address = reverse(f"admin:documents_auditevent_{name}", args=[event.pk])
        assert staff_client.post(address, {"post": "yes"}).status_code == 403
    assert staff_client.post(reverse("admin:documents_auditevent_add")).status_code == 403
