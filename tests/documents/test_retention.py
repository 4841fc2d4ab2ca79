"""What crashed processes leave behind goes; what is in use stays."""

import os
import time
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from django_q.models import Schedule

from documents import files, queries, schedules
from documents.models import Document, Page, RetentionPolicy, Usage
from documents.services import leases, retention
from documents.services.uploads import accept_upload
from tests.personas import make_document, make_read_document

pytestmark = pytest.mark.django_db


def test_a_work_folder_without_a_lease_goes_and_one_in_use_stays(owner):
    make_document(owner)
    lease = leases.claim_next(worker=leases.worker_name())
    work = files.incoming_dir().parent / "work"
    for key in (lease.token.hex, "of-a-dead-worker"):
        (work / key).mkdir(parents=True)

    assert len(retention.sweep_debris()) == 1

    assert files.work_folders() == {lease.token.hex}


def test_the_folder_of_a_lease_made_during_the_sweep_stays(owner, monkeypatch):
    make_document(owner)
    work = files.incoming_dir().parent / "work"
    real = files.work_folders

    def claimed_meanwhile() -> set[str]:
        found = real()
        lease = leases.claim_next(worker=leases.worker_name())
        (work / lease.token.hex).mkdir(parents=True)
        return found

    monkeypatch.setattr(files, "work_folders", claimed_meanwhile)
    retention.sweep_debris()
    assert real() == {Page.objects.get().token.hex}


def test_an_upload_that_broke_off_long_ago_goes_and_a_fresh_one_stays(db):
    old, fresh = files.incoming_dir() / "old", files.incoming_dir() / "fresh"
    old.touch()
    fresh.touch()
    os.utime(old, times=(time.time() - 7200,) * 2)

    assert len(retention.sweep_debris()) == 1

    assert {path.name for path in files.incoming_dir().iterdir()} == {"fresh"}


def test_the_tick_sweeps(db, monkeypatch):
    from documents import worker

    (files.incoming_dir().parent / "work" / "of-a-dead-worker").mkdir(parents=True)
    worker.tick()
    assert files.work_folders() == set()


# --- The trash and the nightly purge -----------------------------------------------------------


def age(document, *, days: int, **fields) -> None:
    then = timezone.now() - timedelta(days=days)
    Document.objects.filter(pk=document.pk).update(created_at=then, **fields)


def test_deleting_goes_to_the_trash_and_can_be_undone(owner, owner_client):
    document = make_read_document(owner)
    owner_client.post(reverse("document-delete", args=[document.id]))
    assert owner_client.get(reverse("document", args=[document.id])).status_code == 404
    assert document.title in owner_client.get(reverse("trash")).content.decode()

    owner_client.post(reverse("trash-restore", args=[document.id]))
    assert owner_client.get(reverse("document", args=[document.id])).status_code == 200


def test_deleting_for_good_gives_the_storage_back_at_once(owner, owner_client):
    document = make_read_document(owner)
    Usage.objects.create(owner=owner, storage_bytes=5000)
    owner_client.post(reverse("document-delete", args=[document.id]), {"how": "for-good"})
    assert not Document.objects.exists()
    assert Usage.objects.get().storage_bytes == 4000


def test_without_a_trash_deleting_is_for_good(owner, owner_client, settings):
    settings.OCR_TRASH_DAYS = 0
    owner_client.post(reverse("document-delete", args=[make_document(owner).id]))
    assert not Document.objects.exists()


def test_emptying_the_trash_touches_nothing_else(owner, owner_client, stranger):
    kept, foreign = make_document(owner), make_document(stranger)
    retention.trash_document(foreign)
    retention.trash_document(make_document(owner))
    owner_client.post(reverse("trash-empty"))
    assert set(Document.objects.all()) == {kept, foreign}


def test_nothing_goes_for_good_before_a_question_was_answered(owner, owner_client):
    document = make_document(owner)
    retention.trash_document(document)
    for address in (reverse("trash-empty"), reverse("trash-purge", args=[document.id])):
        assert "There is no way back." in owner_client.get(address).content.decode()
    assert Document.objects.get() == document
    owner_client.post(reverse("trash-purge", args=[document.id]))
    assert not Document.objects.exists()


def test_whoever_deletes_a_document_is_led_to_the_trash(owner, owner_client):
    address = reverse("document-delete", args=[make_document(owner).id])
    page = owner_client.post(address, follow=True).content.decode()
    assert f'<a href="{reverse("trash")}">Open the trash</a>' in page


def test_pages_that_wait_are_not_read_once_in_the_trash_and_their_quota_comes_back(owner):
    document = make_document(owner, pages=2)
    Usage.objects.create(owner=owner, pages_reserved=2)
    retention.trash_document(document)
    assert leases.claim_next(worker=leases.worker_name()) is None
    assert Usage.objects.get().pages_reserved == 0


def test_the_trash_is_emptied_after_its_days_and_not_before(owner, settings):
    settings.OCR_TRASH_DAYS = 30
    old, young = make_document(owner), make_document(owner)
    age(old, days=90, trashed_at=timezone.now() - timedelta(days=31))
    age(young, days=90, trashed_at=timezone.now() - timedelta(days=29))
    run = retention.purge()
    assert list(Document.objects.all()) == [young]
    assert (run.documents_deleted, run.bytes_freed) == (1, 1000)


def test_a_dry_run_lists_and_removes_nothing(owner):
    document = make_document(owner)
    age(document, days=90, trashed_at=timezone.now() - timedelta(days=60))
    run = retention.purge(dry=True)
    assert Document.objects.filter(pk=document.pk).exists()
    assert (run.is_dry, run.documents_deleted, run.bytes_freed) == (True, 1, 1000)
    assert run.items == [{"deleted": str(document.pk), "owner": owner.pk}]


def test_without_a_policy_documents_stay(owner):
    age(make_document(owner), days=4000)
    assert retention.purge().documents_trashed == 0


def policy(*, days_ago: int = 30, **fields) -> RetentionPolicy:
    changed = timezone.now() - timedelta(days=days_ago)
    return RetentionPolicy.objects.create(changed_at=changed, **fields)


def test_a_policy_moves_what_is_older_to_the_trash(owner):
    old, young = make_document(owner), make_document(owner)
    age(old, days=11)
    age(young, days=9)
    policy(keep_days=10)
    retention.purge()
    assert list(Document.objects.filter(trashed_at=None)) == [young]


def test_a_policy_is_announced_before_it_acts(owner, owner_client):
    document = make_document(owner)
    age(document, days=100)
    policy(keep_days=10, notice_days=7, days_ago=2)
    assert retention.purge().documents_trashed == 0
    assert "1 document goes to the trash on" in owner_client.get("/").content.decode()
    due = queries.goes_to_trash_at(Document.objects.get())
    assert due.date() == (timezone.now() + timedelta(days=5)).date()


def test_a_persons_own_policy_goes_before_everybodys(owner, stranger):
    for person in (owner, stranger):
        age(make_document(person), days=50)
    policy(keep_days=10)
    policy(keep_days=0, user=owner)
    retention.purge()
    assert [d.owner for d in Document.objects.filter(trashed_at=None)] == [owner]


def test_stored_files_without_a_row_go_after_a_day(db):
    for name, hours in (("old", 25), ("new", 1)):
        path = files.path_of(f"originals/aa/{name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"12345")
        os.utime(path, times=(time.time() - hours * 3600,) * 2)
    run = retention.purge()
    assert (run.files_removed, run.bytes_freed) == (1, 5)
    assert files.path_of("originals/aa/new").exists()


def test_stored_files_with_a_row_stay(owner, upload_of, png):
    accept_upload(owner=owner, uploaded=[upload_of("scan.png", png)])
    path = files.path_of(Document.objects.get().original_name)
    os.utime(path, times=(time.time() - 90_000,) * 2)
    retention.purge()
    assert path.exists()


def test_the_purge_is_scheduled_nightly_and_keeps_the_time_that_staff_gave_it(db):
    schedules.ensure_schedules()
    Schedule.objects.filter(name="purge").update(schedule_type=Schedule.HOURLY)
    schedules.ensure_schedules()
    found = Schedule.objects.get(func=schedules.PURGE)
    assert found.schedule_type == Schedule.HOURLY
