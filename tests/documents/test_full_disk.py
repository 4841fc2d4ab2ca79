"""A full disk: uploads are refused with a sentence, reading goes on, and it ends by itself."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg.errors
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.db.models import Sum
from django.test import Client, RequestFactory
from django.urls import reverse

from documents import files
from documents.errors import DiskFull, trouble_of
from documents.limits import MB, UploadLimits
from documents.models import Document, Scope
from documents.services.tokens import create_token
from documents.upload_handler import BoundedUploadHandler, open_the_door, upload_fault
from tests.conftest import png_of
from tests.personas import make_read_document

pytestmark = pytest.mark.django_db(transaction=True)
JSON = {"accept": "application/json"}
DISK = 16 * MB
RESERVE = 4 * MB


@pytest.fixture
def small_disk(files_dir: Path, settings, monkeypatch) -> Iterator[Path]:
    """Files on a disk of 16 MB, of which 4 are a reserve: a real one where we may mount it, else
    one whose free space is reckoned."""
    settings.OCR_UPLOAD_LIMITS = UploadLimits(disk_reserve_bytes=RESERVE)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(files_dir)]
    refused = os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode
    Path(settings.FILE_UPLOAD_TEMP_DIR).mkdir(exist_ok=True)
    if refused:
        monkeypatch.setattr(files, "free_bytes", lambda: DISK - sum(sizes_in(files_dir)))
    yield files_dir
    if not refused:
        subprocess.run(["umount", str(files_dir)], check=True)


def sizes_in(folder: Path) -> Iterator[int]:
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            yield path.stat().st_size if path.is_file() else 0


def send(client: Client, *contents: bytes, **headers: str):
    body = {"files": [SimpleUploadedFile(f"{n}.png", c) for n, c in enumerate(contents)]}
    return client.post(reverse("upload"), body, headers=JSON | headers)


def incoming(settings) -> list[Path]:
    return list(Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir())


# --- The reserve ----------------------------------------------------------------------------------


def test_an_upload_that_announces_more_than_there_is_room_for_is_not_begun(
    small_disk, owner_client, settings, monkeypatch
):
    monkeypatch.setattr(files, "free_bytes", lambda: RESERVE + MB)
    opened = "documents.upload_handler.TemporaryFileUploadHandler.new_file"
    monkeypatch.setattr(opened, lambda *_a, **_k: pytest.fail("a file was begun"))
    answer = send(owner_client, bytes(2 * MB))
    assert (answer.status_code, answer.json()["code"]) == (507, "disk_full")
    assert incoming(settings) == []


def test_a_disk_that_others_fill_meanwhile_stops_an_upload_at_the_reserve(
    small_disk, owner_client, settings, monkeypatch
):
    room = iter(range(RESERVE + 3 * MB, 0, -300_000))
    monkeypatch.setattr(files, "free_bytes", lambda: next(room))
    answer = send(owner_client, bytes(2 * MB))
    assert (answer.status_code, answer.json()["code"]) == (507, "disk_full")
    assert next(room) > RESERVE - MB
    assert incoming(settings) == []


def test_uploads_at_the_same_time_leave_the_reserve_alone(small_disk, settings):
    body = {"files": [SimpleUploadedFile("a.png", bytes(5 * MB))]}
    request = RequestFactory().post("/", body)
    content, kind = request.META["wsgi.input"].read(), request.META["CONTENT_TYPE"]
    lowest = []

    def parse(_number: int) -> bool:
        mine = RequestFactory().generic("POST", "/", content, content_type=kind)
        mine._stream = io.BytesIO(content)
        mine.upload_handlers = [BoundedUploadHandler(mine)]
        open_the_door(mine, files=1)
        is_whole = bool(mine.FILES) and upload_fault(mine) is None
        lowest.append(files.free_bytes())
        mine.close()
        return is_whole

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(parse, range(6)))
    # Each looks before each piece of 64 kB; what six write between a look and its piece is less.
    assert min(lowest) > RESERVE - MB
    assert incoming(settings) == []
    assert parse(0)


def test_a_small_disk_fills_is_read_from_and_recovers_by_itself(
    small_disk, owner_client, owner, settings, png
):
    assert send(owner_client, png).status_code == 202
    filler = small_disk / "filler"
    filler.write_bytes(bytes(files.free_bytes() - RESERVE + 4096))

    answer = send(owner_client, png_of(1))
    assert (answer.status_code, answer.json()["code"]) == (507, "disk_full")
    assert "no room left" in answer.json()["detail"]
    assert incoming(settings) == []
    document = Document.objects.get()
    kept = owner_client.get(reverse("document-original", args=[document.pk]))
    assert b"".join(kept.streaming_content) == png
    assert owner_client.get(reverse("documents")).status_code == 200

    filler.unlink()
    assert send(owner_client, png_of(1)).status_code == 202


# --- The database has no room ---------------------------------------------------------------------


@contextlib.contextmanager
def full_database() -> Iterator[None]:
    """Nothing can be written: SQLite's own limit, or what PostgreSQL's driver says."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE filler (bytes BLOB)")
            cursor.execute("PRAGMA page_count")
            cursor.execute(f"PRAGMA max_page_count = {cursor.fetchone()[0]}")
            with contextlib.suppress(OperationalError):
                while True:  # pages that were freed are used again first
                    cursor.execute("INSERT INTO filler VALUES (randomblob(3000))")
        yield
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA max_page_count = 1000000")
            cursor.execute("DROP TABLE filler")
        return

    def refuse(execute, sql, params, many, context):
        if sql.startswith(("INSERT", "UPDATE")):
            raise OperationalError("no room") from psycopg.errors.DiskFull("no room")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(refuse):
        yield


def test_a_full_database_is_a_full_disk_at_every_door_and_nothing_stays(
    owner_client, owner, small_disk
):
    document = make_read_document(owner, texts=("x",) * 40)
    token = create_token(owner=owner, name="x", scope=Scope.WRITE)[1]
    stored = sum(sizes_in(small_disk))
    program = Client(headers={"authorization": f"Bearer {token}"})

    with full_database():
        for number in range(20):  # what is left in the last pages that have room is used up
            answer = send(owner_client, png_of(number))
            if answer.status_code == 507:
                break
        assert (answer.status_code, answer.json()["code"]) == (507, "disk_full")
        assert owner_client.get(reverse("document", args=[document.pk])).status_code == 200

    accepted = Document.objects.exclude(pk=document.pk).aggregate(total=Sum("size_bytes"))
    assert sum(sizes_in(small_disk)) - stored == (accepted["total"] or 0)
    assert program.get(reverse("api:documents")).status_code == 200
    assert send(owner_client, png_of(100)).status_code == 202


@pytest.mark.parametrize("path", ["documents", "api:documents"])
def test_no_room_for_a_row_is_507_in_the_form_that_was_asked_for(owner, path, monkeypatch):
    def full(*_args: object, **_options: object) -> None:
        raise OperationalError("no room") from psycopg.errors.DiskFull("no room")

    monkeypatch.setattr("documents.access.visible_documents", full)
    monkeypatch.setattr("documents.access.own_documents", full)
    client = Client()
    client.force_login(owner)
    answer = client.get(reverse(path))
    assert answer.status_code == 507
    kind = "application/problem+json" if path.startswith("api") else "text/html; charset=utf-8"
    assert answer["Content-Type"] == kind
    assert "no room left" in answer.content.decode()


def test_counting_requests_on_a_full_disk_keeps_nobody_from_reading(owner, monkeypatch):
    def full(*_args: object, **_options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("django.core.cache.backends.locmem.LocMemCache.add", full)
    client = Client()
    client.force_login(owner)
    assert client.get(reverse("api:documents")).status_code == 200


@pytest.mark.parametrize("error", [ValueError(), OSError(2, "no such file"), OperationalError()])
def test_another_fault_is_no_full_disk(error):
    assert not isinstance(trouble_of(error), DiskFull)


# --- Who is told ----------------------------------------------------------------------------------


def test_staff_and_the_doctor_are_told(staff_client, monkeypatch, capsys):
    said = "The disk is nearly full"
    assert said not in staff_client.get(reverse("admin:index")).content.decode()
    monkeypatch.setattr(files, "free_bytes", lambda: MB)
    assert said in staff_client.get(reverse("admin:index")).content.decode()
    with pytest.raises(CommandError):
        call_command("doctor")
    assert "! disk free" in capsys.readouterr().out
