"""Bytes at rest: the only module that knows where a file lies.

    incoming/   uploads on their way in, on the same file system, so that keeping one copies nothing
    originals/  what was handed in, byte for byte, under names made by us
    views/      one small re-encoded image per page, for the screen
    work/       one folder per lease: the working image, gone with it

Names are relative and opaque ("originals/3f/3f2a…"), so that another store can answer to them. A
name is never given twice, and what lies under it never changes: it is there whole, or gone.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

CHUNK = 1024 * 1024
KEPT = ("originals", "views")
_lasting: set[Path] = set()
"""Folders of which this process knows that a power cut leaves them where they are."""


class StoredFileMissing(FileNotFoundError):
    """A row says that a file is here, and it is not."""


def _root() -> Path:
    return Path(settings.OCR_FILES_DIR)


def _make_dir(path: Path) -> Path:
    path.mkdir(mode=0o750, parents=True, exist_ok=True)
    return path


def incoming_dir() -> Path:
    return _make_dir(_root() / "incoming")


def path_of(name: str) -> Path:
    """Where a stored name lies. Names are ours; one that leaves the root is a bug, not input."""
    path = (_root() / name).resolve()
    if not path.is_relative_to(_root().resolve()):
        raise ValueError(f"stored name leaves the root: {name!r}")
    return path


def _sync_dir(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _make_lasting_dir(path: Path) -> None:
    """Make a folder of the store, and sync its entry and those of all above it, the root's too.

    Also when it was there: whoever made it may not have synced it yet. Once per process.
    """
    _make_dir(path)
    if path in _lasting:
        return
    top = _root().resolve()
    for folder in (path, *path.parents):
        _sync_dir(folder.parent)
        if folder == top:
            break
    _lasting.add(path)


def keep(source: Path, folder: str, suffix: str = "") -> str:
    """Give a finished file a second, lasting name in the store; returns it.

    fsync(file), link, fsync(folder): when this returns, a power cut loses nothing. A link and not
    a rename, because the first name is its maker's to remove.
    """
    key = uuid.uuid4().hex
    name = f"{folder}/{key[:2]}/{key}{suffix}"
    target = path_of(name)
    _make_lasting_dir(target.parent)
    descriptor = os.open(source, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.chmod(source, 0o640)
    os.link(source, target)
    try:
        _sync_dir(target.parent)
    except OSError:
        target.unlink()  # nobody will know its name
        raise
    return name


@contextmanager
def _lock(how: int) -> Iterator[bool]:
    """The store's lock, for the block; False when it was not to be had without waiting."""
    descriptor = os.open(_make_dir(_root()) / ".lock", os.O_RDWR | os.O_CREAT, 0o640)
    try:
        try:
            fcntl.flock(descriptor, how)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


@contextmanager
def nothing_is_removed() -> Iterator[None]:
    """Whatever is stored stays until the block ends: for backups. A second block waits.

    Why a copy of the rows that is made inside the block names no file that is gone before the block
    ends: a file is discarded only after the transaction that let go of its row was committed.
    Either that was before the copy, and the copy does not name the file; or the discarder asks for
    the lock after the block began, is refused, and leaves the file to the nightly sweep. Whoever
    held the lock when the block was entered had committed before that; the block waits for it.
    """
    with _lock(fcntl.LOCK_EX):
        yield


def discard(names: Iterable[str]) -> bool:
    """Remove stored files; one that is gone already is no error.

    Call after the rows are gone for good. False when a backup runs: the files stay then, and their
    day as files without a row begins, after which the nightly sweep removes them.
    """
    with _lock(fcntl.LOCK_SH | fcntl.LOCK_NB) as may_remove:
        for name in filter(None, names):
            if may_remove:
                path_of(name).unlink(missing_ok=True)
            else:
                with suppress(FileNotFoundError):
                    os.utime(path_of(name))
    return may_remove


def digest(path: Path) -> tuple[str, int]:
    """SHA-256 and size in bytes, read in pieces."""
    sha256, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            sha256.update(chunk)
            size += len(chunk)
    return sha256.hexdigest(), size


def open_stored(name: str) -> BinaryIO:
    return path_of(name).open("rb")


@contextmanager
def as_local_path(name: str) -> Iterator[Path]:
    """A path that a child process can open, for as long as the block runs."""
    path = path_of(name)
    if not path.exists():
        raise StoredFileMissing(name)
    yield path


@contextmanager
def work_folder(key: str) -> Iterator[Path]:
    """A private folder that is gone when the block ends, however it ends."""
    folder = _make_dir(_root() / "work") / key
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def work_folders() -> set[str]:
    """Keys of the work folders there are."""
    return {folder.name for folder in _make_dir(_root() / "work").iterdir()}


@dataclass(frozen=True)
class Debris:
    """A file or folder, by its name under the root, that nobody answers for."""

    name: str
    size_bytes: int


def debris_of_work(keys: Iterable[str]) -> list[Debris]:
    return [_debris(_root() / "work" / key) for key in keys]


def stale_incoming(older_than: timedelta = timedelta(hours=1)) -> list[Debris]:
    """Uploads that broke off: no request lasts that long."""
    limit = time.time() - older_than.total_seconds()
    return [_debris(p) for p in incoming_dir().iterdir() if p.stat().st_mtime < limit]


def stored_batches(*, older_than: timedelta, size: int = 500) -> Iterator[list[Debris]]:
    """Everything kept, in pieces; young files are left out: their row may be on its way."""
    limit = time.time() - older_than.total_seconds()
    kept = (p for folder in KEPT for p in (_root() / folder).glob("*/*"))
    old = (_debris(path) for path in kept if path.stat().st_mtime < limit)
    while some := list(islice(old, size)):
        yield some


def _debris(path: Path) -> Debris:
    parts = [path, *path.rglob("*")] if path.is_dir() else [path]
    size = 0
    for part in parts:
        with suppress(FileNotFoundError):
            size += part.lstat().st_size
    return Debris(str(path.relative_to(_root())), size)


def touched_at(name: str) -> float | None:
    """When a file, or anything in a folder, was last changed, in seconds of the epoch; None when it
    is gone."""
    path = path_of(name)
    times = []
    for part in (path, *path.rglob("*")):
        with suppress(FileNotFoundError):
            times.append(part.lstat().st_mtime)
    return max(times, default=None)


def remove(debris: Iterable[Debris]) -> None:
    """Remove work folders and broken uploads; what is stored is discarded."""
    for item in debris:
        path = _root() / item.name
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def free_bytes() -> int:
    return shutil.disk_usage(_make_dir(_root())).free


def has_room(size_bytes: int = 0) -> bool:
    """Whether so much can be written without touching the reserve that the database lives on."""
    return free_bytes() - size_bytes >= settings.OCR_UPLOAD_LIMITS.disk_reserve_bytes
