"""Accepted means on disk and committed; whatever dies in between, rows and files agree again."""

from __future__ import annotations

import errno
import itertools
import os
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client
from django.urls import reverse

from documents import files
from documents.limits import UserLimits
from documents.models import Document, Job, Page, PageState
from documents.services import leases, quotas, recognition, retention
from documents.services.recognition import Reading
from documents.services.uploads import accept_upload
from documents.web import uploads as view
from ocrengine.decoder.client import WorkingImage
from tests.conftest import png_of
from tests.fake_reader import FakeReader

pytestmark = pytest.mark.django_db(transaction=True)

KILLED = 137
TRIALS = 100
STEPS = 40
"""More than any of these takes; a trial that ends before it is killed was the last."""


class Steps:
    """Writes down each step that matters, in order; ends the process in place of one of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, die_before: int | None = None) -> None:
        self.taken: list[str] = []
        self.die_before = die_before
        self.patch = monkeypatch
        self.watch(os, "fsync", lambda fd: os.readlink(f"/proc/self/fd/{fd}"))
        self.watch(os, "link", lambda _source, target: str(target))
        self.watch(os, "unlink", str)
        self.watch(BaseDatabaseWrapper, "commit", lambda _connection: "")
        self.watch(view, "_as_json", lambda _acceptance: "")

    def watch(self, owner: object, name: str, told: Callable[..., str]) -> None:
        real = getattr(owner, name)

        def stand_in(*args, **kwargs):
            if len(self.taken) == self.die_before:
                os._exit(KILLED)
            self.taken.append(f"{name} {told(*args)}".strip())
            return real(*args, **kwargs)

        self.patch.setattr(owner, name, stand_in)


def in_a_child(act: Callable[[], None]) -> int:
    """Exit status of a process that is a copy of this one and does only this."""
    connections.close_all()  # a connection is not for two
    pid = os.fork()
    if not pid:
        try:
            act()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def killed_at_every_step(act: Callable[[], None], before_each: Callable[[], None]) -> list[int]:
    """Which steps a child was killed in place of, with everything whole after each."""
    died = []
    for step in range(STEPS):
        before_each()

        def trial(step: int = step) -> None:
            with pytest.MonkeyPatch.context() as patch:
                Steps(patch, die_before=step)
                act()

        if in_a_child(trial) != KILLED:
            return died
        died.append(step)
        assert_whole_after_a_sweep()
    raise AssertionError(f"{STEPS} steps are too few")


def assert_whole_after_a_sweep() -> None:
    """As a restart finds it two days later: files and rows agree, and so do the counters."""
    for path in files.incoming_dir().parent.rglob("*"):
        os.utime(path, times=(time.time() - 2 * 86_400,) * 2)
    retention.sweep_debris()
    retention.sweep_orphans()

    named = set(Document.objects.values_list("original_name", flat=True))
    named |= set(Page.objects.exclude(view_name="").values_list("view_name", flat=True))
    root = files.incoming_dir().parent
    kept = {p for folder in files.KEPT for p in (root / folder).glob("*/*")}
    assert {str(path.relative_to(root)) for path in kept} == named
    assert list(files.incoming_dir().iterdir()) == []
    for document in Document.objects.all():
        assert files.digest(files.path_of(document.original_name))[0] == document.sha256
        assert document.pages.count() == document.page_count
    assert not Job.objects.filter(documents=None).exists()
    assert list(quotas.find_drift()) == []


# --- The order of things --------------------------------------------------------------------------


def test_a_file_is_synced_then_named_then_its_folders_are_synced_then_its_row_is_committed(
    owner, upload_of, png, monkeypatch
):
    steps = Steps(monkeypatch)
    accept_upload(owner=owner, uploaded=[upload_of("scan.png", png)])

    name = Document.objects.get().original_name
    stored, root = str(files.path_of(name)), str(files.path_of(""))
    shard = str(Path(stored).parent)
    first_commit = steps.taken.index("commit")
    before = steps.taken[:first_commit]
    for folder in (f"{root}/originals", root, str(Path(root).parent)):
        assert f"fsync {folder}" in before  # a new folder lasts, and so do those above it
    assert before[-2:] == [f"link {stored}", f"fsync {shard}"]
    assert before[-3].startswith(f"fsync {root}/incoming/")


def test_a_folder_that_is_known_to_last_is_not_synced_again(tmp_path, monkeypatch):
    source = tmp_path / "source"
    source.write_bytes(b"12")
    monkeypatch.setattr(files.uuid, "uuid4", lambda: files.uuid.UUID(int=next(numbers)))
    numbers = iter([1, 2])
    files.keep(source, "originals")
    steps = Steps(monkeypatch)
    files.keep(source, "originals")
    assert [step.split()[0] for step in steps.taken] == ["fsync", "link", "fsync"]


def test_a_disk_that_cannot_sync_is_never_an_acceptance_and_keeps_no_file(
    owner, upload_of, png, monkeypatch
):
    steps = Steps(monkeypatch)
    accept_upload(owner=owner, uploaded=[upload_of("first.png", png)])
    syncs = sum(step.startswith("fsync") for step in steps.taken)
    files._lasting.clear()
    kept = {path for path in files.path_of("originals").rglob("*") if path.is_file()}
    real = os.fsync

    for failing in range(syncs):
        left = iter(range(failing))

        def fsync(descriptor: int, left=left) -> None:
            if next(left, None) is None:
                raise OSError(errno.EIO, "Input/output error")
            real(descriptor)

        files._lasting.clear()
        monkeypatch.setattr(os, "fsync", fsync)
        with pytest.raises(OSError, match="Input/output"):
            accept_upload(owner=owner, uploaded=[upload_of("second.png", png_of(1))])
        assert {p for p in files.path_of("originals").rglob("*") if p.is_file()} == kept
    assert Document.objects.count() == 1


@pytest.fixture
def warm_client(owner_client) -> Client:
    """One whose first request was answered, so that a child need not load what it takes."""
    owner_client.get(reverse("documents"))
    return owner_client


# --- Killed at every step -------------------------------------------------------------------------


def test_an_upload_killed_at_any_step_is_there_whole_or_not_at_all(warm_client):
    numbers = itertools.count()
    page: dict[str, list[SimpleUploadedFile]] = {}

    def new_files() -> None:
        page["files"] = [
            SimpleUploadedFile(f"{n}.png", png_of(n)) for n in itertools.islice(numbers, 2)
        ]

    def act() -> None:
        warm_client.post(reverse("upload"), page, headers={"accept": "application/json"})

    died = killed_at_every_step(act, before_each=new_files)

    # Two files, each synced, linked, and its folder synced; then committed; then answered.
    assert len(died) >= 8
    # Only those killed after the commit are there, and in each of those both files.
    assert 0 < Job.objects.count() < len(died)
    assert Document.objects.count() == 2 * Job.objects.count()


def test_a_deletion_killed_at_any_step_has_happened_or_not(owner, upload_of):
    accept_upload(owner=owner, uploaded=[upload_of("scan.png", png_of(n)) for n in range(10)])

    died = killed_at_every_step(
        lambda: retention.delete_document(Document.objects.first()), before_each=lambda: None
    )
    assert len(died) >= 2


def test_a_result_killed_at_any_step_is_stored_whole_or_not_at_all(owner, upload_of, tmp_path):
    view_path = tmp_path / "view.jpg"
    view_path.write_bytes(b"a picture")
    image = WorkingImage(tmp_path / "working", 320, 200, 320, 200, view=view_path)
    numbers = itertools.count()

    def new_page() -> None:
        accept_upload(owner=owner, uploaded=[upload_of("scan.png", png_of(next(numbers)))])

    def act() -> None:
        lease = leases.claim_next(worker=leases.worker_name())
        page = Page.objects.get(pk=lease.page_id)
        reader = FakeReader()
        done: Future[Reading] = Future()
        done.set_result(Reading(image, reader.read_page(image), 0.1, 0.1, 1))
        recognition.settle(lease, page, done, reader)

    died = killed_at_every_step(act, before_each=new_page)
    assert len(died) >= 5
    for page in Page.objects.all():
        is_done = page.state == PageState.DONE
        assert (page.lines.count() == 2) == is_done == bool(page.view_name)
    assert Page.objects.filter(state=PageState.DONE).exists()


def test_whatever_was_answered_is_there_after_a_kill(warm_client, settings):
    """A hundred times: the process is gone the moment it has answered."""
    settings.OCR_USER_LIMITS = UserLimits(open_jobs=1000)

    def send(number: int) -> None:
        body = {"files": [SimpleUploadedFile("scan.png", png_of(number))]}
        os._exit(warm_client.post(reverse("upload"), body).status_code % 256)

    for number in range(TRIALS):
        assert in_a_child(partial(send, number)) == 302 % 256
    assert Document.objects.count() == TRIALS
    assert_whole_after_a_sweep()
