"""Whose page is read next, and what finding that out costs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection

from documents.models import Document, Job, JobState, Page
from documents.services import jobs, leases, turns
from ocrengine import LOW_MEMORY
from tests.personas import make_document, make_job, make_user

pytestmark = pytest.mark.django_db

ELSEWHERE = "far-away-host:1:1"


def mine() -> str:
    return leases.worker_name()


def claimed() -> Page:
    lease = leases.claim_next(worker=ELSEWHERE)
    assert lease is not None
    return Page.objects.get(pk=lease.page_id)


def test_users_take_turns_however_many_pages_one_of_them_has(owner):
    hog, light = owner, make_user("bob")
    make_document(hog, pages=20)
    make_document(light, pages=2)

    served = [claimed().document.owner for _ in range(4)]

    assert served == [hog, light, hog, light]


def test_pages_of_one_document_are_read_in_order(owner):
    make_document(owner, pages=3)
    assert [claimed().index for _ in range(3)] == [0, 1, 2]


def test_a_page_too_large_to_share_the_memory_waits_until_it_is_alone(owner, settings):
    big = turns.memory_for_pages()
    make_document(owner, forecast_bytes=big)
    make_document(owner, forecast_bytes=big)

    first = leases.claim_next(worker=mine())

    assert leases.claim_next(worker=mine()) is None
    leases.fail_page(first, code="damaged", params={"page": 1})
    assert leases.claim_next(worker=mine()) is not None


def test_what_engine_children_need_for_themselves_is_not_there_for_pages(settings):
    settings.OCR_PROFILE = LOW_MEMORY
    with_one_child = turns.memory_for_pages()
    settings.OCR_PROFILE = LOW_MEMORY.override(workers=2)
    assert 0 < turns.memory_for_pages() < with_one_child
    settings.OCR_PROFILE = LOW_MEMORY.override(workers=1000)
    assert turns.memory_for_pages() == 0


def test_a_page_of_any_size_is_read_when_it_is_alone(owner):
    make_document(owner, forecast_bytes=10 * turns.memory_for_pages())
    assert leases.claim_next(worker=mine()) is not None


def test_the_highest_priority_goes_first_whosever_turn_it_is(owner):
    make_document(owner)
    urgent = make_document(owner, job=make_job(owner, priority=5))
    make_document(make_user("bob"))

    assert claimed().document == urgent


def test_a_job_that_was_begun_is_finished_first_and_its_documents_in_their_order(owner):
    begun = make_job(owner)
    later = make_document(owner, job=begun, pages=2)
    Document.objects.filter(pk=later.pk).update(position=1)
    first = make_document(owner, job=begun)
    newer = make_document(owner)

    assert [claimed().document for _ in range(4)] == [first, later, later, newer]


def test_what_a_vanished_worker_had_in_hand_goes_before_the_rest_of_its_owner(owner):
    make_document(owner, pages=3)
    taken_back = make_document(owner).pages.get()
    Page.objects.filter(pk=taken_back.pk).update(worker_losses=1)

    assert claimed() == taken_back


def test_pages_of_somebody_whose_job_has_nothing_due_do_not_hold_up_the_others(owner):
    waiting, other = make_document(owner), make_document(make_user("bob"))
    Page.objects.filter(document=waiting).update(due_at="2100-01-01T00:00:00Z")

    assert claimed().document == other
    assert leases.claim_next(worker=ELSEWHERE) is None


def test_a_job_whose_pages_were_put_back_while_it_was_being_closed_stays_open(owner):
    job = make_document(owner).job

    jobs._close(job.pk)

    job.refresh_from_db()
    assert job.state == JobState.QUEUED
    assert claimed().document.job == job


@contextmanager
def counting_steps() -> Iterator[list[int]]:
    """What the database does meanwhile: hundreds of SQLite's instructions, or PostgreSQL's rows."""
    steps = [0]
    if connection.vendor == "postgresql":
        before = rows_looked_at()
        yield steps
        steps[0] = rows_looked_at() - before
        return

    def count() -> None:
        steps[0] += 1

    connection.ensure_connection()
    connection.connection.set_progress_handler(count, 100)
    yield steps
    connection.connection.set_progress_handler(None, 100)


def rows_looked_at() -> int:
    """In this transaction, by PostgreSQL's own books."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables"
        )
        return int(cursor.fetchone()[0])


@pytest.mark.parametrize("shape", ["long documents", "many documents", "many jobs"])
def test_finding_the_next_page_costs_the_same_however_many_wait(owner, shape):
    def steps_of_a_claim() -> int:
        with counting_steps() as steps:
            claimed()
        return steps[0]

    make_document(owner, pages=3)
    for _ in range(2):
        few = steps_of_a_claim()
    make_many(owner, shape)

    # Open jobs are counted in an index, one entry each; pages never are.
    assert steps_of_a_claim() < 3 * few + 50 + Job.objects.count()


def make_many(owner: object, shape: str) -> None:
    """Three thousand pages."""
    if shape == "long documents":
        for _ in range(6):
            make_document(owner, pages=500)
    elif shape == "many documents":
        job = make_job(owner)
        for _ in range(300):
            make_document(owner, job=job, pages=10)
    else:
        Job.objects.bulk_create(Job(owner=owner, bundle="accurate") for _ in range(600))
        for job in Job.objects.filter(owner=owner, documents=None):
            make_document(owner, job=job, pages=5)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")  # as it does by itself
