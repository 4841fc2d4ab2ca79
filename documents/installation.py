"""What must be true before the product starts: one instance, a current database, a first user."""

from __future__ import annotations

import fcntl
import hashlib
import secrets
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

KEPT_BACKUPS = 5
FIRST_USER = "admin"


class AlreadyRunning(Exception):
    """Another instance holds the data folder."""


def hold_data_dir() -> IO[str]:
    """A lock for as long as the returned file stays open; the kernel frees it with the process."""
    file = (settings.DATA_DIR / "up.lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise AlreadyRunning from None
    return file


def sqlite_path() -> Path | None:
    database = settings.DATABASES["default"]
    return Path(database["NAME"]) if database["ENGINE"].endswith("sqlite3") else None


def back_up_sqlite() -> Path | None:
    """A consistent copy through SQLite's own online backup; the oldest copies make room."""
    source = sqlite_path()
    if source is None or not source.exists():
        return None
    folder = settings.DATA_DIR / "backups"
    folder.mkdir(mode=0o750, exist_ok=True)
    target = folder / f"db-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}.sqlite3"
    with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(target)) as copy:
        live.backup(copy)
    target.chmod(0o640)
    for old in sorted(folder.glob("db-*.sqlite3"))[:-KEPT_BACKUPS]:
        old.unlink()
    return target


def has_unapplied_migrations() -> bool:
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def bring_database_up_to_date() -> Path | None:
    """Migrate when there is something to migrate; an existing database is backed up first."""
    if not has_unapplied_migrations():
        return None
    backup = back_up_sqlite()
    call_command("migrate", interactive=False, verbosity=0)
    return backup


def collect_static_files() -> None:
    """Only when a source changed: hashing and compressing them takes seconds."""
    digest = hashlib.sha256()
    for finder in get_finders():
        for path, storage in finder.list([]):
            digest.update(f"{path} {storage.get_modified_time(path).timestamp()}\n".encode())
    stamp = Path(settings.STATIC_ROOT) / ".stamp"
    if stamp.exists() and stamp.read_text() == digest.hexdigest():
        return
    call_command("collectstatic", interactive=False, verbosity=0, clear=True)
    stamp.write_text(digest.hexdigest())


def create_first_user() -> str | None:
    """The password of a first administrator, when there is no user at all; shown once."""
    users = get_user_model().objects
    if users.exists():
        return None
    password = secrets.token_urlsafe(12)
    users.create_superuser(FIRST_USER, "", password)
    return password
