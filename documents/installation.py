"""What must be true before the product starts: a safe folder, one instance, a current database,
static files, a first user."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from documents.services.snapshots import copy_sqlite

KEPT_BACKUPS = 5
FIRST_USER = "admin"
NETWORK_FILE_SYSTEMS = {
    "afs",
    "ceph",
    "cifs",
    "glusterfs",
    "lustre",
    "nfs",
    "nfs4",
    "smb3",
    "smbfs",
}
NETWORK_FILE_SYSTEMS |= {"fuse.glusterfs", "fuse.sshfs"}
UNSERVED = ["drf_spectacular_sidecar/redoc*"]
"""Static files that no page of ours asks for: a second API browser of 12 MB."""


class NotReady(Exception):
    """Why the product cannot start, and what to do, in one sentence."""


# --- The data folder ----------------------------------------------------------------------------


def check_data_dir() -> None:
    """Raises NotReady where the product could not keep its data, or not safely."""
    folder: Path = settings.DATA_DIR
    if not os.access(folder, os.W_OK | os.X_OK):
        raise NotReady(
            f"The data folder {folder} cannot be written: change its owner or set OCR_DATA_DIR."
        )
    database = sqlite_path()
    kind = file_system_of(database.parent) if database else ""
    if kind in NETWORK_FILE_SYSTEMS:
        raise NotReady(
            f"SQLite would lose data on a network file system ({database} is on {kind}): set"
            " OCR_DATA_DIR to a local disk, or DATABASE_URL to a PostgreSQL server."
        )


def file_system_of(folder: Path, mounts: Path = Path("/proc/self/mounts")) -> str:
    """The kind of file system a folder lies on (Linux); empty when unknown."""
    if not mounts.exists():
        return ""
    best, kind = Path("/"), ""
    for line in mounts.read_text().splitlines():
        _, where, found, *_ = line.split(" ")
        mount = Path(where.replace("\\040", " "))
        if folder.resolve().is_relative_to(mount) and len(mount.parts) >= len(best.parts):
            best, kind = mount, found  # later lines lie on top of earlier ones
    return kind


def hold_data_dir() -> IO[str]:
    """Ours for as long as the returned file stays open; the kernel frees it with the process.

    Raises NotReady when another instance holds it.
    """
    file = (settings.DATA_DIR / "up.lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise NotReady(
            f"Another instance is running with {settings.DATA_DIR}: stop it first, or set"
            " OCR_DATA_DIR to another folder."
        ) from None
    return file


# --- The database ---------------------------------------------------------------------------------


def sqlite_path() -> Path | None:
    database = settings.DATABASES["default"]
    return Path(database["NAME"]) if database["ENGINE"].endswith("sqlite3") else None


def back_up_sqlite() -> Path | None:
    """A copy of the database alone in the backups folder, where the oldest copies make room: what
    an upgrade may be taken back with. None when there is no SQLite database."""
    source = sqlite_path()
    if source is None or not source.exists():
        return None
    folder = settings.DATA_DIR / "backups"
    folder.mkdir(mode=0o750, exist_ok=True)
    target = folder / f"db-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}.sqlite3"
    copy_sqlite(source, target)
    for old in sorted(folder.glob("db-*.sqlite3"))[:-KEPT_BACKUPS]:
        old.unlink()
    return target


def bring_database_up_to_date() -> Path | None:
    """Migrate when there is something to migrate; a database that holds something is backed up
    first, and the copy's path returned."""
    executor = MigrationExecutor(connection)
    if not executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return None
    backup = back_up_sqlite() if connection.introspection.table_names() else None
    call_command("migrate", interactive=False, verbosity=0)
    return backup


# --- Static files and the first user --------------------------------------------------------------


def static_digest() -> str:
    """Changes when any static file's name or content does."""
    digest = hashlib.sha256()
    for finder in get_finders():
        for path, storage in finder.list(UNSERVED):
            with storage.open(path) as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
            digest.update(f"{path} {content}\n".encode())
    return digest.hexdigest()


def collect_static_files() -> None:
    """Only when a source changed: naming and compressing them takes seconds."""
    stamp = Path(settings.STATIC_ROOT) / ".stamp"
    wanted = static_digest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    options = {"interactive": False, "verbosity": 0, "clear": True}
    call_command("collectstatic", ignore_patterns=UNSERVED, **options)
    stamp.write_text(wanted)


def create_first_user() -> str | None:
    """The password of a first administrator, when there is no user at all; kept nowhere."""
    users = get_user_model().objects
    if users.exists():
        return None
    password = secrets.token_urlsafe(12)
    users.create_superuser(FIRST_USER, "", password)
    return password
