"""A backup made while others work, put back elsewhere: everything that was accepted is there."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from documents import files, installation
from documents.models import Document, Page, Worker
from documents.services import backup, leases, recognition, restoring, retention, snapshots
from documents.services.backup import BackupFailed, back_up, read_manifest, whole_backups
from documents.services.recognition import Reading
from documents.services.retention import delete_document
from documents.services.uploads import accept_upload
from documents.services.verifying import Tally, verify
from ocrengine.decoder.client import WorkingImage
from tests.conftest import png_of
from tests.fake_reader import FakeReader
from tests.own_database import own_database
from tests.personas import make_user

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def data_dir(tmp_path, settings) -> Path:
    settings.DATA_DIR = tmp_path
    (tmp_path / "secret_key").write_text("a secret of fifty letters or more, for this test only.")
    return tmp_path


@pytest.fixture
def shelf(tmp_path) -> Path:
    """Where backups are kept."""
    return tmp_path / "shelf"


def upload(owner, number: int) -> Document:
    content = png_of(number)
    sent = TemporaryUploadedFile(f"{number}.png", "image/png", len(content), None)
    with sent:
        sent.write(content)
        sent.flush()
        [document] = accept_upload(owner=owner, uploaded=[sent]).documents
    return document


def read_one(folder: Path) -> None:
    """Store the result of the next page that is due, its view included."""
    lease = leases.claim_next(worker=leases.worker_name())
    if lease is None:
        return
    page = Page.objects.get(pk=lease.page_id)
    view = folder / f"{lease.token.hex}.jpg"
    view.write_bytes(lease.token.bytes * 50)
    image = WorkingImage(folder / "working", 320, 200, 320, 200, view=view)
    done: Future[Reading] = Future()
    done.set_result(Reading(image, FakeReader().read_page(image), 0.1, 0.1, 1))
    recognition.settle(lease, page, done, FakeReader())
    view.unlink()


@pytest.fixture
def documents(owner, tmp_path) -> list[Document]:
    """Three of one page each, read."""
    made = [upload(owner, number) for number in range(3)]
    for _ in made:
        read_one(tmp_path)
    return made


def names_in(made: Path) -> set[str]:
    root = made / "files"
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def named_by_rows() -> set[str]:
    originals = Document.objects.values_list("original_name", flat=True)
    return {*originals, *Page.objects.exclude(view_name="").values_list("view_name", flat=True)}


# --- What a backup is -----------------------------------------------------------------------------


def test_a_backup_holds_the_database_every_file_and_the_key_and_is_for_nobody_else(
    documents, shelf, data_dir
):
    made, manifest = back_up(shelf, keep=7)

    assert names_in(made) == named_by_rows()
    assert (manifest.documents, manifest.pages, manifest.files) == (3, 3, 6)
    assert read_manifest(made) == manifest
    assert (made / "secret_key").read_text() == (data_dir / "secret_key").read_text()
    assert made.stat().st_mode & 0o077 == 0
    assert (made / "secret_key").stat().st_mode & 0o077 == 0
    check = ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"]
    assert subprocess.run(check, cwd=made, check=False).returncode == 0
    listed = {line.split("  ")[1] for line in (made / "SHA256SUMS").read_text().splitlines()}
    there = {str(path.relative_to(made)) for path in made.rglob("*") if path.is_file()}
    assert listed == there - {"manifest.json", "SHA256SUMS"}


def test_copies_share_nothing_with_the_live_files(documents, shelf):
    made, _ = back_up(shelf, keep=7)
    for name in names_in(made):
        assert not (made / "files" / name).samefile(files.path_of(name))


def test_the_next_backup_shares_what_has_not_changed_and_oldest_ones_go(documents, shelf, owner):
    first, _ = back_up(shelf, keep=2)
    upload(owner, 9)
    second, manifest = back_up(shelf, keep=2)
    assert (manifest.files, manifest.linked) == (7, 6)
    for name in names_in(first):
        assert (first / "files" / name).samefile(second / "files" / name)

    third, manifest = back_up(shelf, keep=2)
    assert manifest.linked == 7
    assert whole_backups(shelf) == [second, third]
    assert names_in(third) == named_by_rows()


def test_a_copy_that_rotted_in_the_earlier_backup_is_made_anew(documents, shelf):
    first, _ = back_up(shelf, keep=7)
    name = documents[0].original_name
    rotten = bytearray(files.path_of(name).read_bytes())
    rotten[20] ^= 1
    (first / "files" / name).write_bytes(rotten)

    second, manifest = back_up(shelf, keep=7)

    assert manifest.linked == 5
    assert (second / "files" / name).read_bytes() == files.path_of(name).read_bytes()


def test_a_view_from_before_hashes_were_kept_is_shared_when_it_is_the_same(documents, shelf):
    Page.objects.update(view_sha256="")
    back_up(shelf, keep=7)
    assert back_up(shelf, keep=7)[1].linked == 6


def test_files_that_are_missing_or_altered_are_told_and_saved_where_an_earlier_backup_has_them(
    documents, shelf, capsys
):
    lost, cut, saved = (document.original_name for document in documents)
    back_up(shelf, keep=7)
    for name in (lost, cut):
        for made in whole_backups(shelf):
            (made / "files" / name).unlink()
    files.path_of(lost).unlink()
    files.path_of(cut).write_bytes(b"x")
    files.path_of(saved).write_bytes(b"x")

    with pytest.raises(CommandError, match="2 files were missing or altered"):
        call_command("backup", "--to", shelf)

    made = whole_backups(shelf)[-1]
    assert set(read_manifest(made).faults) == {f"{lost} is missing", f"{cut} is altered"}
    content = (made / "files" / saved).read_bytes()
    assert hashlib.sha256(content).hexdigest() == documents[2].sha256


# --- Half a backup is none ------------------------------------------------------------------------


def test_a_backup_that_broke_off_is_none_and_the_next_one_clears_it_away(
    documents, shelf, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.setattr(backup.shutil, "rmtree", lambda *_a, **_k: None)  # as if it had been killed
        patch.setattr(backup, "_sum", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            back_up(shelf, keep=7)
    [part] = shelf.iterdir()
    assert part.name.endswith(".part")
    assert whole_backups(shelf) == []
    with pytest.raises(BackupFailed, match="not a whole backup"):
        restoring.restore(part, replace=True)

    made, _ = back_up(shelf, keep=7)
    assert list(shelf.iterdir()) == [made]


def test_a_backup_without_room_leaves_nothing_and_says_so(documents, shelf, monkeypatch):
    back_up(shelf, keep=7)
    room = shutil.disk_usage(shelf)._replace(free=1)
    monkeypatch.setattr(backup.shutil, "disk_usage", lambda _path: room)
    for earlier in whole_backups(shelf):
        shutil.rmtree(earlier / "files")
    with pytest.raises(CommandError, match="no room for a backup"):
        call_command("backup", "--to", shelf)
    assert len(list(shelf.iterdir())) == 1


def test_two_backups_at_a_time_into_one_folder_are_refused(documents, shelf):
    shelf.mkdir()
    with backup._alone_in(shelf), pytest.raises(CommandError, match="Another backup"):
        call_command("backup", "--to", shelf)


def test_a_machine_without_the_databases_programs_is_told_what_to_install(monkeypatch):
    monkeypatch.setattr(snapshots.shutil, "which", lambda _tool: None)
    with pytest.raises(snapshots.SnapshotFailed, match="postgresql-client"):
        snapshots._run_tool("pg_dump")


def test_a_database_in_which_others_have_tables_is_left_alone(db):
    with connection.cursor() as cursor:
        there = snapshots._own_tables(cursor)
        cursor.execute("CREATE TABLE of_others (x INTEGER)")
        try:
            with pytest.raises(snapshots.SnapshotFailed, match="not Folio's, such as of_others"):
                snapshots._own_tables(cursor)
        finally:
            cursor.execute("DROP TABLE of_others")
    assert {"documents_document", "django_migrations", "django_q_ormq"} <= set(there)


# --- While people delete --------------------------------------------------------------------------


def test_what_is_deleted_while_a_backup_runs_stays_until_a_sweep_a_day_later(documents):
    name = documents[0].original_name
    os.utime(files.path_of(name), times=(0, 0))
    with files.nothing_is_removed():
        delete_document(documents[0])
        assert files.path_of(name).exists()
        assert retention.sweep_orphans() == []
    assert retention.sweep_orphans() == []  # its day as an orphan has begun
    assert list(verify(Tally())) == []
    yesterday = time.time() - 90_000
    os.utime(files.path_of(name), times=(yesterday, yesterday))
    assert [item.name for item in retention.sweep_orphans()] == [name]


def test_a_sweep_while_a_backup_runs_removes_nothing(documents):
    Document.objects.filter(pk=documents[0].pk).delete()
    path = files.path_of(documents[0].original_name)
    os.utime(path, times=(0, 0))
    with files.nothing_is_removed():
        assert retention.sweep_orphans() == []
    assert path.exists()


def test_a_document_deleted_right_after_the_snapshot_is_in_the_backup(
    documents, shelf, monkeypatch
):
    real = backup.stored_files

    def deleted_meanwhile(names: Path):
        delete_document(documents[0])
        return real(names)

    monkeypatch.setattr(backup, "stored_files", deleted_meanwhile)
    made, manifest = back_up(shelf, keep=7)
    assert (manifest.documents, manifest.files, manifest.faulty) == (3, 6, 0)
    assert documents[0].original_name in names_in(made)


# --- The drill: a backup under load, restored elsewhere -------------------------------------------


@dataclass
class Load:
    """Threads that upload, read and delete until told to stop."""

    people: list
    folder: Path
    accepted: dict[str, str] = field(default_factory=dict)
    """id -> SHA-256, of documents that nobody will delete, once their upload was answered."""
    over: threading.Event = field(default_factory=threading.Event)
    numbers: itertools.count = field(default_factory=itertools.count)

    def upload(self, owner) -> None:
        document = upload(owner, next(self.numbers))
        self.accepted[str(document.pk)] = document.sha256

    def delete(self, owner) -> None:
        delete_document(upload(owner, next(self.numbers)))

    def read(self) -> None:
        read_one(self.folder)

    def until_over(self, act: Callable[..., None], *args: object) -> None:
        try:
            while not self.over.is_set():
                act(*args)
        finally:
            connection.close()


def manage(data_dir: Path, database_environment: dict[str, str], *command: str):
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("OCR_", "DJANGO_"))}
    mine = {"OCR_DATA_DIR": str(data_dir), **database_environment}
    return subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=ROOT,
        env=kept | mine,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_backup_under_load_restored_elsewhere_has_everything_that_was_accepted(
    db, tmp_path, shelf, settings
):
    settings.OCR_USER_LIMITS = type(settings.OCR_USER_LIMITS)(open_jobs=100_000)
    load = Load([make_user() for _ in range(3)], tmp_path)
    with ThreadPoolExecutor(4) as pool:
        acts = [
            pool.submit(load.until_over, load.upload, load.people[0]),
            pool.submit(load.until_over, load.upload, load.people[1]),
            pool.submit(load.until_over, load.delete, load.people[2]),
            pool.submit(load.until_over, load.read),
        ]
        try:
            while len(load.accepted) < 60 and not any(act.done() for act in acts):
                time.sleep(0.05)
            before = dict(load.accepted)
            made, manifest = back_up(shelf, keep=7)
            during = len(load.accepted) - len(before)
        finally:
            load.over.set()
    [act.result() for act in acts]
    assert len(before) >= 60
    assert during > 0
    assert manifest.faulty == 0

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with own_database(elsewhere) as database:
        done = manage(elsewhere, database.environment, "restore", str(made))
        assert done.returncode == 0, done.stderr
        assert "all there, and as they were" in done.stdout
        query = "SELECT sha256, original_name FROM documents_document WHERE id = ?"
        for key, sha256 in before.items():
            kept, name = database.row(query, key.replace("-", "") if not database.url else key)
            content = (elsewhere / "files" / name).read_bytes()
            assert kept == sha256 == hashlib.sha256(content).hexdigest()
        assert database.row("SELECT COUNT(*) FROM documents_document") == (manifest.documents,)
        again = manage(elsewhere, database.environment, "restore", str(made))
        assert "There are documents here already" in again.stderr

        # The same once more over what is there, though a file of the backup is lost by now.
        for folder in (made, elsewhere):
            (folder / "files" / name).unlink()
        options = ["--replace", "--despite-damage"]
        replaced = manage(elsewhere, database.environment, "restore", str(made), *options)
        assert replaced.stderr.startswith("CommandError: Not everything is whole: 1 found")
        assert [f"missing     {name}"] == [
            line[: 12 + len(name)] for line in replaced.stdout.splitlines()[1:]
        ]
    key = elsewhere / "secret_key"
    assert key.read_text() == (tmp_path / "secret_key").read_text()
    assert key.stat().st_mode & 0o077 == 0


# --- What a restore refuses -----------------------------------------------------------------------


@pytest.fixture
def made(documents, shelf) -> Path:
    """A backup of the documents, which have been deleted since."""
    path, _ = back_up(shelf, keep=7)
    for document in documents:
        delete_document(document)
    Worker.objects.all().delete()
    return path


def refuses(made: Path, sentence: str, **options: bool) -> None:
    with pytest.raises(CommandError, match=sentence):
        call_command("restore", made, **options)


def test_documents_that_are_here_are_not_replaced_unasked(made, owner):
    upload(owner, 100)
    refuses(made, "documents here already")
    assert Document.objects.count() == 1


def test_nothing_is_restored_into_a_product_that_runs(made):
    with installation.hold_data_dir():
        refuses(made, "Another instance is running")
    for host in (leases.host_name(), "elsewhere"):
        name = f"{host}:1:1"  # of this host it is seen that there is no such process
        Worker.objects.create(name=name, host=host, pid=1, beat_at=timezone.now())
    refuses(made, "elsewhere:1:1 was heard of")


def test_a_damaged_backup_is_refused_by_name_and_changes_nothing(made, capsys, documents):
    name = f"files/{documents[0].original_name}"
    (made / name).write_bytes(b"x")
    refuses(made, "1 files of the backup are missing or altered")
    assert name in capsys.readouterr().err
    assert not Document.objects.exists()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"format": 2}, "newer Folio"),
        ({"schema": "9999_later"}, "newer Folio"),
        ({"vendor": "oracle"}, "database is oracle"),
        ({"files": 5}, "does not name everything"),
    ],
)
def test_a_backup_that_does_not_fit_is_refused(made, change, sentence):
    manifest = json.loads((made / "manifest.json").read_text())
    (made / "manifest.json").write_text(json.dumps(manifest | change))
    refuses(made, sentence)
