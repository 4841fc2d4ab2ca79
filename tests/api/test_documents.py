"""Uploads, lists, one document, reading again: what programs are told."""

import json
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from documents import files
from documents.limits import UploadLimits, UserLimits
from documents.models import Document, Job, JobMode, Line, PageState, Share
from documents.services import leases
from tests.conftest import png_of
from tests.fake_reader import FakeReader, read_leased
from tests.personas import make_document, make_job, make_read_document

pytestmark = pytest.mark.django_db(transaction=True)
DOCUMENTS = "/api/v1/documents/"


def send(program, *names_and_bytes: tuple[str, bytes], **options: str):
    sent = [SimpleUploadedFile(name, content) for name, content in names_and_bytes]
    return program.post(DOCUMENTS, {"files": sent, **options})


def read_everything(reader: FakeReader | None = None) -> None:
    while lease := leases.claim_next(worker="here:1:1"):
        read_leased(lease, reader or FakeReader(), "here:1:1")


# --- Handing in ----------------------------------------------------------------------------------


def test_accepted_and_refused_files_are_told_apart(program, png):
    answer = send(program, ("a.png", png), ("b.png", b""), ("c.png", b"only text"))

    document, job = Document.objects.get(), Job.objects.get()
    assert answer.status_code == 202
    told = answer.json()
    assert (told["job"], told["status_url"]) == (
        str(job.id),
        f"http://testserver{reverse('api:job', args=[job.id])}",
    )
    [accepted] = told["accepted"]
    assert (accepted["id"], accepted["name"]) == (str(document.id), "a.png")
    assert [(r["name"], r["code"]) for r in told["refused"]] == [
        ("b.png", "empty_file"),
        ("c.png", "unsupported_type"),
    ]
    assert all(r["sentence"] for r in told["refused"])


def test_where_an_upload_leads_can_be_followed_to_its_text(program, png):
    told = send(program, ("a.png", png)).json()
    read_everything()

    status = program.get(told["status_url"]).json()
    assert (status["state"], status["pages"]["done"]) == ("done", 1)
    text = program.get(told["accepted"][0]["text_url"]).getvalue().decode()
    assert text == "Hello\nWorld\n"


def test_when_nothing_is_accepted_it_is_a_problem_and_no_job(program):
    answer = send(program, ("a.png", b"only text"))
    assert (answer.status_code, answer["Content-Type"]) == (422, "application/problem+json")
    assert answer.json()["code"] == "nothing_accepted"
    assert answer.json()["refused"][0]["code"] == "unsupported_type"
    assert not Job.objects.exists()


def test_limits_of_an_upload_have_codes(program, png, settings):
    settings.OCR_USER_LIMITS = UserLimits(files_per_batch=1)
    settings.OCR_UPLOAD_LIMITS = UploadLimits(files_per_request=10, file_bytes=100_000)
    assert send(program, ("a.png", png), ("b.png", png)).json()["code"] == "batch_too_large"
    large = send(program, ("a.png", png + b"x" * 100_000))
    assert large.json()["refused"][0]["code"] == "file_too_large"
    huge = send(program, ("a.png", b"x" * 3_000_000))
    assert (huge.status_code, huge.json()["code"]) == (413, "body_too_large")
    assert program.post(DOCUMENTS, {}).json()["code"] == "no_files"
    assert list(files.incoming_dir().iterdir()) == []


def test_nobody_and_read_only_tokens_write_nothing_to_the_disk(client, reader, monkeypatch):
    def never(self, *args: object) -> None:
        raise AssertionError("a file was opened")

    monkeypatch.setattr("django.core.files.uploadedfile.TemporaryUploadedFile.__init__", never)
    assert send(client, ("a.png", b"x" * 100_000)).status_code == 401
    assert send(reader, ("a.png", b"x" * 100_000)).status_code == 403


def test_files_sent_to_another_address_never_reach_the_disk(program, owner, png, monkeypatch):
    document = make_read_document(owner)

    def never(self, *args: object) -> None:
        raise AssertionError("a file was opened")

    monkeypatch.setattr("django.core.files.uploadedfile.TemporaryUploadedFile.__init__", never)
    address = reverse("api:document-rerun", args=[document.id])
    answer = program.post(address, {"files": SimpleUploadedFile("a.png", png)})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


def test_boxes_only_are_found_when_that_is_asked_for(program, png):
    send(program, ("a.png", png), mode="detect")
    reader = FakeReader(texts=("",))
    read_everything(reader)

    assert reader.detect_only == [True]
    assert Job.objects.get().mode == JobMode.DETECT
    [document] = program.get(DOCUMENTS).json()["results"]
    assert (document["state"], document["confidence"]) == ("done", None)
    lines = program.get(f"{document['url']}pages/1/lines/").json()["results"]
    assert [line["text"] for line in lines] == [""]
    assert len(lines[0]["polygon"]) == 4


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"mode": "guess"}, "mode"),
        ({"mode": ""}, "mode"),
        ({"bundle": "none such"}, "bundle"),
        ({"bundle": ""}, "bundle"),
    ],
)
def test_options_that_do_not_exist_are_named(program, png, options, field):
    answer = send(program, ("a.png", png), **options)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert [(e["field"], e["code"]) for e in answer.json()["errors"]] == [(field, "invalid_choice")]
    assert not Job.objects.exists()


def test_a_choice_that_does_not_exist_is_told_those_that_do(program, png):
    answer = send(program, ("a.png", png), bundle="quick").json()
    assert answer["errors"][0]["sentence"] == "“quick” is none of: accurate, fast."


def test_the_bundles_to_choose_from_are_those_of_the_engine():
    from ocrengine.bundles import BUNDLES
    from ocrengine.choose import BUNDLE_NAMES

    assert tuple(BUNDLES) == BUNDLE_NAMES


# --- The list ------------------------------------------------------------------------------------


def titles(program, **asked: object) -> list[str]:
    return [d["title"] for d in program.get(DOCUMENTS, asked).json()["results"]]


def test_documents_are_newest_first_or_as_asked(program, owner):
    for name in ("b", "c", "a"):
        make_document(owner, title=name)
    assert titles(program) == ["a", "c", "b"]
    assert titles(program, sort="created") == ["b", "c", "a"]
    assert titles(program, sort="title") == ["a", "b", "c"]
    assert titles(program, sort="-title") == ["c", "b", "a"]


def test_following_next_shows_every_document_once_whatever_comes_in_between(program, owner):
    same_moment = make_job(owner)
    for number in range(7):
        make_document(owner, title=f"{number % 3}", job=same_moment)
    Document.objects.update(created_at=Document.objects.first().created_at)

    for sort in ("-created", "created", "title", "-title"):
        seen, address = [], f"{DOCUMENTS}?limit=2&sort={sort}"
        expected = set(map(str, Document.objects.values_list("pk", flat=True)))
        while address:
            page = program.get(address).json()
            seen += [d["id"] for d in page["results"]]
            address = page["next"]
            if len(seen) == 4:
                # Before the cursor, whichever way it goes.
                late = make_document(owner, title="9" if sort == "-title" else "0")
                if sort == "created":
                    shift = timedelta(days=-1)
                    Document.objects.filter(pk=late.pk).update(created_at=late.created_at + shift)
        assert len(seen) == len(set(seen))
        assert expected <= set(seen)


@pytest.mark.parametrize("cursor", ["x", "x:y:z", "a" * 3000, "\x00", "é"])
def test_a_cursor_that_we_did_not_make_is_refused(program, cursor):
    answer = program.get(DOCUMENTS, {"cursor": cursor})
    assert answer.status_code == 400
    assert answer.json()["code"] in ("invalid_cursor", "invalid")


def test_a_cursor_belongs_to_its_list_and_its_order(program, owner):
    for _ in range(3):
        make_document(owner)
    cursor = program.get(DOCUMENTS, {"limit": 1}).json()["next"].partition("cursor=")[2]
    for address in (f"{DOCUMENTS}?sort=title&cursor={cursor}", f"/api/v1/jobs/?cursor={cursor}"):
        assert program.get(address).json()["code"] == "invalid_cursor"


def test_documents_can_be_asked_for_by_state_kind_title_and_date(program, owner):
    make_read_document(owner)
    half = make_document(owner, pages=2, title="half", state=PageState.DONE)
    half.pages.filter(index=1).update(state=PageState.QUARANTINED)
    make_document(owner, title="waiting")
    make_document(owner, title="broken", state=PageState.FAILED)
    make_document(owner, title="stopped.pdf", state=PageState.CANCELLED)
    Document.objects.filter(title="stopped.pdf").update(kind="pdf")

    assert titles(program, state="partial") == ["half"]
    assert titles(program, state="open") == ["waiting"]
    assert titles(program, state="failed") == ["broken"]
    assert titles(program, state="cancelled", kind="pdf") == ["stopped.pdf"]
    assert titles(program, state="cancelled", kind="png") == []
    assert titles(program, title="ROKE") == ["broken"]
    assert titles(program, title="\x1d") == titles(program)
    assert len(titles(program, state="done")) == 1
    noon = Document.objects.get(title="waiting").created_at.isoformat()
    assert titles(program, created_after=noon, sort="created")[0] == "waiting"
    assert "waiting" not in titles(program, created_before=noon)


def test_states_in_the_list_are_the_states_asked_for(program, owner):
    make_read_document(owner)
    make_document(owner, state=PageState.FAILED)
    make_document(owner, state=PageState.CANCELLED)
    make_document(owner)
    for state in ("done", "failed", "cancelled", "open"):
        found = program.get(DOCUMENTS, {"state": state}).json()["results"]
        assert [d["state"] for d in found] == [state]


@pytest.mark.parametrize(
    "asked",
    [
        {"limit": 0},
        {"limit": 201},
        {"limit": "x"},
        {"sort": "size"},
        {"state": "x"},
        {"created_after": "yesterday"},
        {"title": "a\x00b"},
    ],
)
def test_what_cannot_be_asked_for_is_named(program, asked):
    answer = program.get(DOCUMENTS, asked)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert answer.json()["errors"][0]["field"] in asked


def test_the_number_of_queries_does_not_grow_with_documents(
    program, owner, django_assert_max_num_queries
):
    program.get(DOCUMENTS)
    for _ in range(30):
        make_document(owner, pages=3)
    with django_assert_max_num_queries(5):
        assert len(program.get(DOCUMENTS).json()["results"]) == 30
    with django_assert_max_num_queries(5):
        assert len(program.get("/api/v1/jobs/").json()["results"]) == 30


# --- One document --------------------------------------------------------------------------------


def test_a_document_tells_how_far_it_is(program, owner):
    document = make_document(owner, pages=4, state=PageState.DONE)
    document.pages.filter(index=3).update(state=PageState.LEASED)
    told = program.get(reverse("api:document", args=[document.id])).json()
    assert told["state"] == "open"
    assert told["pages"] == {"total": 4, "done": 3, "failed": 0, "cancelled": 0, "open": 1}
    assert told["sha256"] == document.sha256


def test_lines_have_their_place_in_page_pixels(program, owner):
    document = make_read_document(owner)
    lines = program.get(reverse("api:lines", args=[document.id, 1])).json()["results"]
    assert lines[0] == {
        "order": 0,
        "text": "Hello",
        "machine_text": "Hello",
        "confidence": 0.98,
        "polygon": [[40, 40], [400, 40], [400, 80], [40, 80]],
    }


def test_a_page_tells_why_it_has_no_text(program, owner):
    document = make_document(owner, state=PageState.FAILED, error_code="page_memory")
    page = program.get(reverse("api:page", args=[document.id, 1])).json()
    assert page["problem"]["code"] == "page_memory"
    assert page["problem"]["next_step"] == "Scan at a lower resolution, or split the page."
    answer = program.get(
        reverse("api:page", args=[document.id, 1]), headers={"accept-language": "zh-hans"}
    )
    assert answer.json()["problem"]["sentence"] == "打开该页所需的内存超过了限制。"


@pytest.mark.parametrize("number", ["0", "2", "9" * 30])
def test_a_page_that_does_not_exist_is_a_problem(program, owner, number):
    document = make_read_document(owner)
    answer = program.get(f"/api/v1/documents/{document.id}/pages/{number}/")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_the_export_is_that_of_the_web(program, owner, owner_client):
    document = make_read_document(owner)
    here = program.get(reverse("api:document-json", args=[document.id])).getvalue()
    there = owner_client.get(reverse("document-json", args=[document.id])).getvalue()
    assert json.loads(here) == json.loads(there)


def test_an_original_is_inert_and_known_by_its_hash(program, png):
    told = send(program, ("a\u202eb<x>.png", png)).json()
    address = f"{told['accepted'][0]['url']}original/"
    answer = program.get(address)
    assert answer.getvalue() == png
    assert answer["Content-Type"] == "image/png"
    assert answer["Content-Disposition"].startswith("attachment;")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer["ETag"] == f'"{Document.objects.get().sha256}"'
    again = program.get(address, headers={"if-none-match": answer["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def storage_used(program) -> int:
    return program.get("/api/v1/account/").json()["storage"]["used"]


def test_a_deleted_document_lies_in_the_trash_and_can_be_taken_back(program, png):
    url = send(program, ("a.png", png)).json()["accepted"][0]["url"]
    assert program.delete(url).status_code == 204
    assert program.get(url).status_code == 404
    assert titles(program) == []
    [trashed] = program.get("/api/v1/trash/").json()["results"]
    assert storage_used(program) == len(png)

    back = program.post(f"/api/v1/trash/{trashed['id']}/restore/")
    assert (back.status_code, back.json()["title"]) == (200, "a.png")
    assert titles(program) == ["a.png"]
    assert program.get("/api/v1/trash/").json()["results"] == []


@pytest.mark.parametrize("past_the_trash", [True, False])
def test_what_is_deleted_for_good_gives_its_storage_back(program, png, past_the_trash):
    told = send(program, ("a.png", png)).json()["accepted"][0]
    if past_the_trash:
        assert program.delete(f"{told['url']}?for_good=true").status_code == 204
    else:
        program.delete(told["url"])
        assert program.delete(f"/api/v1/trash/{told['id']}/").status_code == 204
    assert program.get("/api/v1/trash/").json()["results"] == []
    assert storage_used(program) == 0
    assert not Document.objects.exists()


# --- Shared documents ----------------------------------------------------------------------------


def shared(owner, stranger, *, can_change: bool) -> Document:
    document = make_read_document(owner)
    Share.objects.create(document=document, user=stranger, can_change=can_change)
    return document


def test_a_shared_document_can_be_read_and_its_job_stays_its_owners(
    owner, stranger, strange_program
):
    document = shared(owner, stranger, can_change=False)
    [told] = strange_program.get(DOCUMENTS).json()["results"]
    assert (told["owner"], told["job"], told["status_url"]) == ("alice", None, None)
    assert strange_program.get(told["text_url"]).getvalue() == b"Hello\nWorld\n"
    job = reverse("api:job", args=[document.job_id])
    assert strange_program.get(job).status_code == 404


def test_who_may_only_read_changes_nothing_and_nobody_else_deletes(
    owner, stranger, strange_program
):
    document = shared(owner, stranger, can_change=False)
    rerun = reverse("api:document-rerun", args=[document.id])
    url = reverse("api:document", args=[document.id])
    assert strange_program.post(rerun, {}, content_type="application/json").status_code == 404
    assert strange_program.delete(url).status_code == 404

    Share.objects.update(can_change=True)
    assert strange_program.post(rerun, {}, content_type="application/json").status_code == 202
    assert strange_program.delete(url).status_code == 404
    assert Document.objects.get().owner == owner


# --- Once more -----------------------------------------------------------------------------------


def test_a_document_is_read_again_in_place_as_a_job_of_its_own(program, png):
    told = send(program, ("a.png", png)).json()
    read_everything(FakeReader(texts=("Helo",)))
    url = told["accepted"][0]["url"]

    again = program.post(f"{url}rerun/", {"bundle": "accurate"}, content_type="application/json")
    assert (again.status_code, again.json()["pages"]) == (202, 1)
    assert again.json()["job"] != told["job"]
    assert program.get(told["status_url"]).status_code == 404
    assert Line.objects.get().text == "Helo"

    read_everything(FakeReader(texts=("Hello", "World")))
    assert program.get(f"{url}text/").getvalue() == b"Hello\nWorld\n"
    assert program.get(again.json()["status_url"]).json()["state"] == "done"


def test_a_file_that_is_known_answers_with_the_document_and_the_job_there_are(program, png):
    first = send(program, ("a.png", png)).json()
    again = send(program, ("b.png", png))
    assert again.status_code == 202
    assert [(one["name"], one["known"]) for one in again.json()["accepted"]] == [("b.png", True)]
    assert again.json()["job"] == first["job"]
    assert again.json()["accepted"][0]["url"] == first["accepted"][0]["url"]
    assert not first["accepted"][0]["known"]


def test_a_document_of_several_leaves_its_job_to_the_others(program, png):
    told = send(program, ("a.png", png), ("b.png", png_of(2))).json()
    read_everything()
    url = told["accepted"][0]["url"]
    answer = program.post(f"{url}rerun/", {}, content_type="application/json")
    assert answer.status_code == 202
    assert len(program.get(told["status_url"]).json()["documents"]) == 1


def test_a_document_that_is_being_read_cannot_be_read_again(program, owner):
    document = make_document(owner, pages=2, state=PageState.DONE)
    document.pages.filter(index=1).update(state=PageState.LEASED)
    answer = program.post(
        reverse("api:document-rerun", args=[document.id]), {}, content_type="application/json"
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "not_rereadable")
    assert set(document.pages.values_list("state", flat=True)) == {"done", "leased"}
    assert Job.objects.count() == 1


@pytest.mark.parametrize("name", ["document-retry", "page-retry", "job-retry", "job-cancel"])
def test_what_can_not_be_done_as_things_stand_is_a_conflict(program, owner, name):
    document = make_read_document(owner)
    document.job.state = "done"
    document.job.save()
    key = [document.job_id] if name.startswith("job") else [document.id]
    answer = program.post(reverse(f"api:{name}", args=key + [1] * (name == "page-retry")))
    code = "not_cancellable" if name == "job-cancel" else "not_retryable"
    assert (answer.status_code, answer.json()["code"]) == (409, code)


# --- Read this image now -------------------------------------------------------------------------


@pytest.fixture
def a_worker_reads_meanwhile(monkeypatch):
    monkeypatch.setattr(
        "documents.services.waiting.pause", lambda seconds: read_everything(), raising=True
    )


def test_one_image_is_read_while_the_program_waits(program, png, a_worker_reads_meanwhile):
    answer = program.post("/api/v1/read/", {"file": SimpleUploadedFile("a.png", png)})
    assert answer.status_code == 200
    assert answer.json()["page"]["text"] == "Hello\nWorld\n"
    assert [line["order"] for line in answer.json()["page"]["lines"]] == [0, 1]
    assert answer.json()["document"]["state"] == "done"


def test_what_is_not_read_in_time_is_an_upload_like_any_other(program, png, monkeypatch):
    waited = []
    monkeypatch.setattr("documents.services.waiting.pause", waited.append)
    answer = program.post("/api/v1/read/", {"file": SimpleUploadedFile("a.png", png), "wait": "2"})
    assert answer.status_code == 202
    assert sum(waited) == pytest.approx(2)
    assert program.get(answer.json()["status_url"]).json()["state"] == "queued"


def test_whoever_finds_every_seat_taken_does_not_wait(program, png, monkeypatch):
    monkeypatch.setattr("documents.services.waiting.pause", pytest.fail)
    from documents.services import waiting

    for _ in range(waiting.SEATS):
        waiting._seats.acquire()
    try:
        answer = program.post("/api/v1/read/", {"file": SimpleUploadedFile("a.png", png)})
        assert answer.status_code == 202
    finally:
        waiting._seats.release(waiting.SEATS)


def test_exactly_one_file_is_read_now(program, png):
    two = {"file": [SimpleUploadedFile("a.png", png), SimpleUploadedFile("b.png", png)]}
    for body in ({}, two):
        answer = program.post("/api/v1/read/", body)
        assert (answer.status_code, answer.json()["code"]) == (400, "one_file_only")
    refused = program.post("/api/v1/read/", {"file": SimpleUploadedFile("a.png", b"")})
    assert (refused.status_code, refused.json()["code"]) == (422, "nothing_accepted")
    assert not Document.objects.exists()


def test_a_title_with_a_nul_is_a_bad_request_and_no_crash(program):
    answer = program.get("/api/v1/documents/?title=a%00")
    assert answer.status_code == 400
