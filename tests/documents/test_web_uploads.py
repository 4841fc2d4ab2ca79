"""Handing files in: what the page and the script are told, and what never reaches the disk."""

import io
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, RequestFactory
from django.urls import reverse

from documents.limits import UploadLimits, UserLimits
from documents.models import Document, Job
from documents.upload_handler import BoundedUploadHandler, open_the_door, upload_fault
from tests.conftest import png_of

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # Nobody collects static files for a test.
]
JSON = {"accept": "application/json"}


def incoming(settings) -> list[Path]:
    return list(Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir())


def send(client: Client, *files: tuple[str, bytes], **headers: str):
    body = {"files": [SimpleUploadedFile(name, content) for name, content in files]}
    return client.post(reverse("upload"), body, headers=headers)


# --- What the script is told -------------------------------------------------------------------


def test_accepted_files_are_answered_with_their_job(owner_client, png, settings):
    answer = send(owner_client, ("scan.png", png), **JSON)

    job = Job.objects.get()
    assert answer.status_code == 202
    assert answer.json() == {
        "job": str(job.id),
        "status_url": reverse("job", args=[job.id]),
        "accepted": [{"id": str(Document.objects.get().id), "name": "scan.png"}],
        "known": [],
        "refused": [],
    }
    assert incoming(settings) == []


def test_a_file_that_is_known_is_named_with_a_way_to_its_text(owner_client, png):
    send(owner_client, ("scan.png", png), **JSON)
    answer = send(owner_client, ("again.png", png), **JSON)

    document = Document.objects.get()
    assert answer.status_code == 200
    (known,) = answer.json()["known"]
    assert (known["name"], known["url"]) == ("again.png", reverse("document", args=[document.id]))
    assert "“scan.png”" in known["sentence"]
    page = send(owner_client, ("again.png", png))
    assert (page.status_code, page.url) == (302, known["url"])


def test_an_upload_asks_the_database_little(owner_client, png, django_assert_max_num_queries):
    send(owner_client, ("first.png", png_of(1)), **JSON)  # which makes the owner's row
    with django_assert_max_num_queries(20):
        assert send(owner_client, ("scan.png", png), **JSON).status_code == 202


def test_refused_files_are_named_next_to_accepted_ones(owner_client, png):
    answer = send(owner_client, ("a.png", png), ("b.png", b""), ("c.png", b"only text"), **JSON)

    assert answer.status_code == 202
    assert [f["name"] for f in answer.json()["accepted"]] == ["a.png"]
    assert [(f["name"], f["code"]) for f in answer.json()["refused"]] == [
        ("b.png", "empty_file"),
        ("c.png", "unsupported_type"),
    ]
    assert all(f["sentence"] for f in answer.json()["refused"])


def test_when_every_file_is_refused_there_is_no_job(owner_client, settings):
    answer = send(owner_client, ("a.png", b"only text"), **JSON)
    assert (answer.status_code, answer.json()["job"]) == (422, None)
    assert incoming(settings) == []


def test_a_batch_over_the_cap_is_refused_whole(owner_client, png, settings):
    settings.OCR_USER_LIMITS = UserLimits(files_per_batch=2)
    answer = send(owner_client, *((f"{n}.png", png) for n in range(4)), **JSON)

    assert answer.status_code == 413
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "batch_too_large"
    assert "4" in answer.json()["detail"]
    assert not Document.objects.exists()
    assert incoming(settings) == []


def test_an_upload_without_files_is_a_sentence_not_an_error(owner_client):
    answer = owner_client.post(reverse("upload"), {}, headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (400, "no_files")


def test_a_body_that_announces_too_much_is_refused_at_once(owner_client, settings):
    settings.OCR_UPLOAD_LIMITS = UploadLimits(files_per_request=1, file_bytes=1000)
    answer = send(owner_client, ("a.png", b"x" * 2_000_000), **JSON)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert incoming(settings) == []


# --- What the page says without a script -------------------------------------------------------


def test_a_plain_form_leads_to_the_job(owner_client, png):
    answer = send(owner_client, ("a.png", png), ("b.png", b""))
    assert answer.url == reverse("job", args=[Job.objects.get().id])
    assert "b.png: The file is empty." in owner_client.get(answer.url).content.decode()


def test_a_plain_form_of_which_nothing_is_good_leads_home(owner_client):
    answer = send(owner_client, ("b.png", b""))
    assert answer.url == reverse("documents")
    assert "b.png: The file is empty." in owner_client.get(answer.url).content.decode()


def test_limits_are_shown_before(owner_client):
    page = owner_client.get(reverse("documents")).content.decode()
    for figure in ("10 files", "100\xa0MB, 500 pages", "80 megapixels", "2\xa0GB left"):
        assert figure in page


# --- What reaches the disk ---------------------------------------------------------------------


@pytest.fixture
def parsed(settings):
    """A request whose files went through our handler; `cut` bytes of its end never arrive."""
    made = []

    def parse(*files: tuple[str, bytes], allowed: int = 10, cut: int = 0, **limits: int):
        settings.OCR_UPLOAD_LIMITS = UploadLimits(**limits)
        body = {"files": [SimpleUploadedFile(name, content) for name, content in files]}
        request = RequestFactory().post("/", body)
        made.append(request)
        if cut:
            whole = request.META["wsgi.input"].read()
            request._stream = io.BytesIO(whole[:-cut])
        request.upload_handlers = [BoundedUploadHandler(request)]
        if allowed:
            open_the_door(request, files=allowed)
        return request, request.FILES.getlist("files")

    yield parse
    for request in made:
        request.close()


def test_a_file_goes_to_the_incoming_folder_and_is_gone_with_the_request(parsed, settings):
    request, (file,) = parsed(("a.png", b"abc"))
    assert [p.read_bytes() for p in incoming(settings)] == [b"abc"]
    assert not file.too_large
    request.close()
    assert incoming(settings) == []


def test_a_file_over_the_limit_is_not_written_on_but_counted(parsed, settings):
    big = b"x" * 300_000
    _, (large, small) = parsed(("l.png", big), ("s.png", b"ok"), file_bytes=100_000)
    assert (large.too_large, large.size) == (True, 300_000)
    assert (small.too_large, small.read()) == (False, b"ok")
    assert sum(p.stat().st_size for p in incoming(settings)) == 2


def test_a_file_of_exactly_the_limit_is_whole(parsed):
    _, (file,) = parsed(("a.png", b"x" * 100_000), file_bytes=100_000)
    assert not file.too_large


def test_files_beyond_the_cap_are_counted_and_never_written(parsed, settings):
    _, files = parsed(*((f"{n}.png", b"x") for n in range(5)), allowed=2)
    assert len(files) == 5
    assert len(incoming(settings)) == 2


def test_a_door_that_no_view_opened_lets_no_file_in(parsed, settings):
    _, files = parsed(("a.png", b"abc"), allowed=0)
    assert files == []
    assert incoming(settings) == []


def test_nobody_can_fill_the_disk_through_the_login_form(settings):
    body = {"username": "x", "password": "y", "file": SimpleUploadedFile("a", b"x" * 200_000)}
    assert Client().post(reverse("account_login"), body).status_code == 200
    assert incoming(settings) == []


def test_a_body_that_breaks_off_leaves_no_file_and_is_not_trusted(parsed, settings):
    request, files = parsed(("a.png", b"x" * 100_000), cut=50_000)
    assert files == []
    assert upload_fault(request).code == "upload_interrupted"
    assert incoming(settings) == []


def test_a_disk_that_is_full_is_a_full_disk(settings, owner_client, png, monkeypatch):
    def full(self, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("django.core.files.uploadedfile.TemporaryUploadedFile.write", full)
    answer = send(owner_client, ("a.png", png), **JSON)
    assert (answer.status_code, answer.json()["code"]) == (507, "disk_full")
    assert incoming(settings) == []
