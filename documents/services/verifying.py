"""Is everything there, and as it was? Rows and files held against each other, and changing neither.

Rows are read in pieces and findings handed on one by one, so that it takes the same memory over ten
documents and over ten million. It runs while the product works: before something is reported that a
deletion at this moment would explain, its row is looked at again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TypeVar

from django.db import DatabaseError, connection
from django.db.models import Count, F, Model, QuerySet

from documents import files
from documents.models import Document, Page
from documents.services import quotas, retention

Row = TypeVar("Row", bound=Model)
PIECE = 500
LEFT_OVER_AFTER = timedelta(hours=1)


class Kind(StrEnum):
    MISSING = "missing"
    """A row names a file that is not there."""
    TRUNCATED = "truncated"
    ALTERED = "altered"
    UNREADABLE = "unreadable"
    ORPHAN = "orphan"
    """A stored file that no row names, for a day or more: the nightly purge removes it."""
    LEFT_OVER = "left_over"
    """What an upload or a worker left that died, for an hour or more."""
    PAGES = "pages"
    """A document that has not as many pages as it says."""
    USAGE = "usage"
    """What somebody holds by our books is not what a recount finds."""
    DATABASE = "database"


@dataclass(frozen=True)
class Finding:
    kind: Kind
    name: str
    """A file, by its name under the files' folder; or what the database calls it."""
    detail: str
    document: str = ""
    """The id of the document that it belongs to."""


@dataclass
class Tally:
    """What was looked at."""

    files: int = 0
    size_bytes: int = 0


def verify(tally: Tally, on_file: Callable[[Tally], None] = lambda _: None) -> Iterator[Finding]:
    """Everything that is wrong. `on_file` is called after each file, with the tally so far."""
    try:
        yield from _database_faults()
        yield from _faults_of_rows()
        for checked in _stored():
            tally.files += 1
            tally.size_bytes += checked.size_bytes
            on_file(tally)
            if (fault := checked.fault()) and checked.is_still_named():
                kind, detail = fault
                yield Finding(kind, checked.name, detail, checked.document)
    except DatabaseError as error:
        yield Finding(Kind.DATABASE, "", str(error).strip())
        return
    yield from _what_nobody_names()


# --- The database ---------------------------------------------------------------------------------


def _database_faults() -> Iterator[Finding]:
    """What SQLite finds wrong in its own file; a PostgreSQL server watches over its own."""
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA integrity_check(100)")
        said = [row[0] for row in cursor.fetchall() if row[0] != "ok"]
        cursor.execute("PRAGMA foreign_key_check")
        broken = cursor.fetchall()
    yield from (Finding(Kind.DATABASE, "integrity", line) for line in said)
    for table, row, parent, _ in broken:
        yield Finding(Kind.DATABASE, table, f"row {row} names a row of {parent} that is not there")


def _faults_of_rows() -> Iterator[Finding]:
    counted = Document.objects.order_by().annotate(there=Count("pages"))
    wrong = counted.exclude(there=F("page_count")).values_list("pk", "there", "page_count")
    for key, there, said in wrong.iterator(chunk_size=PIECE):
        yield Finding(Kind.PAGES, "pages", f"has {there} pages, should have {said}", str(key))
    for drift in quotas.find_drift():
        detail = f"holds {drift.balance}, entries say {drift.entries}, rows {drift.recounted}"
        yield Finding(Kind.USAGE, f"user {drift.owner_id}", detail)


# --- Rows and their files -------------------------------------------------------------------------


@dataclass(frozen=True)
class _Stored:
    """A file as its row says that it is."""

    name: str
    size_bytes: int
    sha256: str
    """Empty where it was not kept."""
    document: str
    row: Document | Page

    def fault(self) -> tuple[Kind, str] | None:
        try:
            path = files.path_of(self.name)
            size = path.stat().st_size
            if size != self.size_bytes:
                kind = Kind.TRUNCATED if size < self.size_bytes else Kind.ALTERED
                return kind, f"has {size} bytes, should have {self.size_bytes}"
            if self.sha256 and files.digest(path)[0] != self.sha256:
                return Kind.ALTERED, "is not what was stored: its SHA-256 is another"
        except FileNotFoundError:
            return Kind.MISSING, f"is not there; {self.size_bytes} bytes"
        except (OSError, ValueError) as error:
            return Kind.UNREADABLE, str(error)
        return None

    def is_still_named(self) -> bool:
        """Whether its row is there and names this file now."""
        if isinstance(self.row, Document):
            return Document.objects.filter(pk=self.row.pk, original_name=self.name).exists()
        return Page.objects.filter(pk=self.row.pk, view_name=self.name).exists()


def _stored() -> Iterator[_Stored]:
    for document in _in_pieces(Document.objects.all()):
        yield _Stored(
            document.original_name,
            document.size_bytes,
            document.sha256,
            str(document.pk),
            document,
        )
    for page in _in_pieces(Page.objects.exclude(view_name="").defer("receipt")):
        yield _Stored(
            page.view_name,
            page.view_bytes,
            page.view_sha256,
            f"{page.document_id}, page {page.number}",
            page,
        )


def _in_pieces(rows: QuerySet[Row]) -> Iterator[Row]:
    """By key, each piece a query of its own: none stays open for the hours that hashing takes."""
    piece = list(rows.order_by("pk")[:PIECE])
    while piece:
        yield from piece
        piece = list(rows.filter(pk__gt=piece[-1].pk).order_by("pk")[:PIECE])


# --- Files that no row names ----------------------------------------------------------------------


def _what_nobody_names() -> Iterator[Finding]:
    for item in retention.find_orphans():
        if files.path_of(item.name).exists():
            yield Finding(Kind.ORPHAN, item.name, f"belongs to nothing; {item.size_bytes} bytes")
    limit = time.time() - LEFT_OVER_AFTER.total_seconds()
    for item in retention.sweep_debris(dry=True):
        if (touched := files.touched_at(item.name)) and touched < limit:
            yield Finding(Kind.LEFT_OVER, item.name, f"was left behind; {item.size_bytes} bytes")
