"""What crashed processes leave behind goes; what is in use stays."""

import os
import time

import pytest

from documents import files
from documents.models import Page
from documents.services import leases, retention
from tests.personas import make_document

pytestmark = pytest.mark.django_db


def test_a_work_folder_without_a_lease_goes_and_one_in_use_stays(owner):
    make_document(owner)
    lease = leases.claim_next(worker=leases.worker_name())
    work = files.incoming_dir().parent / "work"
    for key in (lease.token.hex, "of-a-dead-worker"):
        (work / key).mkdir(parents=True)

    assert retention.sweep_debris() == 1

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

    assert retention.sweep_debris() == 1

    assert {path.name for path in files.incoming_dir().iterdir()} == {"fresh"}


def test_the_tick_sweeps(db, monkeypatch):
    from documents import worker

    (files.incoming_dir().parent / "work" / "of-a-dead-worker").mkdir(parents=True)
    worker.tick()
    assert files.work_folders() == set()
