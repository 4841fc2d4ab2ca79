"""A backup put back: files first, each checked as it is copied, and the database last.

Until the database is put in place nothing that is there is changed: files have names that are never
given twice, and one without a row does no harm.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

from documents import files
from documents.models import Document, Worker
from documents.services import healing, retention
from documents.services.backup import FILES, SECRET_KEY, SUMS, BackupFailed, Manifest, read_manifest
from documents.services.snapshots import POSTGRES_FILE, SQLITE_FILE, SnapshotFailed, put_back

OnFile = Callable[[int], None]


class BackupDamaged(BackupFailed):
    """Files of the backup are missing or altered."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        super().__init__(f"{len(names)} files of the backup are missing or altered")


def restore(
    backup: Path, *, replace: bool, despite_damage: bool = False, on_file: OnFile = lambda _: None
) -> Manifest:
    """Put a backup in the place of what is here; its database may still have to be migrated.

    Nothing else of the product may run. `replace` lets documents that are here go.
    Raises BackupFailed; BackupDamaged unless `despite_damage`. The database is as it was then.
    """
    manifest = read_manifest(backup)
    _check_whole(backup, manifest)
    _check_fits(manifest)
    _check_empty_and_quiet(replace)
    damaged = _copy_files(backup, on_file)
    lost = [name for name in damaged if not name.startswith(f"{FILES}/")]
    if lost or (damaged and not despite_damage):
        raise BackupDamaged(damaged)
    os.sync()
    try:
        put_back(backup, manifest.vendor)
    except SnapshotFailed as error:
        raise BackupFailed(str(error)) from error
    _put_back_key(backup)
    return manifest


def tidy_up() -> None:
    """Once the database is up to date: let workers of then go, and what no row names any more."""
    Worker.objects.all().delete()
    retention.sweep_orphans()


def _check_whole(backup: Path, manifest: Manifest) -> None:
    """The list of sums is all there: what it does not name would not be missed."""
    named, database = 0, False
    for _, name in _sums(backup):
        named += name.startswith(f"{FILES}/")
        database = database or name in (SQLITE_FILE, POSTGRES_FILE)
    if named != manifest.files or not database:
        raise BackupFailed(f"{backup} is not a whole backup: {SUMS} does not name everything.")


def _check_fits(manifest: Manifest) -> None:
    if manifest.vendor != connection.vendor:
        raise BackupFailed(
            f"The backup's database is {manifest.vendor}, the one here is {connection.vendor}:"
            " DATABASE_URL must name one of the same kind."
        )
    loader = MigrationLoader(None, ignore_no_migrations=True)
    if ("documents", manifest.schema) not in loader.disk_migrations:
        raise BackupFailed(
            f"The backup was made by a newer Folio (its database is at {manifest.schema}):"
            " restore it with that one."
        )


def _check_empty_and_quiet(replace: bool) -> None:
    tables = connection.introspection.table_names()
    if Worker._meta.db_table in tables:
        alive = timezone.now() - timedelta(seconds=2 * settings.OCR_JOB_LIMITS.lease_seconds)
        for worker in Worker.objects.filter(beat_at__gte=alive):
            if not healing.is_dead_neighbour(worker.name):
                raise BackupFailed(
                    f"The worker {worker.name} was heard of less than a minute ago: stop Folio"
                    " first, on every machine that shares this database."
                )
    if not replace and Document._meta.db_table in tables and Document.objects.exists():
        raise BackupFailed(
            "There are documents here already. Restore into an empty installation, or say"
            " --replace to let them go."
        )


def _copy_files(backup: Path, on_file: OnFile) -> list[str]:
    """Every file into the store; names in the backup of what is missing or altered."""
    damaged = []
    for number, (sha256, name) in enumerate(_sums(backup), 1):
        stored = name.removeprefix(f"{FILES}/")
        try:
            if stored == name:
                is_right = files.digest(backup / name)[0] == sha256
            else:
                is_right = _is_there(stored, sha256) or _copy(backup / name, stored, sha256)
        except FileNotFoundError:
            is_right = False
        if not is_right:
            damaged.append(name)
        on_file(number)
    return damaged


def _sums(backup: Path) -> Iterator[tuple[str, str]]:
    try:
        with (backup / SUMS).open() as lines:
            for line in lines:
                sha256, _, name = line.rstrip("\n").partition("  ")
                yield sha256, name
    except FileNotFoundError:
        raise BackupFailed(f"{backup} is not a whole backup: {SUMS} is missing.") from None


def _is_there(stored: str, sha256: str) -> bool:
    with suppress(FileNotFoundError):
        return files.digest(files.path_of(stored))[0] == sha256
    return False


def _copy(source: Path, stored: str, sha256: str) -> bool:
    """Into the store under its name, if it is what it should be; it appears there whole."""
    target = files.path_of(stored)
    target.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    unfinished = target.with_name(f"{target.name}.part")
    found = hashlib.sha256()
    with source.open("rb") as whole, unfinished.open("wb") as copy:
        os.chmod(copy.fileno(), 0o640)
        while chunk := whole.read(files.CHUNK):
            found.update(chunk)
            copy.write(chunk)
    if found.hexdigest() != sha256:
        unfinished.unlink()
        return False
    unfinished.replace(target)
    return True


def _put_back_key(backup: Path) -> None:
    """So that what it signed can be read again; a key in the environment goes before any file."""
    if (backup / SECRET_KEY).exists():
        target = settings.DATA_DIR / SECRET_KEY
        unfinished = target.with_name(f"{SECRET_KEY}.part")
        unfinished.touch(mode=0o600)
        unfinished.write_text((backup / SECRET_KEY).read_text())
        unfinished.replace(target)
