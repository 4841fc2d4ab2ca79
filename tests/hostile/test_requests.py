"""H114 to H188: requests that are wrong. TABLE says where each is tested, here or elsewhere."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from documents.models import Document, Page, Scope, Usage
from documents.services.tokens import create_token
from tests.personas import make_document, make_read_document

pytestmark = pytest.mark.django_db
DOCUMENTS = "/api/v1/documents/"
BOUNDARY = "b0undary"
LOGIN = "/account/login/"

TABLE = {
    "H114-137 file names": "here",
    "H138-143 names of downloads": "here",
    "H144-156 bodies": "tests/hostile/test_wire.py",
    "H154 2,000 fields": "here",
    "H155 200 files": "here",
    "H156 limits of size": "tests/documents/test_web_uploads.py",
    "H157-165 JSON and figures": "here",
    "H157 JSON of any depth": "tests/api/test_problems.py",
    "H166-170 ranges": "here",
    "H171-176 hosts, headers, addresses": "here",
    "H177-184 text": "here",
    "H184 lines of the log": "tests/test_deployment.py",
    "H185 the same file at once": "tests/documents/test_quotas.py",
    "H186 two names of one file": "here",
    "H187 deleted while it is read": "tests/documents/test_recognition.py",
    "H188 no quota left": "tests/documents/test_quotas.py",
}


def test_every_test_that_the_table_names_is_there():
    root = Path(__file__).resolve().parents[2]
    assert not [
        where for where in TABLE.values() if where != "here" and not (root / where).exists()
    ]


@pytest.fixture
def program(owner) -> Client:
    _, secret = create_token(owner=owner, name="hostile", scope=Scope.WRITE)
    client = Client(headers={"authorization": f"Bearer {secret}"})
    client.raise_request_exception = False
    return client


# --- Names (H114 to H143) ------------------------------------------------------------------------

NAMES = [
    b"../../etc/passwd", b"/etc/passwd", b"..\\..\\x", b"a\0b.png", b"a%00.png", b"..", b".", b"",
    b"x" * 300, b"a\r\nX-Evil: 1", "evil\u202egnp.exe".encode(), "e\u0301.png".encode(),
    b"<img src=x onerror=alert(1)>.png", b"=cmd|calc", b"a&quot;b", b"\xff\xfe.png", b"CON.png",
    b".htaccess", b"-rf.png", b"a/../../b", b"a;b", b'a\\"b', "\U0001f600.png".encode(), b"x. ",
]  # fmt: skip


def sent(program: Client, name: bytes, content: bytes, more: bytes = b""):
    body = (
        b'--%s\r\nContent-Disposition: form-data; name="files"; filename="%s"\r\n%s\r\n'
        b"%s\r\n--%s--\r\n" % (BOUNDARY.encode(), name, more, content, BOUNDARY.encode())
    )
    kind = f"multipart/form-data; boundary={BOUNDARY}"
    return program.generic("POST", DOCUMENTS, body, content_type=kind)


@pytest.mark.parametrize("name", NAMES, ids=repr)
def test_a_name_is_a_label_or_a_refusal_and_never_a_path(program, owner_client, png, name):
    answer = sent(program, name, png)
    assert answer.status_code in (202, 400, 422), answer.content
    for document in Document.objects.all():
        assert re.fullmatch(r"originals/[0-9a-f/-]+", document.original_name)
        assert not re.search(r"[\x00-\x1f\u202e]", document.title)
        for address in ("document", "documents"):
            args = [document.id] if address == "document" else []
            shown = owner_client.get(reverse(address, args=args)).content
            assert b"<img src=x" not in shown


@pytest.mark.parametrize(
    "title", ['a"b', "☃", "a\r\nSet-Cookie: x=1", "x;y", "../x", "a\u202eb", "\x7f\x1b[2J"]
)
@pytest.mark.parametrize("address", ["document-original", "document-text", "document-json"])
def test_a_download_has_one_line_of_disposition(owner, owner_client, upload, title, address):
    document = upload(title="plain")
    Document.objects.filter(pk=document.pk).update(title=title)
    answer = owner_client.get(reverse(address, args=[document.id]))
    disposition = answer.headers["Content-Disposition"]
    assert answer.status_code == 200
    assert re.fullmatch(r"attachment(; filename(\*=utf-8''|=)[\x20-\x7e]+)?", disposition)
    assert not re.search("/|%2F|%E2%80%AE|%0D|%1B", disposition)
    assert not {"Set-Cookie", "X-Evil"} & set(answer.headers)
    answer.getvalue()


@pytest.fixture
def upload(program, png):
    def make(title: str = "scan.png") -> Document:
        answer = program.post(DOCUMENTS, {"files": SimpleUploadedFile(title, png)})
        return Document.objects.get(pk=answer.json()["accepted"][0]["id"])

    return make


# --- Bodies and figures (H154 to H165) -----------------------------------------------------------


def test_thousands_of_fields_and_hundreds_of_files_are_refused(program, png):
    fields = program.post(DOCUMENTS, {f"f{n}": "x" for n in range(2000)})
    files = program.post(
        DOCUMENTS, {"files": [SimpleUploadedFile(f"{n}", png) for n in range(200)]}
    )
    assert (fields.status_code, files.status_code) == (400, 413)
    assert not Document.objects.exists()


def test_a_part_in_base64_with_megabytes_of_blanks_ends_quickly(program):
    blanks = b"Content-Transfer-Encoding: base64\r\n"
    answer = sent(program, b"a.png", b" " * 10_000_000, more=blanks)
    assert answer.status_code in (400, 413, 422)


def test_a_form_inside_a_form_is_a_file_of_text(program):
    inner = b'--x\r\nContent-Disposition: form-data; name="files"\r\n\r\nx\r\n--x--'
    kind = b"Content-Type: multipart/mixed; boundary=x\r\n"
    assert sent(program, b"a.png", inner, more=kind).status_code in (400, 422)


def test_a_body_that_says_it_is_gzip_is_not_unpacked(program, png):
    import gzip

    kind = f"multipart/form-data; boundary={BOUNDARY}"
    answer = program.generic(
        "POST", DOCUMENTS, gzip.compress(png), kind, headers={"content-encoding": "gzip"}
    )
    assert answer.status_code == 400


BODIES = [
    b"[" * 10_000 + b"]" * 10_000,
    b'{"bundle": ' + b"9" * 1_000_000 + b"}",
    b'{"bundle": "fast", "bundle": "nothing"}',
    b'{"bundle": NaN}',
    b'{"bundle": "\\ud800"}',
    b'{"bundle": "a\\u0000"}',
    b'{"bundle": 9223372036854775808}',
    b"\xff\xfe{}",
]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:30]))
def test_json_that_is_wrong_is_refused(program, owner, body):
    address = reverse("api:document-rerun", args=[make_read_document(owner).id])
    answer = program.post(address, body, content_type="application/json")
    assert 400 <= answer.status_code < 500
    assert json.loads(answer.content)["code"]


@pytest.mark.parametrize(
    "asked",
    [
        "created_after=0000-01-01T00:00:00Z", "created_before=10000-01-01T00:00:00Z",
        "created_after=9999-12-31T23:59:59-14:00", "limit=0", "limit=-1", "limit=1e18",
        f"limit={2**63}", "cursor=%00", "title=%00", "title=%ed%a0%80", "state=%00", "sort=id;--",
    ],
)  # fmt: skip
def test_a_question_that_is_wrong_is_refused(program, asked):
    answer = program.get(f"{DOCUMENTS}?{asked}")
    assert answer.status_code in (200, 400), answer.content


@pytest.mark.parametrize("number", ["0", "-1", str(2**63), "1" * 400, "1e3", "%00", "١"])
@pytest.mark.parametrize("where", ["api", "web"])
def test_a_page_by_a_number_that_is_none_does_not_exist(
    owner, program, owner_client, where, number
):
    document = make_read_document(owner)
    if where == "api":
        answer = program.get(f"{DOCUMENTS}{document.id}/pages/{number}/")
    else:
        answer = owner_client.get(f"/documents/{document.id}/pages/{number}/view/")
    assert answer.status_code == 404


@pytest.mark.parametrize("number", ["0", "-1", "1e18", str(2**63), "%00", "x"])
def test_a_list_or_a_reading_place_that_is_none_is_a_page_all_the_same(owner, owner_client, number):
    document = make_read_document(owner)
    for address in (f"/documents/?page={number}", f"/documents/{document.id}/?page={number}"):
        assert owner_client.get(address).status_code in (200, 302, 404)


# --- Ranges, hosts, headers (H166 to H176) -------------------------------------------------------

RANGES = [
    "bytes=" + ",".join(f"{n}-{n}" for n in range(1000)), "bytes=0-10,5-15", "bytes=99999999-",
    "bytes=-0", "bytes=-99999999999999999999", "bytes=5-1", "bytes=x", "lines=1-2",
]  # fmt: skip


@pytest.mark.parametrize("asked", RANGES, ids=lambda asked: asked[:20])
def test_of_many_ranges_none_or_one_is_answered(owner_client, upload, png, asked):
    address = reverse("document-original", args=[upload().id])
    answer = owner_client.get(address, headers={"range": asked, "if-range": '"junk'})
    assert answer.status_code in (200, 206, 416)
    assert "multipart" not in answer.headers["Content-Type"]
    assert len(answer.getvalue()) <= len(png)


@pytest.mark.parametrize(
    "headers",
    [
        {"x-forwarded-for": "1.2.3.4, " * 800 + "junk"},
        {"x-forwarded-host": "evil.example"},
        {"x-http-method-override": "DELETE"},
        {"x-request-id": "a\tb<script>"},
        {"accept-language": "xx-" * 500},
        {"cookie": "sessionid=" + "x" * 4000},
        {"if-none-match": '"' * 4000},
        {"if-modified-since": "never"},
        {"authorization": "Bearer " + "x" * 4000},
    ],
    ids=lambda headers: next(iter(headers)),
)
def test_odd_headers_change_nothing(owner, owner_client, headers):
    document = make_read_document(owner)
    for address in (f"/documents/{document.id}/", DOCUMENTS, LOGIN):
        answer = owner_client.get(address, headers=headers)
        assert answer.status_code in (200, 302, 401)
        assert "evil.example" not in str(answer.headers) + answer.content.decode()
    assert Document.objects.filter(pk=document.pk, trashed_at=None).exists()


def test_a_foreign_host_is_refused(client, settings):
    settings.ALLOWED_HOSTS = ["folio.example"]
    for host in ("evil.example", "folio.example:x", "folio.example@evil.example", "[::1"):
        assert client.get(LOGIN, headers={"host": host}).status_code == 400


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_logging_in_leads_nowhere_outside(owner, client, target):
    from tests.personas import PASSWORD

    who = {"login": owner.username, "password": PASSWORD}
    answer = client.post(f"{LOGIN}?next={target}", {**who, "next": target})
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/")
    assert not answer.headers["Location"].startswith(("//", "/\\"))


def test_line_breaks_in_an_address_make_no_header(owner_client):
    for address in ("/documents/?q=%0d%0aX-Evil:%201", f"{LOGIN}?next=/%0d%0aX-Evil:%201"):
        assert "X-Evil" not in owner_client.get(address).headers


# --- Text (H177 to H184) -------------------------------------------------------------------------

TEXTS = [
    "<script>alert(1)</script>", "{{7*7}}", "{% debug %}", "=1+1", "＝1+1", "\x1b[2J\x1b]0;x\x07",
    "\u202eevil\u2066", "x" * 1_000_000, "]]>", "a\u2028b", "</textarea><b>", "&lt;b&gt;",
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: repr(text[:20]))
def test_recognised_text_is_only_ever_text(owner, owner_client, program, text):
    document = make_read_document(owner, (text,))
    shown = owner_client.get(reverse("document", args=[document.id])).content.decode()
    assert "<script>alert" not in shown
    assert "</textarea><b>" not in shown
    assert "{{7*7}}" in shown or "{{7*7}}" not in text
    for door in (owner_client, program):
        prefix = "api:" if door is program else ""
        for name in ("document-text", "document-json"):
            answer = door.get(reverse(f"{prefix}{name}", args=[document.id]))
            whole = answer.getvalue().decode()
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert not answer.headers["Content-Type"].startswith("text/html")
            if name == "document-json":
                assert json.loads(whole)["pages"][0]["lines"][0]["text"] == text
            else:
                assert whole == f"{text}\n"


@pytest.mark.parametrize("title", ["<script>alert(1)</script>", '"><b>', "{{7*7}}", "' onx='"])
def test_a_title_is_only_ever_text(owner, owner_client, staff_client, title):
    document = make_document(owner, title=title)
    addresses = [
        reverse("document", args=[document.id]), reverse("documents"),
        reverse("job", args=[document.job_id]), reverse("document-delete", args=[document.id]),
    ]  # fmt: skip
    for address in addresses:
        shown = owner_client.get(address).content.decode()
        assert "<script>alert" not in shown
        assert '"><b>' not in shown
        assert "' onx='" not in shown
    assert "<script>alert" not in staff_client.get("/admin/documents/document/").content.decode()


# --- The same again (H186) -----------------------------------------------------------------------


def test_two_names_of_one_file_are_one_document(program, owner, png):
    pictures = [SimpleUploadedFile(name, png) for name in ("one.png", "two.png")]
    answer = program.post(DOCUMENTS, {"files": pictures})
    assert answer.status_code == 202
    assert Usage.objects.get().pages_reserved == Page.objects.count() == 1
