"""Every list of the three doors, over few rows: what `make scale` measures over a million."""

import pytest
from django.contrib.messages import get_messages
from django.core.paginator import Paginator
from django.urls import reverse

from documents import access, queries
from documents.admin import rows
from documents.models import Attempt, Document, Job, Page, PageState
from documents.paginator import KeyPaginator
from tests.personas import make_document, make_job, make_read_document
from tests.scale import fill
from tests.scale.lists import MOST_QUERIES, queries_of
from tests.scale.walk import Walker

pytestmark = pytest.mark.django_db


def test_no_list_takes_more_than_twenty_queries_wherever_it_is_opened(settings):
    walker = Walker(fill.fill(jobs=70, others=3))
    settings.OCR_API_REQUESTS_PER_MINUTE = 10**6
    found = {str(visit): queries_of(visit) for visit in walker.visits()}
    assert {name: count for name, count in found.items() if count > MOST_QUERIES} == {}
    assert len(found) > 200


def test_what_is_filled_in_has_the_proportions_that_are_measured():
    fill.fill(jobs=50, others=2)
    assert fill.counted() == {
        "jobs": 50,
        "documents": 50,
        "pages": 150,
        "lines": 500,
        "revisions": 500,
        "attempts": Page.objects.exclude(settled_at=None).count(),
    }


# --- Pages of a list -----------------------------------------------------------------------------


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_page_found_by_keys_shows_what_a_plain_one_would(owner, number):
    for _ in range(7):
        make_read_document(owner)
    mine = queries.newest_first(access.own_documents(owner))
    shelf = KeyPaginator(mine, 3, dress=queries.on_the_shelf).page(number)
    assert list(shelf) == list(Paginator(mine, 3).page(number))
    assert shelf.has_next() == (number < 3)
    assert {document.pages_done for document in shelf} == {1}


def test_a_page_is_counted_for_its_own_rows_alone(owner, django_assert_max_num_queries):
    for _ in range(5):
        make_document(owner, pages=2)
    rows = KeyPaginator(
        access.visible_jobs(owner).order_by("pk"), 2, dress=queries.with_page_counts
    )
    with django_assert_max_num_queries(3) as asked:
        assert [job.pages_open for job in rows.page(2)] == [2, 2]
    assert [query["sql"].count("COUNT(") for query in asked][:2] == [1, 0]


# --- Searching in the administration -------------------------------------------------------------


def found(client, model, term) -> list[object]:
    address = reverse(f"admin:documents_{model}_changelist")
    return [row.pk for row in client.get(address, {"q": term}).context["cl"].result_list]


@pytest.mark.parametrize("term", ["ledger", "LEDGER 1850", "alice ledger", " ledger  "])
def test_words_find_what_belongs_to_documents_with_all_of_them(staff_client, owner, stranger, term):
    document = make_document(owner, title="The ledger of 1850.png")
    make_document(owner, title="Letters of 1850.png")
    make_document(stranger, title="alice in 1850.png")
    page = document.pages.get()
    attempt = Attempt.objects.create(page=page, number=1, worker="host:1:1")
    expected = {"document": document, "job": document.job, "page": page, "attempt": attempt}
    for model, row in expected.items():
        assert found(staff_client, model, term) == [row.pk]


@pytest.mark.parametrize("model", [Document, Job, Page])
def test_a_whole_id_finds_its_row_with_and_without_dashes(staff_client, owner, model):
    make_document(owner)
    key = make_document(owner).pk if model is Document else None
    row = model.objects.get(pk=key) if key else model.objects.first()
    for term in (str(row.pk), row.pk.hex):
        assert found(staff_client, model._meta.model_name, term) == [row.pk]


def test_the_digest_of_a_file_finds_it(staff_client, owner):
    make_document(owner)
    Document.objects.update(sha256="ab" * 32)
    assert found(staff_client, "document", "ab" * 32) == [Document.objects.get().pk]


def test_a_search_that_finds_too_much_shows_the_newest_and_says_so(
    staff_client, owner, monkeypatch
):
    monkeypatch.setattr(rows, "MOST_FOUND", 2)
    newest = [make_document(owner).pk for _ in range(3)][1:]
    answer = staff_client.get(reverse("admin:documents_document_changelist"), {"q": "scan"})
    assert {row.pk for row in answer.context["cl"].result_list} == set(newest)
    assert "newest 2 documents" in " ".join(map(str, get_messages(answer.wsgi_request)))


def test_jobs_of_several_documents_are_found_once(staff_client, owner):
    job = make_job(owner)
    for _ in range(3):
        make_document(owner, job=job)
    assert found(staff_client, "job", "scan") == [job.pk]


def test_a_reason_is_offered_when_something_ended_with_it_and_finds_that(staff_client, owner):
    failed = make_document(owner, state=PageState.FAILED, error_code="damaged")
    make_document(owner)
    address = reverse("admin:documents_page_changelist")
    assert "?error_code=damaged" in staff_client.get(address).content.decode()
    answer = staff_client.get(address, {"error_code": "damaged"})
    assert [row.pk for row in answer.context["cl"].result_list] == [failed.pages.get().pk]


def test_jobs_are_told_apart_by_the_title_of_their_first_document(owner, owner_client):
    first = make_document(owner, title="Rent 2026.pdf")
    second = make_document(owner, title="Annex.pdf", job=first.job)
    Document.objects.filter(pk=second.pk).update(position=1)
    page = owner_client.get(reverse("jobs")).content.decode()
    assert "Rent 2026.pdf</a>" in page
    assert "Annex.pdf" not in page
