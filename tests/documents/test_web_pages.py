"""Watching, reading, downloading, deleting: what is on the page and what its headers promise."""

import re
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.exceptions import PermissionDenied
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone, translation
from django.views import defaults

from documents import files
from documents.models import Document, JobState, Line, PageState, Usage
from tests.personas import make_document, make_job, make_read_document

pytestmark = [
    pytest.mark.django_db,
    # Nobody collects static files for a test.
]
HTML_FROM_DATA = re.compile(
    r"(?:inner|outer)HTML\s*\+?=(?!=)|insertAdjacentHTML|\beval\(|new Function|document\.write"
)
TEMPLATES = sorted(Path(django_settings.BASE_DIR, "templates").rglob("*.html"))


def text_of(client: Client, name: str, *args: object, **query: object) -> str:
    answer = client.get(reverse(name, args=args), query)
    assert answer.status_code == 200
    return answer.content.decode()


def store(tmp_path: Path, content: bytes, folder: str, suffix: str = "") -> str:
    source = tmp_path / "bytes"
    source.write_bytes(content)
    return files.keep(source, folder, suffix)


# --- Watching ----------------------------------------------------------------------------------


@pytest.fixture
def busy(owner) -> Document:
    """A document of four pages: read, being read, failed, waiting."""
    job = make_job(owner, state=JobState.RUNNING)
    document = make_document(owner, pages=4, job=job)
    pages = list(document.pages.order_by("index"))
    for page, state in zip(pages, ("done", "leased", "failed", "pending"), strict=True):
        page.state = state
        page.error_code = "page_memory" if state == "failed" else ""
        page.save()
    return document


def test_a_job_shows_each_page_and_why_one_failed(owner_client, busy):
    page = text_of(owner_client, "job", busy.job_id)
    assert "reading page 2 of 4" in page
    assert "Opening the page needs more memory than allowed." in page
    assert re.findall(r'class="leaf (\w+)"', page) == ["done", "reading", "failed", "waiting"]
    assert f"{reverse('document', args=[busy.id])}?page=1" in page


def test_a_long_document_is_a_strip_of_a_few_rectangles(owner, owner_client):
    document = make_document(owner, pages=300)
    document.pages.filter(index__lt=100).update(state=PageState.DONE)
    page = text_of(owner_client, "job", document.job_id)
    assert page.count("<rect ") == 2
    assert 'class="leaf' not in page


def test_progress_is_figures_and_the_same_fragment(owner_client, busy):
    answer = owner_client.get(reverse("job-progress", args=[busy.job_id])).json()
    assert (answer["pages_total"], answer["pages_done"], answer["open"]) == (4, 1, True)
    assert answer["documents"][0]["states"] == ["done", "reading", "failed", "waiting"]
    assert "reading page 2 of 4" in answer["fragment"]


def test_progress_is_answered_in_full_only_when_something_changed(owner_client, busy):
    address = reverse("job-progress", args=[busy.job_id])
    etag = owner_client.get(address)["ETag"]

    again = owner_client.get(address, headers={"if-none-match": etag})
    assert (again.status_code, again.content) == (304, b"")

    busy.pages.filter(state=PageState.LEASED).update(state=PageState.DONE)
    assert owner_client.get(address, headers={"if-none-match": etag}).status_code == 200


def test_seconds_that_pass_are_no_change(owner_client, busy):
    address = reverse("job-progress", args=[busy.job_id])
    etag = owner_client.get(address)["ETag"]
    busy.job.created_at -= timezone.timedelta(seconds=90)
    busy.job.save()
    assert owner_client.get(address, headers={"if-none-match": etag}).status_code == 304


def test_the_number_of_queries_does_not_grow_with_pages(
    owner, owner_client, django_assert_max_num_queries
):
    document = make_document(owner, pages=200)
    with django_assert_max_num_queries(14):
        text_of(owner_client, "job", document.job_id)
    for _ in range(15):
        make_document(owner, pages=3)
    with django_assert_max_num_queries(10):
        text_of(owner_client, "documents")


def test_a_job_can_be_cancelled_and_retried(owner_client, busy):
    owner_client.post(reverse("job-cancel", args=[busy.job_id]))
    busy.job.refresh_from_db()
    assert busy.job.cancel_requested_at is not None

    busy.pages.filter(state=PageState.LEASED).update(state=PageState.CANCELLED)
    busy.job.state = JobState.CANCELLED
    busy.job.save()
    answer = owner_client.post(reverse("job-retry", args=[busy.job_id]), follow=True)
    assert "3 pages are in the queue again." in answer.content.decode()


def test_what_cannot_be_cancelled_says_so(owner, owner_client):
    document = make_document(owner, job=make_job(owner, state=JobState.DONE))
    answer = owner_client.post(reverse("job-cancel", args=[document.job_id]), follow=True)
    assert "there is nothing to cancel" in answer.content.decode()


# --- Reading -----------------------------------------------------------------------------------


def test_a_read_page_has_every_line_twice_as_text_and_as_box(owner, owner_client):
    document = make_read_document(owner, ("First <b>line</b>", "Second & last"))
    document.pages.update(view_name="views/00/x.webp")

    page = text_of(owner_client, "document", document.id)

    assert "First &lt;b&gt;line&lt;/b&gt;" in page
    assert 'viewBox="0 0 800 600"' in page
    assert page.count("<polygon ") == page.count("<li class=") == 2
    assert 'class="line sure" data-line="1" data-percent="98 %"' in page
    assert 'class="line doubtful" data-line="2" data-percent="70 %"' in page


@pytest.mark.parametrize(
    ("rotation", "box", "transform"),
    [
        (0, "0 0 800 600", None),
        (90, "0 0 600 800", "translate(600 0) rotate(90)"),
        (180, "0 0 800 600", "translate(800 600) rotate(180)"),
        (270, "0 0 600 800", "translate(0 800) rotate(270)"),
    ],
)
def test_a_page_that_lay_on_its_side_is_shown_upright(
    owner, owner_client, rotation, box, transform
):
    document = make_read_document(owner)
    page = document.pages.get()
    page.receipt["rotation"], page.view_name = rotation, "views/00/x.webp"
    page.save()
    html = text_of(owner_client, "document", document.id)
    assert f'viewBox="{box}"' in html
    assert (f'transform="{transform}"' in html) if transform else ("transform=" not in html)


def test_a_page_read_from_fewer_pixels_says_so(owner, owner_client):
    document = make_read_document(owner)
    page = document.pages.get()
    page.receipt["working_size"] = [400, 300]
    page.save()
    assert "Read from fewer pixels" in text_of(owner_client, "document", document.id)


def test_a_note_without_a_sentence_keeps_its_code(owner, owner_client):
    document = make_read_document(owner)
    document.pages.update(notes=["a_note_from_next_year"])
    assert "a_note_from_next_year" in text_of(owner_client, "document", document.id)


def test_a_failed_page_has_its_reason_and_a_retry_in_place_of_text(owner, owner_client):
    document = make_document(owner, state=PageState.FAILED, error_code="page_timeout")
    page = text_of(owner_client, "document", document.id)
    assert "Opening the page took longer than allowed." in page
    retry = reverse("page-retry", args=[document.id, 1])
    assert f'action="{retry}"' in page

    owner_client.post(retry)
    assert document.pages.get().state == PageState.PENDING


def test_a_waiting_page_knows_where_to_look_for_itself(owner, owner_client):
    document = make_document(owner, pages=2)
    page = text_of(owner_client, "document", document.id, page=2)
    assert f'data-wait="{reverse("job-progress", args=[document.job_id])}"' in page
    assert 'data-index="1"' in page


def test_a_blank_page_says_that_nothing_was_found(owner, owner_client):
    document = make_read_document(owner)
    Line.objects.all().delete()
    assert "No text found" in text_of(owner_client, "document", document.id)


# --- Bytes -------------------------------------------------------------------------------------


def test_the_page_image_is_revalidated_and_kept_private(owner, owner_client, tmp_path):
    document = make_read_document(owner)
    document.pages.update(view_name=store(tmp_path, b"RIFF", "views", ".webp"))
    address = reverse("page-view", args=[document.id, 1])

    answer = owner_client.get(address)
    assert b"".join(answer.streaming_content) == b"RIFF"
    assert answer["Content-Type"] == "image/webp"
    assert answer["Cache-Control"] == "private, no-cache"
    again = owner_client.get(address, headers={"if-none-match": answer["ETag"]})
    assert again.status_code == 304


def test_a_page_without_an_image_is_404(owner, owner_client):
    document = make_read_document(owner)
    assert owner_client.get(reverse("page-view", args=[document.id, 1])).status_code == 404
    assert owner_client.get(reverse("cover", args=[document.id])).status_code == 404


def test_an_original_is_handed_back_inert(owner, owner_client, tmp_path):
    document = make_document(owner, title="发票 “2024”\u2028.html")
    document.original_name = store(tmp_path, b"<script>alert(1)</script>", "originals")
    document.save()

    answer = owner_client.get(reverse("document-original", args=[document.id]))

    assert b"".join(answer.streaming_content) == b"<script>alert(1)</script>"
    assert answer["Content-Type"] == "image/png"  # by what was found in it, not by its name
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer["Content-Disposition"].startswith("attachment; filename*=utf-8''%E5%8F%91")


@pytest.mark.parametrize(
    ("form", "mime"), [("text", "text/plain; charset=utf-8"), ("json", "application/json")]
)
def test_text_leaves_as_a_file(owner, owner_client, form, mime):
    document = make_read_document(owner, ("Hello", "世界"))
    answer = owner_client.get(reverse(f"document-{form}", args=[document.id]))
    assert "世界" in b"".join(answer.streaming_content).decode()
    assert answer["Content-Type"] == mime
    assert answer["Content-Disposition"].startswith("attachment; filename=")
    assert answer["X-Content-Type-Options"] == "nosniff"


# --- Deleting ----------------------------------------------------------------------------------


def test_deleting_asks_first_and_says_what_comes_back(owner, owner_client):
    document = make_read_document(owner)
    Usage.objects.create(owner=owner, storage_bytes=1000)
    address = reverse("document-delete", args=[document.id])
    assert (
        "1000\xa0bytes of storage come back when it is gone."
        in owner_client.get(address).content.decode()
    )

    answer = owner_client.post(address, {"how": "for-good"}, follow=True)
    assert "1000\xa0bytes of storage came back." in answer.content.decode()
    assert not Document.objects.exists()
    assert Usage.objects.get().storage_bytes == 0


# --- Account and empty states ------------------------------------------------------------------


def test_logging_in_leads_to_ones_documents(owner):
    client = Client()
    answer = client.post(
        reverse("account_login"), {"login": "alice", "password": "correct horse battery staple"}
    )
    assert answer.url == reverse("documents")


def test_a_wrong_password_is_told(owner):
    answer = Client().post(reverse("account_login"), {"login": "alice", "password": "wrong"})
    assert 'role="alert"' in answer.content.decode()


def test_logging_out_is_a_post(owner_client):
    assert owner_client.get(reverse("account_logout")).wsgi_request.user.is_authenticated
    answer = owner_client.post(reverse("account_logout"))
    assert not answer.wsgi_request.user.is_authenticated


def test_empty_shelves_tell_what_to_do(owner_client):
    assert "Upload a scan, a photo or a PDF" in text_of(owner_client, "documents")
    assert "as soon as you upload something" in text_of(owner_client, "jobs")


def test_the_language_can_be_chosen(owner_client):
    owner_client.post(reverse("set-language"), {"language": "zh-hans", "next": "/"})
    page = text_of(owner_client, "documents")
    assert 'lang="zh-hans"' in page
    assert "书架还是空的" in page


def test_the_browsers_language_is_heard():
    answer = Client(headers={"accept-language": "zh-CN,zh;q=0.9"}).get(reverse("account_login"))
    assert "从纸张到文字" in answer.content.decode()


@pytest.mark.parametrize(
    ("view", "status", "words"),
    [
        (lambda r: defaults.page_not_found(r, Exception()), 404, "There is nothing here"),
        (lambda r: defaults.permission_denied(r, PermissionDenied()), 403, "That is not allowed"),
        (lambda r: defaults.bad_request(r, Exception()), 400, "could not be understood"),
        (defaults.server_error, 500, "Something went wrong"),
    ],
)
def test_dead_ends_look_like_the_rest(view, status, words):
    with translation.override("en"):
        answer = view(RequestFactory().get("/"))
    assert answer.status_code == status
    assert words in answer.content.decode()
    assert "folio.css" in answer.content.decode()


# --- What the browser is allowed ---------------------------------------------------------------


def test_every_page_forbids_inline_code(owner, owner_client):
    document = make_read_document(owner)
    for address in (
        "/",
        reverse("document", args=[document.id]),
        reverse("account_login"),
        "/nowhere/",
    ):
        policy = owner_client.get(address, follow=True)["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda p: p.name)
def test_templates_carry_no_inline_code(template):
    html = template.read_text()
    assert not re.search(r"<style|\sstyle\s*=|\son[a-z]+\s*=|javascript:", html, re.IGNORECASE)
    for script in re.findall(r"<script[^>]*>", html):
        assert "src=" in script, script


def test_scripts_never_parse_data_as_html():
    scripts = Path(django_settings.BASE_DIR, "documents/static/documents/js")
    for script in scripts.glob("*.js"):
        written = HTML_FROM_DATA.findall(script.read_text())
        assert not written, script.name


def test_the_stylesheet_stays_small():
    css = Path(django_settings.BASE_DIR, "documents/static/documents/folio.css")
    assert css.stat().st_size <= 25_000
