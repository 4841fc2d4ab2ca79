"""The queue, one sentence per promise."""

import os
import uuid
from dataclasses import replace
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ

from documents import files
from documents.errors import NotCancellable, NotRetryable
from documents.models import Attempt, Job, JobState, Outcome, Page, PageState, Worker
from documents.queries import job_progress
from documents.services import doorbell, healing, jobs, leases
from documents.services.leases import Ending, Lease
from tests.personas import make_document, make_job

pytestmark = pytest.mark.django_db

ELSEWHERE = "far-away-host:1:1"


def mine() -> str:
    return leases.worker_name()


def lapse(page: Page) -> None:
    Page.objects.filter(pk=page.pk).update(leased_until=timezone.now() - timedelta(seconds=1))


def test_nothing_is_claimed_while_the_disk_is_nearly_full_and_nobody_is_blamed(owner, monkeypatch):
    make_document(owner)
    Page.objects.update(due_at=timezone.now() - timedelta(seconds=60))
    with monkeypatch.context() as patched:
        patched.setattr(files, "has_room", lambda size_bytes=0: False)
        assert leases.claim_next(worker=mine()) is None
        assert not healing.queue_is_silent(), "the cluster is not to be killed for it"
    assert leases.claim_next(worker=mine()) is not None


def test_a_claimed_page_is_leased_and_its_attempt_is_on_record_before_any_work(owner):
    page = make_document(owner).pages.get()

    lease = leases.claim_next(worker=mine())

    page.refresh_from_db()
    attempt = page.history.get()
    assert lease == Lease(page.pk, page.token, 1, "accurate")
    assert (page.state, page.attempts) == (PageState.LEASED, 1)
    assert page.leased_until > timezone.now()
    assert (attempt.number, attempt.outcome, attempt.worker) == (1, Outcome.RUNNING, mine())
    assert page.document.job.state == JobState.RUNNING


def test_nothing_due_means_no_lease(owner):
    assert leases.claim_next(worker=mine()) is None


def test_a_page_is_claimed_once(owner):
    make_document(owner)
    assert leases.claim_next(worker=mine()) is not None
    assert leases.claim_next(worker=mine()) is None


def test_a_page_that_was_claimed_and_given_back_meanwhile_is_not_ours(owner):
    page = make_document(owner).pages.get()
    stale = Page.objects.get(pk=page.pk)
    first = leases.claim_next(worker=mine())
    leases.release(first)

    assert leases._claim(stale, mine()) is None


def test_an_expired_lease_is_taken_back_and_claimed_again_as_a_second_attempt(owner):
    page = make_document(owner).pages.get()
    leases.claim_next(worker=ELSEWHERE)
    lapse(page)

    assert healing.reap() == 1
    second = leases.claim_next(worker=mine())

    page.refresh_from_db()
    assert second.attempt == 2
    assert page.worker_losses == 1
    assert [a.outcome for a in page.history.all()] == [Outcome.WORKER_LOST, Outcome.RUNNING]


def test_a_live_lease_of_another_host_is_left_alone(owner):
    make_document(owner)
    leases.claim_next(worker=ELSEWHERE)
    assert healing.reap() == 0


def test_a_page_whose_worker_on_this_host_is_gone_is_taken_back_at_once(owner):
    make_document(owner)
    leases.claim_next(worker=f"{leases.host_name()}:{os.getpid()}:1")  # our pid, another process
    assert healing.reap() == 1


def test_a_live_worker_of_this_host_keeps_its_page(owner):
    make_document(owner)
    leases.claim_next(worker=mine())
    assert healing.reap() == 0


def test_who_lost_the_lease_writes_nothing(owner):
    page = make_document(owner).pages.get()
    late = leases.claim_next(worker=ELSEWHERE)
    lapse(page)
    healing.reap()
    current = leases.claim_next(worker=mine())

    assert not leases.extend_lease(late)
    assert not leases.settle(late, state=PageState.DONE, outcome=Outcome.DONE)
    leases.fail_page(late, code="damaged", params={})
    leases.count_child_death(late, code="out_of_memory")
    leases.cancel_page(late)

    page.refresh_from_db()
    assert (page.state, page.token, page.child_deaths) == (PageState.LEASED, current.token, 0)


@pytest.fixture
def impatient(settings):
    """Pages that went wrong come back at once."""
    settings.OCR_JOB_LIMITS = replace(settings.OCR_JOB_LIMITS, backoff_seconds=0)


def wait_of(page: Page) -> float:
    """Seconds until it is due; 0 when it is."""
    page.refresh_from_db()
    return max(0.0, (page.due_at - timezone.now()).total_seconds())


def test_a_page_that_ended_its_child_waits_longer_each_time(owner):
    page = make_document(owner).pages.get()
    waits = []
    for _ in range(2):
        leases.count_child_death(leases.claim_next(worker=mine()), code="engine_timeout")
        waits.append(wait_of(page))
        assert leases.claim_next(worker=mine()) is None
        Page.objects.update(due_at=timezone.now())
    assert [round(wait) for wait in waits] == [2, 8]


def test_a_page_whose_worker_vanished_is_read_again_at_once_and_later_with_patience(owner):
    page = make_document(owner).pages.get()
    waits = []
    for _ in range(4):
        leases.claim_next(worker=ELSEWHERE)
        lapse(page)
        healing.reap()
        waits.append(round(wait_of(page)))
        Page.objects.update(due_at=timezone.now())
    assert waits == [0, 0, 2, 8]


def test_what_a_vanished_worker_had_in_hand_goes_before_what_waits(owner):
    first, *_ = make_document(owner, pages=3).pages.order_by("index")
    for _ in range(3):
        assert leases.claim_next(worker=ELSEWHERE).page_id == first.pk
        lapse(first)
        healing.reap()
        Page.objects.filter(pk=first.pk).update(due_at=timezone.now())


def test_a_page_whose_worker_vanishes_too_often_is_set_aside(owner, settings, impatient):
    page = make_document(owner).pages.get()
    for _ in range(settings.OCR_JOB_LIMITS.worker_losses):
        leases.claim_next(worker=ELSEWHERE)
        lapse(page)
        healing.reap()

    page.refresh_from_db()
    assert (page.state, page.error_code) == (PageState.QUARANTINED, "worker_lost")
    assert page.attempts == settings.OCR_JOB_LIMITS.worker_losses


@pytest.mark.parametrize(
    ("code", "expected"),
    [("out_of_memory", [0, 1, 3]), ("engine_timeout", [0, 2, 3]), ("page_memory", [0, 2, 3])],
)
def test_a_page_that_kills_its_child_comes_back_with_less_care_and_is_set_aside_after_three(
    owner, impatient, code, expected
):
    page = make_document(owner).pages.get()
    rungs = []
    for _ in range(3):
        lease = leases.claim_next(worker=mine())
        rungs.append(Attempt.objects.get(page=page, number=lease.attempt).rung)
        leases.count_child_death(lease, code=code, ending=Ending("killed", 7, -9))

    page.refresh_from_db()
    assert rungs == expected
    assert (page.state, page.error_code) == (PageState.QUARANTINED, code)
    assert {(a.detail, a.peak_memory, a.exit_status) for a in page.history.all()} == {
        ("killed", 7, -9)
    }
    assert page.document.job.state == JobState.FAILED


def test_a_job_is_done_when_every_page_is_settled_and_one_was_read(owner):
    document = make_document(owner, pages=2)
    leases.settle(leases.claim_next(worker=mine()), state=PageState.DONE, outcome=Outcome.DONE)
    assert Job.objects.get().state == JobState.RUNNING

    leases.fail_page(leases.claim_next(worker=mine()), code="damaged", params={"page": 2})

    job = Job.objects.get()
    progress = job_progress(job)
    assert job.state == JobState.DONE
    assert job.finished_at is not None
    assert (progress.pages_done, progress.pages_failed, progress.pages_open) == (1, 1, 0)
    assert "page 2" in progress.documents[0].failures[0].problem.sentence
    assert progress.documents[0].id == document.id


def test_a_job_is_watched_in_few_queries_however_many_documents_it_has(
    owner, owner_client, django_assert_max_num_queries
):
    job = make_job(owner)
    for _ in range(5):
        make_document(owner, pages=3, job=job)
    make_document(owner, job=job, state=PageState.FAILED, error_code="damaged")
    with django_assert_max_num_queries(6):
        answer = owner_client.get(reverse("job-progress", args=[job.pk])).json()
    assert (answer["pages_open"], answer["pages_failed"]) == (15, 1)
    assert ["failed"] in [document["states"] for document in answer["documents"]]


def test_pages_ahead_are_those_of_anybody_due_before_the_first_that_waits(owner, stranger):
    make_document(stranger, pages=2)
    job = make_document(owner, pages=2).job
    make_document(stranger, pages=2)
    assert job_progress(job).ahead == 2
    Page.objects.filter(document__job=job, index=0).update(state=PageState.LEASED)
    assert job_progress(job).ahead == 0


def test_cancelling_stops_what_waits_at_once_and_asks_what_runs_to_stop(owner):
    document = make_document(owner, pages=3)
    lease = leases.claim_next(worker=mine())

    jobs.cancel_job(document.job)

    assert leases.is_cancelled(lease)
    assert document.pages.filter(state=PageState.CANCELLED).count() == 2
    leases.cancel_page(lease)
    assert Job.objects.get().state == JobState.CANCELLED


def test_a_finished_job_cannot_be_cancelled(owner):
    job = make_job(owner, state=JobState.DONE)
    with pytest.raises(NotCancellable):
        jobs.cancel_job(job)


def test_pages_of_a_cancelled_job_are_not_claimed(owner):
    document = make_document(owner, pages=2)
    Job.objects.update(cancel_requested_at=timezone.now())
    assert document.pages.filter(state=PageState.PENDING).count() == 2
    assert leases.claim_next(worker=mine()) is None


def test_retrying_a_job_puts_back_only_the_pages_without_a_result(owner):
    document = make_document(owner, pages=3)
    leases.settle(leases.claim_next(worker=mine()), state=PageState.DONE, outcome=Outcome.DONE)
    leases.fail_page(leases.claim_next(worker=mine()), code="damaged", params={"page": 2})
    jobs.cancel_job(Job.objects.get())

    assert jobs.retry_job(Job.objects.get()) == 2

    assert [p.state for p in document.pages.all()] == ["done", "pending", "pending"]
    assert Job.objects.get().state == JobState.QUEUED
    assert leases.claim_next(worker=mine()) is not None


def test_a_retried_page_has_its_full_number_of_tries_and_full_care_again(owner, impatient):
    page = make_document(owner).pages.get()
    for _ in range(3):
        leases.count_child_death(leases.claim_next(worker=mine()), code="engine_crashed")
    page.refresh_from_db()

    jobs.retry_page(page)

    page.refresh_from_db()
    assert (page.child_deaths, page.error_code, page.state) == (0, "", PageState.PENDING)
    assert page.rung == 0


def test_an_open_job_or_a_page_that_is_done_cannot_be_retried(owner):
    document = make_document(owner)
    with pytest.raises(NotRetryable):
        jobs.retry_job(document.job)
    Page.objects.update(state=PageState.DONE)
    with pytest.raises(NotRetryable):
        jobs.retry_page(document.pages.get())


def test_a_worker_that_we_stop_ourselves_hands_its_page_back_at_nobodys_cost(owner):
    page = make_document(owner).pages.get()
    leases.claim_next(worker=mine())

    assert healing.release_leases_of_host() == 1

    page.refresh_from_db()
    assert (page.state, page.worker_losses, page.child_deaths) == (PageState.PENDING, 0, 0)
    assert page.history.get().outcome == Outcome.RELEASED
    assert not Worker.objects.exists()


def test_no_more_doorbells_are_rung_than_there_are_workers(owner, settings):
    settings.OCR_WORKERS = 2
    doorbell.ring(50)
    doorbell.ring(50)
    assert OrmQ.objects.count() == 2


def test_a_doorbell_that_was_answered_does_not_stop_the_next_one(owner, settings):
    settings.OCR_WORKERS = 1
    doorbell.ring()
    OrmQ.objects.update(lock=timezone.now() + timedelta(minutes=5))  # as a taken message is

    doorbell.ring()

    assert OrmQ.objects.count() == 2


def test_the_queue_is_silent_when_a_page_is_long_due_and_nobody_claims_or_beats(owner):
    page = make_document(owner).pages.get()
    assert not healing.queue_is_silent(), "it has only just come"

    Page.objects.filter(pk=page.pk).update(due_at=timezone.now() - timedelta(seconds=20))
    assert healing.queue_is_silent()

    leases.beat(mine())
    assert not healing.queue_is_silent(), "somebody is alive"


def test_an_empty_queue_is_never_silent(owner):
    assert not healing.queue_is_silent()


def test_a_lost_doorbell_is_rung_again_within_seconds(owner):
    make_document(owner)
    healing.nudge()
    assert not OrmQ.objects.exists(), "a worker may be about to claim it"
    Page.objects.update(due_at=timezone.now() - timedelta(seconds=3))
    healing.nudge()
    assert OrmQ.objects.count() == 1


def test_nobody_is_woken_while_pages_are_being_claimed(owner):
    make_document(owner, pages=2)
    Page.objects.update(due_at=timezone.now() - timedelta(seconds=30))
    leases.claim_next(worker=mine())
    healing.nudge()
    assert not OrmQ.objects.exists()


def test_the_tick_rings_for_pages_whose_doorbell_was_lost(owner):
    make_document(owner)
    healing.tick()
    assert OrmQ.objects.count() == 1


def test_a_cancelled_job_whose_worker_vanished_is_closed(owner):
    page = make_document(owner).pages.get()
    leases.claim_next(worker=ELSEWHERE)
    jobs.cancel_job(Job.objects.get())
    lapse(page)

    healing.reap()

    assert Job.objects.get().state == JobState.CANCELLED


def test_a_lease_is_nothing_without_its_token(owner):
    page = make_document(owner).pages.get()
    leases.claim_next(worker=mine())
    forged = Lease(page.pk, uuid.uuid4(), 1)
    assert not leases.extend_lease(forged)
