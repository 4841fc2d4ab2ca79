"""Quotas: whose figure counts, what is reserved, what is charged, what comes back."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Barrier

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.urls import reverse

from documents.errors import PagesUsedUp, StorageFull, TooManyJobs
from documents.limits import UserLimits
from documents.models import GroupLimits, JobState, Outcome, Page, PageState, Usage
from documents.queries import limits_of, usage_of
from documents.services import jobs, leases, quotas
from documents.services.retention import delete_document
from documents.services.uploads import accept_upload
from tests.personas import make_document, make_job, make_user

pytestmark = pytest.mark.django_db


def queued(owner, pages: int = 1):
    """A document whose pages are reserved, as an upload leaves it."""
    document = make_document(owner, pages=pages)
    quotas.reserve_pages(owner=owner, pages=pages)
    return document


def settle(state: PageState, outcome: Outcome) -> None:
    lease = leases.claim_next(worker=leases.worker_name())
    with transaction.atomic():
        leases.settle(lease, state=state, outcome=outcome)


def pages(owner) -> tuple[int, int]:
    usage = Usage.objects.get(owner=owner)
    return usage.pages_reserved, usage.pages_used


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
    assert usage_of(owner).pages_used == 0


# --- Refusals ----------------------------------------------------------------------------------


def test_storage_is_never_promised_twice(owner):
    Usage.objects.create(owner=owner)
    limits = UserLimits(storage_limit_bytes=100)
    quotas.reserve_file(owner=owner, limits=limits, size_bytes=60, pages=1)
    with pytest.raises(StorageFull):
        quotas.reserve_file(owner=owner, limits=limits, size_bytes=60, pages=1)
    assert Usage.objects.get().storage_bytes == 60
    assert pages(owner) == (1, 0)


def test_over_the_page_limit_the_sentence_has_the_figure_and_the_date(owner, upload_of, png):
    Usage.objects.create(owner=owner, pages_per_month=1)
    made = accept_upload(owner=owner, uploaded=[upload_of(n, png) for n in ("a.png", "b.png")])
    (refusal,) = made.refused
    assert [d.title for d in made.documents] == ["a.png"]
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
def test_64_uploads_at_once_into_room_for_10_are_exactly_10(upload_of, png, limit):
    owner = make_user()
    Usage.objects.create(owner=owner, **{limit: 10})
    files = [upload_of(f"{n}.png", png) for n in range(64)]
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
    assert Usage.objects.get().storage_bytes == 10 * len(png)
