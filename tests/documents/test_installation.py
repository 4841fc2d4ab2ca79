"""Before the product starts: refusals in one sentence, one instance, backups, a first user."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from documents import installation, parts
from documents.address import Address, AddressUnusable
from documents.installation import NotReady

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def data_dir(tmp_path, settings, monkeypatch) -> Path:
    settings.DATA_DIR = tmp_path
    settings.STATIC_ROOT = tmp_path / "static"
    monkeypatch.setattr(installation, "sqlite_path", lambda: tmp_path / "db.sqlite3")
    return tmp_path


def fill(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE kept (word TEXT)")
        database.execute("INSERT INTO kept VALUES ('folio')")
        database.commit()


# --- The folder -----------------------------------------------------------------------------------


def test_a_network_disk_is_refused_by_name(data_dir, monkeypatch):
    monkeypatch.setattr(installation, "file_system_of", lambda folder: "nfs4")
    with pytest.raises(NotReady, match=r"network file system .* nfs4"):
        installation.check_data_dir()


def test_the_innermost_mount_counts(tmp_path):
    mounts = tmp_path / "mounts"
    inner = str(tmp_path).replace(" ", "\\040")
    mounts.write_text(f"disk / ext4 rw 0 0\nserver:/x {inner} nfs4 rw 0 0\ntmp /nowhere tmpfs rw\n")
    assert installation.file_system_of(tmp_path / "data", mounts) == "nfs4"
    assert installation.file_system_of(Path("/elsewhere"), mounts) == "ext4"


def test_two_instances_never_share_a_folder(data_dir):
    with installation.hold_data_dir(), pytest.raises(NotReady, match="Another instance"):
        installation.hold_data_dir()
    installation.hold_data_dir().close()


# --- The database ---------------------------------------------------------------------------------


def test_a_copy_holds_the_data_and_five_are_kept(data_dir):
    fill(data_dir / "db.sqlite3")

    made = [installation.back_up_sqlite() for _ in range(7)]

    assert sorted((data_dir / "backups").iterdir()) == made[-5:]
    with closing(sqlite3.connect(made[-1])) as copy:
        assert copy.execute("SELECT word FROM kept").fetchall() == [("folio",)]
    assert made[-1].stat().st_mode & 0o077 == 0


def test_without_a_database_there_is_no_copy(data_dir):
    assert installation.back_up_sqlite() is None
    assert not (data_dir / "backups").exists()


@pytest.mark.django_db
def test_a_current_database_is_left_alone(monkeypatch):
    monkeypatch.setattr(installation, "call_command", lambda *a, **k: pytest.fail("migrated"))
    assert installation.bring_database_up_to_date() is None


# --- Static files and the first user --------------------------------------------------------------


def test_static_files_are_collected_only_when_one_changed(data_dir, monkeypatch):
    collected = []

    def collect(*_args, **_options):
        collected.append(1)
        (data_dir / "static").mkdir(exist_ok=True)

    monkeypatch.setattr(installation, "call_command", collect)
    installation.collect_static_files()
    installation.collect_static_files()
    assert len(collected) == 1

    monkeypatch.setattr(installation, "static_digest", lambda: "changed")
    installation.collect_static_files()
    assert len(collected) == 2


@pytest.mark.django_db
def test_the_first_user_is_made_once_and_may_do_everything(client):
    password = installation.create_first_user()

    assert password is not None
    assert client.login(username="admin", password=password)
    assert User.objects.get().is_superuser
    assert installation.create_first_user() is None
    with pytest.raises(CommandError, match="changepassword"):
        call_command("first_admin")


# --- The address ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "bind", "url"),
    [
        ("127.0.0.1:8000", "127.0.0.1:8000", "http://127.0.0.1:8000/"),
        ("0.0.0.0:80", "0.0.0.0:80", "http://127.0.0.1:80/"),
        (":8000", "0.0.0.0:8000", "http://127.0.0.1:8000/"),
        ("[::1]:8000", "[::1]:8000", "http://[::1]:8000/"),
        ("scanner.local:8000", "scanner.local:8000", "http://scanner.local:8000/"),
    ],
)
def test_an_address_is_understood(text, bind, url):
    address = Address.parse(text)
    assert (str(address), address.url) == (bind, url)


def test_where_it_listens_everywhere_other_computers_addresses_are_named():
    names = ["localhost", "127.0.0.1", "[::1]", "office-box", "192.0.2.7"]
    everywhere, here = Address.parse("0.0.0.0:80"), Address.parse("127.0.0.1:80")
    assert everywhere.urls_for_others(names) == ["http://office-box:80/", "http://192.0.2.7:80/"]
    assert here.urls_for_others(names) == []


@pytest.mark.parametrize("text", ["", "8000", "localhost", "host:port", "host:99999", "unix:/a"])
def test_nonsense_is_not_an_address(text):
    with pytest.raises(AddressUnusable, match="OCR_ADDRESS"):
        Address.parse(text)


def start(data_dir: Path, port: int) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("OCR_", "DJANGO_"))}
    mine = {"OCR_DATA_DIR": str(data_dir), "OCR_ADDRESS": f"127.0.0.1:{port}"}
    command = [sys.executable, "manage.py", "up"]
    return subprocess.run(
        command, cwd=ROOT, env=kept | mine, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.processes
def test_a_taken_port_is_one_sentence_and_changes_nothing(tmp_path):
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = other.getsockname()[1]
        done = start(tmp_path, port)

    assert done.returncode == 1
    assert done.stderr.startswith(f"CommandError: Port {port} is taken by another program")
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "db.sqlite3").exists()


@pytest.mark.processes
def test_a_second_instance_is_one_sentence(tmp_path, settings):
    settings.DATA_DIR = tmp_path
    with installation.hold_data_dir():
        done = start(tmp_path, 1)
    assert done.stderr.startswith("CommandError: Another instance is running")
    assert len(done.stderr.splitlines()) == 1


# --- Seeing that a part is frozen -----------------------------------------------------------------


def test_silence_counts_only_when_it_lasts(monkeypatch):
    clock = iter([0, 5, 9, 12, 13, 24])
    answers = iter([True, True, False, True, True, True])
    monkeypatch.setattr(parts.time, "monotonic", lambda: next(clock))
    is_frozen = parts.SilentFor(10, lambda: next(answers))
    assert [is_frozen() for _ in range(6)] == [False, False, False, False, False, True]
