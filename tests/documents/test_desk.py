"""What one worker has in hand: taken as there is room, looked after, and never left behind."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from documents import files, worker
from documents.models import Job, JobState, Page, PageState
from documents.services import jobs, leases
from documents.services.desk import Desk
from documents.services.uploads import accept_upload
from tests.conftest import png_of
from tests.fake_reader import AtOnce, FakeReader, Never

pytestmark = pytest.mark.django_db(transaction=True)
ME = "here:1:1"


@pytest.fixture
def four_pages(owner, upload_of):
    accept_upload(owner=owner, uploaded=[upload_of(f"{n}.png", png_of(n)) for n in range(4)])
    return Page.objects


class ManyAtOnce(FakeReader):
    """Takes three pages at a time, and answers none before it has them all."""

    pages = 3

    def __init__(self):
        super().__init__()
        self.meeting = Barrier(3)

    def read_page(self, image, **options):
        self.meeting.wait(30)
        return super().read_page(image, **options)


def stop_of(submitted):
    """What a page's reading asks to know whether to stop."""
    return submitted[-1]


def test_as_many_pages_are_read_side_by_side_as_the_engine_takes(four_pages):
    reader = ManyAtOnce()
    with Desk(ME, lambda bundle: reader, ThreadPoolExecutor(3)) as desk:
        while desk.room:
            desk.take(leases.claim_next(worker=ME))
        assert len(desk) == 3
        desk.finish()
    assert four_pages.filter(state=PageState.DONE).count() == 3


def test_a_page_of_another_bundle_waits_until_the_first_bundles_pages_are_read(four_pages):
    Job.objects.update(bundle="accurate")
    first = leases.claim_next(worker=ME)
    Job.objects.update(bundle="fast")
    second = leases.claim_next(worker=ME)
    asked, threads = [], Never()

    def reader_for(bundle):
        asked.append(bundle)
        reader = FakeReader()
        reader.pages = 3
        return reader

    with Desk(ME, reader_for, threads) as desk:
        desk.take(first)
        desk.take(second)
        assert asked == ["accurate"]
        assert desk.room == 0
        desk._in_hand[0].reading.set_exception(OSError("read at last"))
        desk.attend(0)
        assert asked == ["accurate", "fast"]


def test_a_cancelled_page_is_told_to_stop(four_pages):
    threads = Never()
    with Desk(ME, lambda bundle: FakeReader(), threads) as desk:
        desk.take(leases.claim_next(worker=ME))
        desk.attend(0)
        assert not stop_of(threads.given[0])()
        jobs.cancel_job(Job.objects.get())
        desk.attend(0)
        assert stop_of(threads.given[0])()


def test_a_page_whose_lease_was_lost_is_told_to_stop(four_pages):
    threads = Never()
    with Desk(ME, lambda bundle: FakeReader(), threads) as desk:
        lease = leases.claim_next(worker=ME)
        desk.take(lease)
        leases.release(lease)
        desk.attend(0)
        assert stop_of(threads.given[0])()


def test_a_worker_that_is_stopped_gives_its_pages_back_unread_and_at_nobodys_cost(four_pages):
    threads = Never()
    with Desk(ME, lambda bundle: FakeReader(), threads) as desk:
        desk.take(leases.claim_next(worker=ME))
    assert stop_of(threads.given[0])()
    assert four_pages.filter(state=PageState.PENDING, child_deaths=0, worker_losses=0).count() == 4
    assert files.work_folders() == set()


def test_a_page_deleted_since_it_was_claimed_is_forgotten(four_pages):
    lease = leases.claim_next(worker=ME)
    Page.objects.all().delete()
    with Desk(ME, lambda bundle: FakeReader(), AtOnce()) as desk:
        desk.take(lease)
        assert len(desk) == 0


def test_no_page_is_taken_ahead_that_another_worker_could_begin(four_pages, settings):
    settings.OCR_WORKERS = 4
    assert worker._is_plenty()
    leases.claim_next(worker=ME)
    assert not worker._is_plenty()


def test_a_drained_queue_leaves_every_page_read_and_its_job_done(four_pages, monkeypatch):
    reader = FakeReader()
    monkeypatch.setattr(worker, "engine_for", lambda bundle: reader)
    worker.drain()
    assert four_pages.filter(state=PageState.DONE).count() == 4
    assert Job.objects.get().state == JobState.DONE
