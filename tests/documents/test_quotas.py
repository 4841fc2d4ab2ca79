"""Quotas: whose figure counts, what is reserved, what is charged, what comes back."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import date, timedelta
from threading import Barrier

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.urls import reverse
from django.utils import timezone

from documents import files
from documents.errors import PagesUsedUp, StorageFull, TooManyJobs
from documents.limits import UserLimits
from documents.models import (
    Document,
    GroupLimits,
    JobState,
    LedgerEntry,
    Outcome,
    Page,
    PageState,
    Usage,
)
from documents.queries import limits_of, usage_of
from documents.services import jobs, leases, quotas
from documents.services.retention import delete_document, trash_document
from documents.services.uploads import accept_upload
from tests.conftest import png_of
from tests.personas import make_document, make_job, make_user

pytestmark = pytest.mark.django_db


def queued(owner, pages: int = 1):
    """A document whose pages are reserved, as an upload leaves it."""
    document = make_document(owner, pages=pages)
    quotas.reserve_pages(owner=owner, pages=pages, about=document.pk)
    return document


def settle(state: PageState, outcome: Outcome) -> None:
    lease = leases.claim_next(worker=leases.worker_name())
    with transaction.atomic():
        leases.settle(lease, state=state, outcome=outcome)


def pages(owner) -> tuple[int, int]:
    usage = Usage.objects.get(owner=owner)
    return usage.pages_reserved, usage.pages_used


@pytest.fixture(autouse=True)
def the_ledger_adds_up(db):
    """Whatever a test does: the balance is the sum of its entries."""
    yield
    for usage in Usage.objects.all():
        entries = quotas.entries_of(usage.owner_id)
        assert {name: getattr(usage, name) for name in quotas.FIGURES} == asdict(entries)


# --- Whose figure counts -----------------------------------------------------------------------


def test_the_sites_figures_hold_where_nothing_else_is_said(owner, settings):
    settings.OCR_USER_LIMITS = UserLimits(pages_per_month=7)
    assert limits_of(owner) == UserLimits(pages_per_month=7)


def test_of_several_groups_the_highest_figure_counts(owner):
    for name, figure in (("small", 10), ("large", 90), ("silent", None)):
        group = Group.objects.create(name=name)
        GroupLimits.objects.create(group=group, pages_per_month=figure)
        owner.groups.add(group)
    assert limits_of(owner).pages_per_month == 90
    assert limits_of(owner).open_jobs == UserLimits.open_jobs


def test_a_persons_own_figure_goes_before_their_groups(owner):
    group = Group.objects.create(name="large")
    GroupLimits.objects.create(group=group, pages_per_month=90)
    owner.groups.add(group)
    Usage.objects.create(owner=owner, pages_per_month=0)
    assert limits_of(owner).pages_per_month == 0


def test_nobody_may_send_more_files_than_a_request_may_carry(owner, settings):
    Usage.objects.create(owner=owner, files_per_batch=5000)
    assert limits_of(owner).files_per_batch == settings.OCR_UPLOAD_LIMITS.files_per_request


# --- Pages -------------------------------------------------------------------------------------


def test_a_page_is_reserved_until_it_was_read_and_charged_then(owner):
    queued(owner)
    assert pages(owner) == (1, 0)
    settle(PageState.DONE, Outcome.DONE)
    assert pages(owner) == (0, 1)


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        (PageState.FAILED, Outcome.FAILED),
        (PageState.QUARANTINED, Outcome.CHILD_DIED),
        (PageState.CANCELLED, Outcome.CANCELLED),
    ],
)
def test_a_page_that_ends_without_text_is_given_back(owner, state, outcome):
    queued(owner)
    settle(state, outcome)
    assert pages(owner) == (0, 0)


def test_cancelling_gives_back_what_waited(owner):
    document = queued(owner, pages=3)
    settle(PageState.DONE, Outcome.DONE)
    jobs.cancel_job(document.job)
    assert pages(owner) == (0, 1)


def test_deleting_gives_back_what_was_not_read_and_nothing_else(owner):
    document = queued(owner, pages=3)
    settle(PageState.DONE, Outcome.DONE)
    delete_document(document)
    assert pages(owner) == (0, 1)


def test_retrying_claims_the_pages_again(owner):
    document = queued(owner)
    settle(PageState.FAILED, Outcome.FAILED)
    document.job.refresh_from_db()
    jobs.retry_job(document.job)
    assert pages(owner) == (1, 0)


def test_retrying_over_the_limit_changes_nothing(owner):
    document = queued(owner)
    settle(PageState.FAILED, Outcome.FAILED)
    Usage.objects.update(pages_per_month=0)
    job = document.job
    job.refresh_from_db()
    with pytest.raises(PagesUsedUp):
        jobs.retry_job(job)
    job.refresh_from_db()
    assert job.state == JobState.FAILED
    assert Page.objects.get().state == PageState.FAILED


def test_the_count_starts_again_with_the_month(owner, monkeypatch):
    monkeypatch.setattr(quotas, "this_month", lambda: date(2026, 11, 1))
    queued(owner)
    settle(PageState.DONE, Outcome.DONE)
    queued(owner)
    monkeypatch.setattr(quotas, "this_month", lambda: date(2026, 12, 1))
    settle(PageState.DONE, Outcome.DONE)
    assert pages(owner) == (0, 1), "what is read in December counts in December"
    assert Usage.objects.get().month == date(2026, 12, 1)


def test_pages_of_an_old_month_are_not_shown_as_used(owner):
    Usage.objects.create(owner=owner, month=date(2020, 1, 1), pages_used=99)
    LedgerEntry.objects.create(owner=owner, movement="read", pages_used=99)
    assert usage_of(owner).pages_used == 0


# --- Refusals ----------------------------------------------------------------------------------


def test_storage_is_never_promised_twice(owner):
    Usage.objects.create(owner=owner)
    limits = UserLimits(storage_limit_bytes=100)
    sixty_bytes = {"size_bytes": 60, "pages": 1, "document_id": uuid.uuid4()}
    quotas.reserve_file(owner=owner, limits=limits, **sixty_bytes)
    with pytest.raises(StorageFull):
        quotas.reserve_file(owner=owner, limits=limits, **sixty_bytes)
    assert Usage.objects.get().storage_bytes == 60
    assert pages(owner) == (1, 0)


def test_over_the_page_limit_the_sentence_has_the_figure_and_the_date(owner, upload_of):
    Usage.objects.create(owner=owner, pages_per_month=1)
    made = accept_upload(owner=owner, uploaded=[upload_of(f"{n}.png", png_of(n)) for n in (1, 2)])
    (refusal,) = made.refused
    assert [d.title for d in made.documents] == ["1.png"]
    assert refusal.code == "pages_used_up"
    assert "0 of 1 left this month" in refusal.sentence
    assert usage_of(owner).resets_on.isoformat() in refusal.sentence


def test_when_nothing_fits_no_job_is_left(owner, upload_of, png):
    Usage.objects.create(owner=owner, pages_per_month=0)
    made = accept_upload(owner=owner, uploaded=[upload_of("a.png", png)])
    assert made.job is None
    assert not owner.jobs.exists()


def test_with_too_many_jobs_running_nothing_is_taken_in(owner, upload_of, png):
    Usage.objects.create(owner=owner, open_jobs=1)
    make_job(owner)
    with pytest.raises(TooManyJobs):
        accept_upload(owner=owner, uploaded=[upload_of("a.png", png)])
    assert owner.jobs.count() == 1


def test_the_page_says_how_much_is_left(owner, owner_client):
    Usage.objects.create(owner=owner, pages_per_month=214)
    page = owner_client.get(reverse("documents")).content.decode()
    assert "214 pages left this month" in page


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("limit", ["pages_per_month", "open_jobs"])
def test_64_uploads_at_once_into_room_for_10_are_exactly_10(upload_of, limit):
    owner = make_user()
    Usage.objects.create(owner=owner, **{limit: 10})
    files = [upload_of(f"{n}.png", png_of(n)) for n in range(64)]
    ready = Barrier(16)

    def upload(file) -> bool:
        try:
            if file.name in {f"{n}.png" for n in range(16)}:
                ready.wait()
            return accept_upload(owner=owner, uploaded=[file]).job is not None
        except TooManyJobs:
            return False
        finally:
            connection.close()

    with ThreadPoolExecutor(16) as pool:
        accepted = sum(pool.map(upload, files))

    assert accepted == 10
    assert owner.jobs.count() == owner.documents.count() == 10
    assert pages(owner) == (10, 0)
    originals = Document.objects.values_list("size_bytes", flat=True)
    assert Usage.objects.get().storage_bytes == sum(originals)
    assert [*quotas.find_drift()] == []


# --- The ledger --------------------------------------------------------------------------------


def test_a_documents_whole_life_leaves_a_balance_that_a_recount_finds_too(owner, upload_of):
    made = accept_upload(owner=owner, uploaded=[upload_of("a.png", png_of(1))])
    assert [*quotas.find_drift()] == []
    settle(PageState.DONE, Outcome.DONE)
    Page.objects.update(view_bytes=500)
    quotas.change_view_storage(owner=owner, by_bytes=500, page_id=Page.objects.get().pk)
    assert [*quotas.find_drift()] == []
    delete_document(made.documents[0])
    assert [*quotas.find_drift()] == []
    movements = LedgerEntry.objects.order_by("pk").values_list("movement", flat=True)
    assert list(movements) == ["stored", "read", "view", "freed"]
    assert pages(owner) == (0, 1), "what was read stays read"


def test_a_balance_that_is_wrong_is_found_and_corrected(owner, upload_of):
    accept_upload(owner=owner, uploaded=[upload_of("a.png", png_of(1))])
    right = Usage.objects.get()
    Usage.objects.update(storage_bytes=7, pages_reserved=-3)

    (drift,) = quotas.find_drift()
    assert (drift.balance.storage_bytes, drift.recounted.pages_reserved) == (7, 1)
    quotas.correct(drift)

    assert [*quotas.find_drift()] == []
    assert Usage.objects.get().storage_bytes == right.storage_bytes


def test_entries_of_months_long_past_become_one(owner, upload_of):
    for number in (1, 2, 3):
        accept_upload(owner=owner, uploaded=[upload_of(f"{number}.png", png_of(number))])
    before = quotas.entries_of(owner.pk)
    newest = LedgerEntry.objects.first()
    LedgerEntry.objects.exclude(pk=newest.pk).update(at=timezone.now() - timedelta(days=70))

    assert quotas.carry_forward() == 1
    assert quotas.carry_forward() == 0

    assert quotas.entries_of(owner.pk) == before
    assert sorted(LedgerEntry.objects.values_list("movement", flat=True)) == ["carried", "stored"]


# --- The same bytes again ----------------------------------------------------------------------


def stored_files() -> int:
    return len([p for p in files.path_of("originals").rglob("*") if p.is_file()])


def test_the_same_bytes_again_are_not_read_again_but_named(owner, upload_of):
    (first,) = accept_upload(owner=owner, uploaded=[upload_of("a.png", png_of(1))]).documents
    again = accept_upload(owner=owner, uploaded=[upload_of("b.png", png_of(1))])

    assert again.job is None
    assert [(known.name, known.document) for known in again.known] == [("b.png", first)]
    assert (stored_files(), Page.objects.count(), pages(owner)) == (1, 1, (1, 0))
    assert [*quotas.find_drift()] == []


def test_the_same_bytes_twice_in_one_upload_are_one_document(owner, upload_of):
    uploaded = [upload_of(name, png_of(1)) for name in ("a.png", "b.png")]
    made = accept_upload(owner=owner, uploaded=uploaded)
    assert [d.title for d in made.documents] == ["a.png"]
    assert [known.name for known in made.known] == ["b.png"]


@pytest.mark.django_db(transaction=True)
def test_asked_to_be_read_in_another_way_they_are_read_and_stored_once(owner, upload_of):
    (first,) = accept_upload(owner=owner, uploaded=[upload_of("a.png", png_of(1))]).documents
    (other,) = accept_upload(
        owner=owner, uploaded=[upload_of("a.png", png_of(1))], bundle="fast"
    ).documents

    assert first.original_name == other.original_name
    assert (stored_files(), Usage.objects.get().storage_bytes) == (1, first.size_bytes)
    delete_document(first)
    assert (stored_files(), Usage.objects.get().storage_bytes) == (1, first.size_bytes)
    assert [*quotas.find_drift()] == []
    delete_document(other)
    assert (stored_files(), Usage.objects.get().storage_bytes) == (0, 0)


def test_what_lies_in_the_trash_or_has_no_text_is_not_offered(owner, upload_of):
    (first,) = accept_upload(owner=owner, uploaded=[upload_of("a.png", png_of(1))]).documents
    settle(PageState.FAILED, Outcome.FAILED)
    (second,) = accept_upload(owner=owner, uploaded=[upload_of("a.png", png_of(1))]).documents
    trash_document(second)
    (third,) = accept_upload(owner=owner, uploaded=[upload_of("a.png", png_of(1))]).documents
    assert len({first.pk, second.pk, third.pk}) == 3
    assert stored_files() == 1
    assert [*quotas.find_drift()] == []


def test_nobody_learns_what_others_have(owner, stranger, upload_of):
    accept_upload(owner=owner, uploaded=[upload_of("a.png", png_of(1))])
    theirs = accept_upload(owner=stranger, uploaded=[upload_of("a.png", png_of(1))])
    assert theirs.known == ()
    assert stored_files() == 2


@pytest.mark.django_db(transaction=True)
def test_the_same_file_many_times_at_once_is_one_document(upload_of):
    owner = make_user()
    uploads = [upload_of(f"{n}.png", png_of(1)) for n in range(16)]
    ready = Barrier(8)

    def upload(file) -> int:
        try:
            ready.wait(30)
            return len(accept_upload(owner=owner, uploaded=[file]).documents)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(upload, uploads))

    assert sum(made) == Page.objects.count() == stored_files() == 1
    assert [*quotas.find_drift()] == []
