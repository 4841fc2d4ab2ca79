"""Damage is found, each by its name, and nothing that is whole is called damaged."""

from __future__ import annotations

import hashlib
import json
import os
import random
import time
from collections import Counter
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, IntegrityError, connection

from documents import files
from documents.models import Document, Job, Page, Usage
from documents.services import leases, retention, verifying
from documents.services.retention import delete_document
from documents.services.uploads import accept_upload
from documents.services.verifying import Finding, Kind, Tally, verify
from tests.fake_reader import FakeReader, read_leased
from tests.personas import make_document, make_job

pytestmark = pytest.mark.django_db(transaction=True)
A_DAY = 86_400


def age(path: Path, seconds: float = 2 * A_DAY) -> Path:
    os.utime(path, times=(time.time() - seconds,) * 2)
    return path


def stored(name: str, content: bytes) -> Path:
    path = files.path_of(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return age(path)


def found() -> list[Finding]:
    return list(verify(Tally()))


def kinds() -> list[str]:
    return [finding.kind for finding in found()]


@pytest.fixture
def document(owner, upload_of, png) -> Document:
    """One that was read: an original and a view."""
    accept_upload(owner=owner, uploaded=[upload_of("scan.png", png)])
    worker = leases.worker_name()
    read_leased(leases.claim_next(worker=worker), FakeReader(), worker)
    return Document.objects.get()


def test_what_is_whole_has_no_findings(document):
    assert Page.objects.get().view_sha256
    tally = Tally()
    assert list(verify(tally)) == []
    assert (tally.files, tally.size_bytes) == (
        2,
        document.size_bytes + Page.objects.get().view_bytes,
    )


@pytest.mark.parametrize("which", ["original", "view"])
@pytest.mark.parametrize("kind", [Kind.MISSING, Kind.TRUNCATED, Kind.ALTERED])
def test_a_damaged_file_is_found_and_named(document, which, kind):
    name = document.original_name if which == "original" else Page.objects.get().view_name
    path = files.path_of(name)
    content = bytearray(path.read_bytes())
    path.unlink()
    if kind == Kind.TRUNCATED:
        path.write_bytes(content[:-1])
    elif kind == Kind.ALTERED:
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    [finding] = found()
    assert (finding.kind, finding.name) == (kind, name)
    assert str(document.pk) in finding.document
    assert ("page 1" in finding.document) == (which == "view")


def test_of_a_view_from_before_hashes_were_kept_only_the_size_is_looked_at(document):
    Page.objects.update(view_sha256="")
    assert found() == []
    files.path_of(Page.objects.get().view_name).write_bytes(b"x")
    assert kinds() == ["truncated"]


def test_a_file_without_a_row_is_found_after_a_day_and_not_before(db):
    stored("originals/aa/old", b"x")
    age(stored("views/aa/young", b"x"), A_DAY - 60)
    assert [(f.kind, f.name) for f in found()] == [("orphan", "originals/aa/old")]


def test_what_dead_processes_left_is_found_after_an_hour_and_not_before(db):
    work = files.incoming_dir().parent / "work"
    for name in ("dead", "at-work"):
        (work / name).mkdir(parents=True)
        (work / name / "working.npy").write_bytes(b"x")
    age(work / "dead" / "working.npy", 7200)
    age(work / "dead", 7200)
    age(work / "at-work", 7200)  # but something in it is fresh
    (files.incoming_dir() / "arriving").touch()
    (files.incoming_dir() / "broken-off").touch()
    age(files.incoming_dir() / "broken-off", 7200)
    assert {f.name for f in found()} == {"work/dead", "incoming/broken-off"}


def test_a_document_without_its_pages_is_found(document):
    Page.objects.all().delete()
    assert "pages" in kinds()


def test_books_that_do_not_agree_with_the_rows_are_found_and_can_be_corrected(document, capsys):
    Usage.objects.update(storage_bytes=7, pages_reserved=3)
    [finding] = found()
    assert (finding.kind, finding.name) == ("usage", f"user {document.owner_id}")
    assert "storage_bytes=7" in finding.detail
    call_command("verify", "--correct-usage")
    assert found() == []


def test_a_file_that_the_disk_does_not_give_back_is_found(document, monkeypatch):
    def failing(path: Path) -> tuple[str, int]:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(files, "digest", failing)
    assert kinds() == ["unreadable", "unreadable"]


def test_a_row_that_names_a_row_that_is_not_there_is_found_where_it_can_be(document):
    gone = "DELETE FROM documents_job"
    with connection.cursor() as cursor:
        if connection.vendor != "sqlite":
            with pytest.raises(IntegrityError):
                cursor.execute(gone)
            return
        connection.disable_constraint_checking()
        cursor.execute(gone)
        connection.enable_constraint_checking()
    assert [(f.kind, f.name) for f in found()] == [("database", "documents_document")]


def test_a_database_that_is_damaged_is_told_and_not_a_traceback(db, monkeypatch):
    def damaged(*_args: object) -> None:
        raise DatabaseError("database disk image is malformed")

    monkeypatch.setattr(verifying, "_stored", damaged)
    assert [f.detail for f in found()] == ["database disk image is malformed"]


def test_a_document_deleted_at_this_moment_is_no_fault(document, monkeypatch):
    real = files.path_of

    def gone_meanwhile(name: str) -> Path:
        if Document.objects.exists():
            delete_document(Document.objects.get())
        return real(name)

    monkeypatch.setattr(verifying.files, "path_of", gone_meanwhile)
    assert found() == []


# --- The command ----------------------------------------------------------------------------------


def test_the_command_says_that_all_is_well(document, capsys):
    call_command("verify")
    assert "everything is there, and as it was" in capsys.readouterr().out


def test_the_command_fails_when_something_is_wrong_and_says_what(document, capsys):
    files.path_of(document.original_name).unlink()
    with pytest.raises(CommandError, match="1 wrong"):
        call_command("verify")
    assert f"missing     {document.original_name}" in capsys.readouterr().out


def test_programs_are_told_an_object_a_line(document, capsys):
    files.path_of(document.original_name).unlink()
    with pytest.raises(CommandError):
        call_command("verify", "--json")
    finding, summary = map(json.loads, capsys.readouterr().out.splitlines())
    assert (finding["kind"], finding["document"]) == ("missing", str(document.pk))
    assert (summary["files"], summary["findings"]) == (2, 1)


# --- Five hundred damages -------------------------------------------------------------------------


def test_five_hundred_damages_among_a_thousand_files_are_found_and_nothing_else(owner):
    chance, job = random.Random(18), make_job(owner)
    contents = {f"originals/{n % 256:02x}/{n:032x}": chance.randbytes(200) for n in range(1000)}
    for name, content in contents.items():
        stored(name, content)
    made = Document.objects.bulk_create(
        Document(
            owner=owner,
            job=job,
            title=name[-8:],
            kind="png",
            size_bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            original_name=name,
            page_count=1,
        )
        for name, content in contents.items()
    )
    Page.objects.bulk_create(Page(document=d, index=0, width=1, height=1) for d in made)
    assert found() == []

    expected = damage(owner, job, chance.sample(sorted(contents), 300), chance)

    assert Counter((f.kind.value, f.name) for f in found()) == Counter(expected)
    assert len(expected) == 500
    retention.sweep_orphans()
    assert set(kinds()) == {"missing", "truncated", "altered"}


def damage(owner, job: Job, names: list[str], chance: random.Random) -> list[tuple[str, str]]:
    """A hundred of each kind, as they will be reported."""
    expected = []
    for number, name in enumerate(names):
        path, content = files.path_of(name), bytearray(files.path_of(name).read_bytes())
        kind = ("missing", "truncated", "altered")[number % 3]
        path.unlink()
        if kind == "truncated":
            path.write_bytes(content[: chance.randrange(len(content))])
        elif kind == "altered":
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
            path.write_bytes(content)
        expected.append((kind, name))
    for number in range(100):
        orphan = f"originals/{number:02x}/{number + 10**6:032x}"
        stored(orphan, b"nobody's")
        expected.append(("orphan", orphan))
        expected.append(("missing", make_document(owner, job=job).original_name))
    return expected
