"""Refusals as RFC 9457 has them, rate limits, ETags: what every address promises."""

import json
import uuid

import pytest
from django.test import Client, override_settings
from django.urls import reverse

from documents.errors import SENTENCES, DocumentsError
from documents.models import Document
from tests.personas import make_document, make_read_document

pytestmark = pytest.mark.django_db
DOCUMENTS = "/api/v1/documents/"


def problem(answer) -> tuple[int, str]:
    """Its status and code, once everything else about it is right."""
    told = answer.json()
    assert answer["Content-Type"] == "application/problem+json"
    assert told["status"] == answer.status_code
    assert told["type"] == f"urn:folio:problem:{told['code']}"
    assert told["title"]
    assert told["detail"]
    assert told["code"] in SENTENCES
    return answer.status_code, told["code"]


def test_every_refusal_has_its_status_and_code(program, owner):
    rerun = reverse("api:document-rerun", args=[make_read_document(owner).id])
    asked = {"content_type": "application/json"}
    assert problem(Client().get(DOCUMENTS)) == (401, "not_authenticated")
    assert problem(program.get(f"{DOCUMENTS}{uuid.uuid4()}/")) == (404, "not_found")
    assert problem(program.put(DOCUMENTS)) == (405, "method_not_allowed")
    assert problem(program.post(DOCUMENTS, "x", content_type="text/plain")) == (
        415,
        "unsupported_media_type",
    )
    assert problem(program.post(rerun, "{", **asked)) == (400, "malformed")
    assert problem(program.post(rerun, "[1]", **asked)) == (400, "malformed")
    assert problem(program.post(rerun, '{"mode": 7}', **asked)) == (400, "invalid")


def test_a_method_that_is_not_answered_names_those_that_are(program):
    answer = program.patch(DOCUMENTS)
    assert answer.status_code == 405
    assert {"GET", "POST"} <= set(answer["Allow"].split(", "))
    assert "PATCH" in answer.json()["detail"]
    assert program.options(DOCUMENTS).status_code == 405


@pytest.mark.parametrize(
    "address", ["", "nothing/", "documents", "documents/x/", "jobs/1/", "documents/1/pages/x/"]
)
@pytest.mark.parametrize("method", ["get", "post", "put", "delete", "patch", "options"])
def test_an_address_that_leads_nowhere_is_a_problem_too(program, address, method):
    assert problem(getattr(program, method)(f"/api/v1/{address}")) == (404, "not_found")


@pytest.mark.parametrize(
    "body",
    [
        "[" * 100_000,
        '{"mode": ' + "9" * 10_000 + "}",
        '{"mode": NaN}',
        '{"mode": "\\ud800"}',
        '{"mode": "a\\u0000b"}',
        '{"mode": null}',
        "\ufeff{}",
        "null",
        '"x"',
        "",
        "{}" * 2,
        '{"bundle": {"a": 1}}',
        '{"bundle": ["accurate"]}',
    ],
)
def test_hostile_json_is_a_refusal_never_a_crash(program, owner, body):
    address = reverse("api:document-rerun", args=[make_document(owner).id])
    answer = program.post(address, body, content_type="application/json")
    assert answer.status_code in (400, 409), answer.content
    problem(answer)


def test_a_body_that_is_too_large_is_refused(program, owner):
    address = reverse("api:document-rerun", args=[make_read_document(owner).id])
    answer = program.post(address, "x" * 3_000_000, content_type="application/json")
    assert problem(answer) == (413, "body_too_large")


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=", b"x"),
        ("multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: form-data"),
        ("multipart/form-data; boundary=b", b"garbage"),
        ("multipart/form-data; boundary=\xe9", b"x"),
    ],
)
def test_a_broken_form_is_a_refusal(program, kind, body):
    answer = program.generic("POST", DOCUMENTS, body, content_type=kind)
    assert problem(answer)[0] == 400


def test_too_many_fields_are_a_refusal(program):
    answer = program.post(DOCUMENTS, {f"f{n}": "x" for n in range(300)})
    assert problem(answer) == (400, "malformed")


def test_what_nobody_expected_is_told_without_its_reason(program, monkeypatch, caplog):
    def fail(user: object) -> None:
        raise RuntimeError("the secret reason")

    monkeypatch.setattr("documents.access.visible_documents", fail)
    program.raise_request_exception = False
    answer = program.get(DOCUMENTS)
    assert problem(answer) == (500, "server_error")
    assert b"secret" not in answer.content
    assert "the secret reason" in caplog.text


def test_sentences_are_in_the_language_asked_for(program):
    answer = program.get(f"{DOCUMENTS}{uuid.uuid4()}/", headers={"accept-language": "zh-hans"})
    assert answer.json()["detail"] == "它不存在、已被删除，或不属于您。"
    assert "Accept-Language" in answer["Vary"]


def test_every_refusal_that_services_know_has_a_sentence():
    kinds = DocumentsError.__subclasses__()
    assert {kind.code for kind in kinds} <= set(SENTENCES)
    assert len({kind.code for kind in kinds}) == len(kinds)


# --- Rate limits ---------------------------------------------------------------------------------


@override_settings(OCR_API_REQUESTS_PER_MINUTE=3)
def test_whoever_asks_too_often_is_told_when_to_come_back(program, reader, monkeypatch):
    monkeypatch.setattr("documents.api.throttling.time.time", lambda: 1_000_000_010)
    left = [program.get("/api/v1/account/")["RateLimit-Remaining"] for _ in range(3)]
    assert left == ["2", "1", "0"]

    answer = program.get("/api/v1/account/")
    assert problem(answer) == (429, "rate_limited")
    assert answer["Retry-After"] == answer["RateLimit-Reset"] == "10"
    assert (answer["RateLimit-Limit"], answer["RateLimit-Policy"]) == ("3", "3;w=60")
    assert reader.get("/api/v1/account/").status_code == 200, "each token is counted by itself"

    monkeypatch.setattr("documents.api.throttling.time.time", lambda: 1_000_000_020)
    assert program.get("/api/v1/account/").status_code == 200


# --- ETags ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["job", "document", "pages", "lines"])
def test_an_answer_that_has_not_changed_is_not_sent_again(program, owner, name):
    document = make_read_document(owner)
    key = {"job": [document.job_id], "lines": [document.id, 1]}.get(name, [document.id])
    address = reverse(f"api:{name}", args=key)
    first = program.get(address)
    again = program.get(address, headers={"if-none-match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")

    document.pages.update(confidence=0.1)
    document.page = document.pages.get()
    document.page.lines.update(text="changed")
    Document.objects.filter(pk=document.pk).update(title="changed")
    changed = program.get(address, headers={"if-none-match": first["ETag"]})
    assert changed.status_code == 200


def test_what_a_browser_keeps_it_keeps_for_itself(program, owner):
    answer = program.get(reverse("api:document", args=[make_read_document(owner).id]))
    assert answer["Cache-Control"] == "private, no-cache"


def test_head_is_answered_like_get_without_a_body(program, owner):
    answer = program.head(DOCUMENTS)
    assert (answer.status_code, answer.content) == (200, b"")
    json.loads(program.get(DOCUMENTS).content)
