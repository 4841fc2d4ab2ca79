"""One leased page in; its text, or its reason, out. Real decoder children, stand-in engine."""

import errno
from dataclasses import replace

import pytest
from django.db import DataError, IntegrityError, OperationalError
from django.utils import timezone

from documents import files
from documents.exporters import plain_text
from documents.models import Attempt, Document, Job, JobState, Page, PageState, Usage
from documents.services import healing, jobs, leases, recognition
from documents.services.retention import delete_document
from documents.services.uploads import accept_upload
from ocrengine.errors import BundleError, Cancelled, EngineCrashed, EngineTimeout, OutOfMemory
from tests.fake_reader import FakeReader, read_leased
from tests.ocrengine import hostile

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def document(owner, upload_of, png) -> Document:
    accept_upload(owner=owner, uploaded=[upload_of("scan.png", png)])
    return Document.objects.get()


def read_next(reader: FakeReader) -> Page:
    worker = leases.worker_name()
    lease = leases.claim_next(worker=worker)
    read_leased(lease, reader, worker)
    return Page.objects.filter(pk=lease.page_id).first()


def work_folders() -> list[str]:
    root = files.incoming_dir().parent / "work"
    return [p.name for p in root.iterdir()] if root.exists() else []


def test_a_page_that_was_read_has_its_lines_its_receipt_and_its_view(document):
    page = read_next(FakeReader(["Hello", "World"]))

    assert page.state == PageState.DONE
    assert [(x.order, x.text, x.machine_text) for x in page.lines.all()] == [
        (0, "Hello", "Hello"),
        (1, "World", "World"),
    ]
    assert page.lines.first().revisions.get().source == "machine"
    assert page.confidence == pytest.approx(0.9)
    assert page.receipt["bundle"] == "fake"
    assert set(page.receipt["seconds"]) == {"decode", "read"}
    assert files.path_of(page.view_name).stat().st_size == page.view_bytes > 0
    assert Attempt.objects.get().outcome == "done"
    assert Job.objects.get().state == JobState.DONE


def test_the_view_image_counts_as_storage_of_its_owner(document, owner):
    page = read_next(FakeReader())
    assert Usage.objects.get().storage_bytes == document.size_bytes + page.view_bytes
    delete_document(document)
    assert Usage.objects.get().storage_bytes == 0


def test_nothing_of_a_page_stays_in_the_work_folder(document):
    read_next(FakeReader())
    assert work_folders() == []


@pytest.fixture
def impatient(settings):
    """Pages that went wrong come back at once."""
    settings.OCR_JOB_LIMITS = replace(settings.OCR_JOB_LIMITS, backoff_seconds=0)


@pytest.mark.parametrize("error", [OutOfMemory(), EngineCrashed()])
def test_after_a_death_for_memory_a_page_is_looked_at_in_smaller_tiles_at_full_size(
    document, impatient, error, settings
):
    reader = FakeReader(errors=[error])
    page = read_next(reader)
    assert (page.state, page.child_deaths, page.rung) == (PageState.PENDING, 1, 1)

    page = read_next(reader)

    assert page.state == PageState.DONE
    assert reader.tile_sides == [None, settings.OCR_PROFILE.tile_side // 2]
    assert reader.alone == [False, True], "no other page may suffer from it again"
    assert not page.was_reduced
    assert (page.receipt["attempts"], page.receipt["rung"]) == (2, 1)
    assert work_folders() == []


def test_after_time_ran_out_a_page_is_read_at_half_its_pixels_and_says_so(document, impatient):
    reader = FakeReader(errors=[EngineTimeout()])
    read_next(reader)
    page = read_next(reader)

    assert page.receipt["working_size"][0] * page.receipt["working_size"][1] <= 320 * 200 / 2
    assert (page.width, page.height) == (320, 200)
    assert page.was_reduced
    assert "fewer pixels" in "".join(plain_text(document))


def test_the_last_try_is_made_with_the_lighter_bundle_and_says_so(document, impatient):
    reader = FakeReader(errors=[OutOfMemory(), OutOfMemory()])
    read_next(reader)
    read_next(reader)
    lease = leases.claim_next(worker=leases.worker_name())
    assert lease.bundle == "fast"
    read_leased(lease, reader, leases.worker_name())

    page = Page.objects.get()
    assert (page.state, page.receipt["rung"]) == (PageState.DONE, 3)
    assert "lighter_bundle" in page.notes
    assert "lighter model" in "".join(plain_text(document))


def test_a_try_says_how_its_child_ended(document):
    error = EngineCrashed("ended with status -11")
    error.exit_status = -11
    page = read_next(FakeReader(errors=[error]))
    attempt = page.history.get()
    assert (attempt.exit_status, attempt.peak_memory) == (-11, FakeReader.peak_memory)


def test_a_page_is_not_blamed_for_a_full_disk_and_is_read_when_there_is_room(document, monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(files, "keep", full)
        page = read_next(FakeReader())
    assert (page.state, page.child_deaths, page.worker_losses) == (PageState.PENDING, 0, 0)

    Page.objects.update(due_at=timezone.now())
    assert read_next(FakeReader()).state == PageState.DONE


def test_a_page_is_not_blamed_for_a_database_that_is_away(document, monkeypatch):
    def away(*_: object, **__: object) -> None:
        raise OperationalError("connection lost")

    monkeypatch.setattr(recognition, "_store", away)
    with pytest.raises(OperationalError):
        read_next(FakeReader())

    page = Page.objects.get()
    assert (page.state, page.child_deaths, page.worker_losses) == (PageState.PENDING, 0, 0)
    assert work_folders() == []


@pytest.mark.parametrize("error", [DataError("too long"), IntegrityError("not unique")])
def test_a_result_that_the_database_will_never_take_does_not_loop_for_ever(
    document, monkeypatch, impatient, error
):
    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(recognition, "_store", refuse)
    for _ in range(3):
        page = read_next(FakeReader())
    assert (page.state, page.error_code) == (PageState.QUARANTINED, "internal_error")


def test_a_page_that_always_kills_its_child_is_set_aside_with_the_code_of_the_last_death(
    document, impatient
):
    reader = FakeReader(errors=[EngineCrashed(), EngineCrashed(), OutOfMemory()])
    for _ in range(3):
        page = read_next(reader)

    assert (page.state, page.error_code) == (PageState.QUARANTINED, "out_of_memory")
    assert [a.error_code for a in page.history.all()] == [
        "engine_crashed",
        "engine_crashed",
        "out_of_memory",
    ]


def test_a_bug_of_ours_does_not_loop_for_ever(document, impatient):
    reader = FakeReader(errors=[KeyError("x"), KeyError("x"), KeyError("x")])
    for _ in range(3):
        page = read_next(reader)
    assert (page.state, page.error_code) == (PageState.QUARANTINED, "internal_error")


def test_pages_wait_while_the_models_are_missing(document):
    page = read_next(FakeReader(errors=[BundleError("detector: wrong hash")]))

    assert (page.state, page.child_deaths) == (PageState.PENDING, 0)
    assert "wrong hash" in page.history.get().detail
    assert leases.claim_next(worker="other:1:1") is None, "it is tried again later, not at once"


def test_damage_that_shows_only_when_decoding_is_a_failed_page_with_its_reason(document):
    path = files.path_of(document.original_name)
    path.write_bytes(path.read_bytes()[:60])

    page = read_next(FakeReader())

    assert (page.state, page.error_code, page.attempts) == (PageState.FAILED, "damaged", 1)
    assert page.error_params["page"] == 1
    assert Job.objects.get().state == JobState.FAILED


def test_a_page_that_lost_its_picture_failed_and_costs_nothing(owner, upload_of, owner_client):
    lost = hostile.pdf_with_image(b"\xff\xd8\xff garbage", "/DCTDecode")
    accept_upload(owner=owner, uploaded=[upload_of("scan.pdf", lost)])
    page = read_next(FakeReader())
    assert (page.state, page.error_code) == (PageState.FAILED, "suspect_blank")
    assert Usage.objects.get().pages_used == 0
    shown = owner_client.get(f"/documents/{page.document_id}/").content.decode()
    assert "could not be drawn; it would have come out blank" in shown


def test_a_page_of_which_a_part_is_missing_is_read_and_says_so(owner, upload_of, owner_client):
    photo = hostile.image("JPEG", (400, 200))
    cut = hostile.pdf_with_image(photo[: len(photo) // 2], "/DCTDecode")
    accept_upload(owner=owner, uploaded=[upload_of("scan.pdf", cut)])
    page = read_next(FakeReader())
    assert (page.state, page.notes) == (PageState.DONE, ["partial"])
    shown = owner_client.get(f"/documents/{page.document_id}/").content.decode()
    assert "Part of the page could not be drawn; check it." in shown


def test_a_stored_file_that_is_gone_is_a_failed_page_not_a_crash(document):
    files.path_of(document.original_name).unlink()
    assert read_next(FakeReader()).error_code == "file_missing"


def test_a_cancelled_page_is_stopped_and_stays_without_a_result(document):
    reader = FakeReader(
        errors=[Cancelled()], while_reading=lambda: jobs.cancel_job(Job.objects.get())
    )
    page = read_next(reader)
    assert page.state == PageState.CANCELLED
    assert Job.objects.get().state == JobState.CANCELLED


def test_a_late_result_of_a_lost_lease_is_discarded_with_its_view(document):
    reader = FakeReader(while_reading=healing.release_leases_of_host)

    page = read_next(reader)

    assert page.state == PageState.PENDING
    assert not page.lines.exists()
    views = files.incoming_dir().parent / "views"
    assert not [p for p in views.rglob("*") if p.is_file()]


def test_a_document_deleted_while_it_is_read_leaves_nothing_behind(document):
    reader = FakeReader(while_reading=lambda: delete_document(Document.objects.get()))

    assert read_next(reader) is None

    root = files.incoming_dir().parent
    assert [p for p in root.glob("*/**/*") if p.is_file() and "incoming" not in p.parts] == []
    assert Usage.objects.get().storage_bytes == 0


def test_a_page_read_again_has_one_set_of_lines_and_one_view(document, owner):
    read_next(FakeReader(["first"]))
    Page.objects.update(state=PageState.FAILED)
    Job.objects.update(state=JobState.FAILED)
    jobs.retry_job(Job.objects.get())

    page = read_next(FakeReader(["second", "third"]))

    assert [line.text for line in page.lines.all()] == ["second", "third"]
    views = files.incoming_dir().parent / "views"
    assert len([p for p in views.rglob("*") if p.is_file()]) == 1
    assert Usage.objects.get().storage_bytes == document.size_bytes + page.view_bytes
