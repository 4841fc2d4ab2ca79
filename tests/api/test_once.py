"""Idempotency-Key: sent twice, done once, answered alike."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from documents import worker
from documents.models import Document, IdempotencyKey, Job, PageState
from documents.services import idempotency
from documents.services.idempotency import Answer
from tests.api.conftest import program_of
from tests.conftest import png_of
from tests.personas import make_document

pytestmark = pytest.mark.django_db(transaction=True)


def send(program, png: bytes, key: str = "may", name: str = "a.png", **options: str):
    body = {"files": SimpleUploadedFile(name, png), **options}
    return program.post("/api/v1/documents/", body, headers={"idempotency-key": key})


def test_the_same_key_and_request_is_one_job_and_one_answer(program, png):
    first, second = send(program, png), send(program, png)
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.content == second.content
    assert Job.objects.count() == 1


def test_another_key_is_another_job(program, png):
    assert send(program, png).content != send(program, png_of(2), key="june").content
    assert Job.objects.count() == 2


@pytest.mark.parametrize(
    "change", [{"name": "b.png"}, {"mode": "detect"}, {"png": b"\x89PNG\r\n\x1a\n other"}]
)
def test_a_key_with_another_request_is_refused(program, png, change):
    send(program, png)
    again = send(program, **{"png": png, **change})
    assert (again.status_code, again.json()["code"]) == (422, "idempotency_key_reused")
    assert Job.objects.count() == 1


def test_a_key_at_another_address_is_refused(program, owner):
    document = make_document(owner, state=PageState.FAILED)
    headers = {"idempotency-key": "k"}
    one = program.post(reverse("api:document-retry", args=[document.id]), headers=headers)
    two = program.post(reverse("api:job-cancel", args=[document.job_id]), headers=headers)
    assert (one.status_code, two.status_code) == (202, 422)
    assert Job.objects.get().cancel_requested_at is None


def test_keys_of_different_people_have_nothing_to_do_with_each_other(program, stranger, png):
    assert send(program, png).content != send(program_of(stranger), png).content
    assert Job.objects.count() == 2


def test_a_refusal_is_not_remembered(program, png):
    assert send(program, b"only text").status_code == 422
    assert not IdempotencyKey.objects.exists()
    assert send(program, png).status_code == 202


def test_what_fails_on_the_way_leaves_neither_a_job_nor_a_key(program, png, monkeypatch):
    def fail(*args: object) -> None:
        raise RuntimeError("the power went out")

    monkeypatch.setattr("documents.services.idempotency.finish", fail)
    with pytest.raises(RuntimeError):
        send(program, png)
    assert not Job.objects.exists()
    assert not IdempotencyKey.objects.exists()


def test_verbs_are_done_once_too(program, owner):
    document = make_document(owner, state=PageState.FAILED)
    address = reverse("api:document-retry", args=[document.id])
    first = program.post(address, headers={"idempotency-key": "k"})
    second = program.post(address, headers={"idempotency-key": "k"})
    assert (first.status_code, second.content) == (202, first.content)
    assert program.post(address).status_code == 409


def test_reading_now_again_finds_the_image_of_the_first_time(program, png, monkeypatch):
    monkeypatch.setattr("documents.services.waiting.pause", lambda seconds: None)

    def read():
        body = {"file": SimpleUploadedFile("a.png", png)}
        return program.post("/api/v1/read/", body, headers={"idempotency-key": "k"})

    assert read().status_code == 202
    document = Document.objects.get()
    document.pages.update(state=PageState.DONE)
    assert read().json()["document"]["id"] == str(document.id)
    assert Document.objects.count() == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "é", "a\tb"])
def test_a_key_that_is_none_is_refused(program, png, key):
    answer = send(program, png, key=key)
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_invalid")
    assert not Job.objects.exists()


# --- Claims --------------------------------------------------------------------------------------


def begin(owner, fingerprint: str = "f"):
    return idempotency.begin(owner=owner, key="k", fingerprint=fingerprint)


def test_a_key_that_is_being_answered_is_busy(owner):
    begin(owner)
    with pytest.raises(idempotency.IdempotencyKeyBusy):
        begin(owner)


def test_who_waits_too_long_for_the_first_answer_is_told_so(program, png, monkeypatch, owner):
    monkeypatch.setattr("documents.api.once.BUSY_SECONDS", 0.0)
    monkeypatch.setattr("documents.api.once.pause", lambda seconds: None)
    monkeypatch.setattr("documents.api.once.Asked.fingerprint", "f")
    idempotency.begin(owner=owner, key="may", fingerprint="f")
    answer = send(program, png)
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_key_busy")


def test_a_claim_whose_request_died_is_taken_over_and_its_answer_refused(owner):
    dead = begin(owner)
    IdempotencyKey.objects.update(claimed_at=timezone.now() - idempotency.GIVEN_UP_AFTER * 1.1)
    alive = begin(owner)

    with pytest.raises(idempotency.IdempotencyKeyBusy):
        idempotency.finish(dead, Answer(202, "late"))
    idempotency.let_go(dead)
    idempotency.finish(alive, Answer(202, "in time"))
    assert begin(owner) == Answer(202, "in time")


def test_keys_are_forgotten_after_a_day_by_the_tick(owner):
    idempotency.finish(begin(owner), Answer(202, "x"))
    IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(hours=23))
    worker.tick()
    assert IdempotencyKey.objects.exists()
    IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(hours=25))
    worker.tick()
    assert not IdempotencyKey.objects.exists()
