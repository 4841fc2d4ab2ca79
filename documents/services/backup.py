"""A backup: one folder with the database of one moment and every file that its rows name.

    folio-20260131-030000-000000/
        manifest.json       what it is; written last
        SHA256SUMS          of every other file: sha256sum --check SHA256SUMS
        database.sqlite3    or database.pgdump
        secret_key          signs sessions and queued work; a secret, and so is the whole folder
        files/originals/…, files/views/…

It is made under a name of its own and renamed when it is whole and synced. A file that the newest
backup beside it holds already is a second name of that copy, if its bytes are still the right ones;
never of the live file, because what damages one would damage both.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings

from documents import files
from documents.services.snapshots import (
    Snapshot,
    SnapshotFailed,
    StoredFile,
    stored_files,
    take_snapshot,
)

log = logging.getLogger(__name__)

FORMAT = 1
MANIFEST, SUMS, SECRET_KEY, FILES = "manifest.json", "SHA256SUMS", "secret_key", "files"
UNFINISHED = ".part"
FAULTS_TOLD = 100


class BackupFailed(Exception):
    """Why there is no backup, or none to be had from this folder, in one sentence."""


@dataclass
class Manifest:
    """What manifest.json says."""

    made_at: str
    vendor: str
    schema: str
    """The last migration of the database: what is older can be brought up to date, newer not."""
    documents: int
    pages: int
    format: int = FORMAT
    files: int = 0
    size_bytes: int = 0
    linked: int = 0
    """Files that are second names of an earlier backup's."""
    faulty: int = 0
    """Files that were missing or altered where they are kept, and in the earlier backup too."""
    faults: list[str] = field(default_factory=list)
    """The first hundred of them."""


OnFile = Callable[[Manifest], None]


def back_up(folder: Path, *, keep: int, on_file: OnFile = lambda _: None) -> tuple[Path, Manifest]:
    """Make a new backup in `folder`, while others work, and let those beyond `keep` go.

    Whatever was committed when it began is in it. Raises BackupFailed; nothing new is there then.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _alone_in(folder):
        for dead in folder.glob(f"folio-*{UNFINISHED}"):
            shutil.rmtree(dead)
        target = folder / f"folio-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}"
        unfinished = target.with_name(target.name + UNFINISHED)
        try:
            # Before the snapshot is taken, and until the last file is copied: see there.
            with files.nothing_is_removed():
                manifest = _fill(unfinished, whole_backups(folder), on_file)
            os.sync()
            unfinished.rename(target)
            os.sync()
        except SnapshotFailed as error:
            raise BackupFailed(str(error)) from error
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise BackupFailed(
                f"There is no room for a backup in {folder}; nothing was kept of it."
            ) from error
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        for old in whole_backups(folder)[:-keep]:
            shutil.rmtree(old)
    log.info("backed_up files=%d linked=%d", manifest.files, manifest.linked)
    return target, manifest


def whole_backups(folder: Path) -> list[Path]:
    """Oldest first; a folder without a manifest, or under another name, is none."""
    return sorted(path.parent for path in folder.glob(f"folio-*[0-9]/{MANIFEST}"))


def read_manifest(backup: Path) -> Manifest:
    """Raises BackupFailed when this is no backup, or not one for us."""
    try:
        said = json.loads((backup / MANIFEST).read_text())
        if said["format"] > FORMAT:
            raise BackupFailed(f"{backup} was made by a newer Folio: restore it with that one.")
        return Manifest(**said)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BackupFailed(f"{backup} is not a whole backup: {MANIFEST} cannot be read.") from error


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise BackupFailed(f"Another backup into {folder} is being made.") from None
    else:
        yield
    finally:
        os.close(descriptor)


# --- Filling --------------------------------------------------------------------------------------


def _fill(backup: Path, earlier: list[Path], on_file: OnFile) -> Manifest:
    backup.mkdir(mode=0o700)
    names = backup / "names"
    snapshot = take_snapshot(backup, names)
    manifest = _manifest_of(snapshot)
    with (backup / SUMS).open("w") as sums:
        for stored in stored_files(names):
            _add(stored, backup, earlier[-1] if earlier else None, manifest, sums.write)
            on_file(manifest)
        names.unlink()
        with suppress(FileNotFoundError):  # it is in OCR_SECRET_KEY where there is no file
            _copy(settings.DATA_DIR / SECRET_KEY, backup / SECRET_KEY)
            sums.write(_sum(backup, SECRET_KEY))
        sums.write(_sum(backup, snapshot.file))
    (backup / MANIFEST).write_text(json.dumps(asdict(manifest), indent=2) + "\n")
    return manifest


def _manifest_of(snapshot: Snapshot) -> Manifest:
    return Manifest(
        made_at=f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC",
        vendor=snapshot.vendor,
        schema=snapshot.schema,
        documents=snapshot.documents,
        pages=snapshot.pages,
    )


def _sum(backup: Path, name: str) -> str:
    return f"{files.digest(backup / name)[0]}  {name}\n"


def _add(
    stored: StoredFile,
    backup: Path,
    earlier: Path | None,
    manifest: Manifest,
    write: Callable[[str], object],
) -> None:
    """One file into the backup, its line into SHA256SUMS, and into the manifest what was wrong."""
    inside = f"{FILES}/{stored.name}"
    target = backup / inside
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        sha256 = earlier and _link_from(earlier / inside, stored, target)
        if sha256:
            manifest.linked += 1
        else:
            sha256 = _copy(files.path_of(stored.name), target)
    except FileNotFoundError:
        _note_fault(manifest, f"{stored.name} is missing")
        return
    if stored.sha256 and sha256 != stored.sha256:
        _note_fault(manifest, f"{stored.name} is altered")
    manifest.files += 1
    manifest.size_bytes += target.stat().st_size
    write(f"{sha256}  {inside}\n")


def _note_fault(manifest: Manifest, fault: str) -> None:
    manifest.faulty += 1
    if len(manifest.faults) < FAULTS_TOLD:
        manifest.faults.append(fault)


def _link_from(copy: Path, stored: StoredFile, target: Path) -> str | None:
    """The hash of an earlier backup's copy that got a second name here; None when there is none,
    or it is not what it should be: then the live file is copied again."""
    try:
        if copy.stat().st_size != stored.size_bytes:
            return None
        right = stored.sha256 or files.digest(files.path_of(stored.name))[0]
        if files.digest(copy)[0] != right:
            return None
        os.link(copy, target)
    except OSError:  # not there; or the disk knows no second names
        return None
    return right


def _copy(source: Path, target: Path) -> str:
    """Copy one file and return the SHA-256 of what was written.

    Raises OSError (ENOSPC) before it takes the reserve of the disk that it writes to.
    """
    sha256 = hashlib.sha256()
    with source.open("rb") as whole:
        needed = os.fstat(whole.fileno()).st_size + settings.OCR_UPLOAD_LIMITS.disk_reserve_bytes
        if shutil.disk_usage(target.parent).free < needed:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        with open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as copy:
            while chunk := whole.read(files.CHUNK):
                sha256.update(chunk)
                copy.write(chunk)
    return sha256.hexdigest()
