"""An installation for a trial: its data, its workers, and what is handed in."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.own_database import OwnDatabase, own_database

if TYPE_CHECKING:
    from tests.processes.cluster import Cluster

START_SECONDS = 60
PAGES_PER_FILE = 500


@contextlib.contextmanager
def installation() -> Iterator[tuple[Path, OwnDatabase]]:
    """A folder and a database, for this process and for those that it starts."""
    with tempfile.TemporaryDirectory(prefix="trial-") as name:
        folder = Path(name)
        os.environ |= {
            "OCR_DATA_DIR": str(folder / "data"),
            "OCR_ALLOWED_HOSTS": "testserver,localhost",
            "OCR_LOG_LEVEL": "WARNING",
            "DJANGO_SETTINGS_MODULE": "ocrsite.settings",
        }
        (folder / "data").mkdir()
        with own_database(folder / "data") as database:
            os.environ.update(database.environment)
            import django
            from django.core.management import call_command
            from django.db import connections

            django.setup()
            call_command("migrate", verbosity=0)
            try:
                yield folder, database
            finally:
                connections.close_all()


def database_name() -> str:
    from django.db import connection

    return {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[connection.vendor]


@contextlib.contextmanager
def running_workers(
    folder: Path,
    database: OwnDatabase,
    *,
    settings: str = "tests.reliability.settings",
    workers: int = 4,
    **environment: str,
) -> Iterator[Cluster]:
    """The workers under the real supervisor; gone, whatever happened, when the block ends."""
    from tests.processes.cluster import ROOT, Cluster, left_of
    from tests.processes.looks import wait_until

    told = {**os.environ, "DJANGO_SETTINGS_MODULE": settings, "OCR_WORKERS": str(workers)}
    told |= environment
    log_file = folder / "log"
    with log_file.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.processes.supervise"],
            cwd=ROOT,
            env=told,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    cluster = Cluster(process, folder, told, database)
    try:
        wait_until(cluster.is_complete, START_SECONDS, f"the cluster runs; see {log_file}")
        yield cluster
    except AssertionError as error:
        raise AssertionError(f"{error}\n{cluster.log[-3000:]}") from None
    finally:
        family = cluster.family()
        if process.poll() is None:
            cluster.stop()
        wait_until(lambda: not left_of(family), 15, "everything stopped with the supervisor")


def make_owner(name: str) -> Any:
    """Somebody who may hand in as much as they like."""
    from django.contrib.auth.models import User

    from documents.models import Usage

    owner = User.objects.create_user(name)
    Usage.objects.create(
        owner=owner, pages_per_month=10**9, storage_limit_bytes=10**12, open_jobs=10**6
    )
    return owner


def hand_in(owner: Any, name: str, content: bytes) -> Any:
    """One file, through the service that every door uses; returns its document."""
    from django.core.files.uploadedfile import TemporaryUploadedFile

    from documents.services.uploads import accept_upload

    file = TemporaryUploadedFile(name, "application/octet-stream", len(content), None)
    file.write(content)
    file.flush()
    acceptance = accept_upload(owner=owner, uploaded=[file])
    file.close()
    if not acceptance.documents:
        raise RuntimeError(f"{name} was not accepted: {acceptance.refused} {acceptance.known}")
    return acceptance.documents[0]


def tiff_of(colours: list[tuple[int, int, int]], side: int = 16) -> bytes:
    """A page of each colour."""
    from PIL import Image

    pages = [Image.new("RGB", (side, side), colour) for colour in colours]
    buffer = io.BytesIO()
    pages[0].save(buffer, "TIFF", save_all=True, append_images=pages[1:])
    return buffer.getvalue()


def hand_in_stub_pages(owner: Any, count: int, *, per_file: int = PAGES_PER_FILE) -> list[Any]:
    """So many pages of no content, in files of their own bytes."""
    documents = []
    for start in range(0, count, per_file):
        colours = [
            (owner.pk % 256, n // 256 % 256, n % 256) for n in range(start, start + per_file)
        ]
        content = tiff_of(colours[: count - start])
        documents.append(hand_in(owner, f"pages-{start}.tif", content))
    return documents


def wait_for_pages(owner: Any, seconds: float, every: float = 1.0) -> float:
    """Seconds until no page of theirs is open. Raises AssertionError when that takes longer."""
    from documents.models import Page
    from documents.models.document import OPEN_STATES

    start = time.monotonic()
    open_pages = Page.objects.filter(document__owner=owner, state__in=OPEN_STATES)
    while open_pages.exists():
        if time.monotonic() - start > seconds:
            raise AssertionError(f"{open_pages.count()} pages are open after {seconds:.0f} s")
        time.sleep(every)
    return time.monotonic() - start
