"""The database as it is at one moment: copied out while others write, and put back.

SQLite is copied by its own online backup. PostgreSQL is dumped by pg_dump, in the snapshot of a
transaction of ours, so that what we read beside it is of the same moment.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder

from documents.models import Document, Page

SQLITE_FILE = "database.sqlite3"
POSTGRES_FILE = "database.pgdump"
_DOCUMENTS, _PAGES = Document._meta.db_table, Page._meta.db_table
# UNION, not UNION ALL: documents of the same bytes may share a file.
_STORED = (
    f"SELECT original_name, size_bytes, sha256 FROM {_DOCUMENTS}"  # noqa: S608
    f" UNION SELECT view_name, view_bytes, view_sha256 FROM {_PAGES} WHERE view_name <> ''"
)
_SCHEMA = "SELECT MAX(name) FROM django_migrations WHERE app = 'documents'"
LIBPQ = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "passfile": "PGPASSFILE",
    "service": "PGSERVICE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
}
"""How PostgreSQL's programs are told what DATABASE_URL says; arguments could be seen by others."""
Fetch = Callable[[str], Iterator[tuple[Any, ...]]]


class SnapshotFailed(Exception):
    """Why the database could not be copied or put back, in one sentence."""


@dataclass(frozen=True)
class Snapshot:
    """What a copy of the database is, and says."""

    vendor: str
    file: str
    schema: str
    """The last of our migrations."""
    documents: int
    pages: int


@dataclass(frozen=True)
class StoredFile:
    """A file as a row names it."""

    name: str
    size_bytes: int
    sha256: str
    """Empty where it was not kept."""


def take_snapshot(folder: Path, names: Path) -> Snapshot:
    """Copy the database into `folder`, and write into `names` which files its rows name: an object
    a line, because there may be millions, and the snapshot must not be held while they are copied.

    Raises SnapshotFailed.
    """
    if connection.vendor == "sqlite":
        return _take_sqlite(folder, names)
    return _take_postgres(folder, names)


def stored_files(names: Path) -> Iterator[StoredFile]:
    with names.open() as lines:
        for line in lines:
            yield StoredFile(*json.loads(line))


def put_back(folder: Path, vendor: str) -> None:
    """Put the copy of the database in `folder` in the place of ours, whatever that holds.

    Nothing else may be connected to it. Raises SnapshotFailed.
    """
    if vendor == "sqlite":
        _put_back_sqlite(folder / SQLITE_FILE)
    else:
        _put_back_postgres(folder / POSTGRES_FILE)


def _describe(vendor: str, file: str, fetch: Fetch, names: Path) -> Snapshot:
    with names.open("w") as lines:
        for row in fetch(_STORED):
            lines.write(f"{json.dumps(row)}\n")
    [(schema,)] = fetch(_SCHEMA)
    [(documents,)] = fetch(f"SELECT COUNT(*) FROM {_DOCUMENTS}")  # noqa: S608
    [(pages,)] = fetch(f"SELECT COUNT(*) FROM {_PAGES}")  # noqa: S608
    return Snapshot(vendor, file, schema, documents, pages)


# --- SQLite ---------------------------------------------------------------------------------------


def copy_sqlite(source: Path, target: Path) -> None:
    """A consistent copy through SQLite's own online backup, while others read and write; under
    its name only when it is whole."""
    unfinished = target.with_name(target.name + ".part")
    unfinished.touch(mode=0o600)
    with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(unfinished)) as copy:
        live.backup(copy)
    unfinished.rename(target)


def _take_sqlite(folder: Path, names: Path) -> Snapshot:
    target = folder / SQLITE_FILE
    copy_sqlite(Path(connection.settings_dict["NAME"]), target)
    with closing(sqlite3.connect(target)) as copy:
        [(said,)] = copy.execute("PRAGMA quick_check(1)")
        if said != "ok":
            raise SnapshotFailed(f"The database is damaged: {said}. Run manage.py verify.")
        return _describe("sqlite", SQLITE_FILE, lambda query: iter(copy.execute(query)), names)


def _put_back_sqlite(source: Path) -> None:
    connection.close()
    target = Path(connection.settings_dict["NAME"])
    unfinished = target.with_name(target.name + ".part")
    with source.open("rb") as copied, unfinished.open("wb") as into:
        os.chmod(into.fileno(), 0o640)
        shutil.copyfileobj(copied, into, 1024 * 1024)
        into.flush()
        os.fsync(into.fileno())
    # The journal of the database that goes would be played into the one that comes.
    for ending in ("-wal", "-shm"):
        target.with_name(target.name + ending).unlink(missing_ok=True)
    unfinished.replace(target)
    descriptor = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# --- PostgreSQL -----------------------------------------------------------------------------------


def _take_postgres(folder: Path, names: Path) -> Snapshot:
    def fetch(query: str) -> Iterator[tuple[Any, ...]]:
        with connection.chunked_cursor() as rows:
            rows.execute(query)
            yield from rows

    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            cursor.execute("SELECT pg_export_snapshot()")
            [snapshot] = cursor.fetchone()
        target = f"--file={folder / POSTGRES_FILE}"
        _run_tool("pg_dump", "--format=custom", f"--snapshot={snapshot}", target)
        return _describe("postgresql", POSTGRES_FILE, fetch, names)


def _put_back_postgres(source: Path) -> None:
    """In two steps: if the second fails the database is empty, and the backup is still there."""
    _run_tool("pg_restore", "--list", str(source), connects=False)  # before anything is dropped
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        for table in _own_tables(cursor):
            cursor.execute(f"DROP TABLE {connection.ops.quote_name(table)} CASCADE")
    _run_tool("pg_restore", "--single-transaction", "--no-owner", "--no-privileges", str(source))
    connection.close()


def _own_tables(cursor: Any) -> list[str]:
    """Raises SnapshotFailed when others have tables in this database."""
    there = connection.introspection.table_names(cursor)
    ours = {MigrationRecorder.Migration._meta.db_table}
    ours |= set(connection.introspection.django_table_names())
    if others := sorted(set(there) - ours):
        raise SnapshotFailed(
            f"The database has tables that are not Folio's, such as {others[0]}: restore into a"
            " database of its own."
        )
    return there


def _run_tool(tool: str, *arguments: str, connects: bool = True) -> None:
    """Run one of PostgreSQL's own programs on our database. Raises SnapshotFailed."""
    program = shutil.which(tool)
    if program is None:
        raise SnapshotFailed(
            f"{tool} is not on this machine: install PostgreSQL's client programs"
            " (postgresql-client on Debian and Ubuntu), not older than the server."
        )
    known = connection.get_connection_params()
    environment = {"PATH": os.defpath}
    environment |= {LIBPQ[key]: str(value) for key, value in known.items() if key in LIBPQ}
    target = [f"--dbname={known['dbname']}"] if connects else []
    command = [program, *arguments, *target]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SnapshotFailed(f"{tool} failed: {done.stderr.strip()}")
