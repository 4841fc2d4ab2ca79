"""What the product refuses, and the sentence for every code a page or a file can end with.

DocumentsError                  code                 HTTP
|- BatchTooLarge                batch_too_large      413
|- BodyTooLarge                 body_too_large       413
|- UploadInterrupted            upload_interrupted   400
|- NothingUploaded              no_files             400
|- DiskFull                     disk_full            507
|- DatabaseAway                 database_away        503
|- TooManyJobs                  too_many_jobs        429
|- StorageFull                  storage_full         413
|- PagesUsedUp                  pages_used_up        429
|- TooManyTries                 too_many_tries       429
|- NoSuchUser                   no_such_user         422
|- ShareWithOneself             share_with_oneself   422
|- CollectionUnnamed            collection_unnamed   422
|- CollectionExists             collection_exists    409
|- NotCancellable               not_cancellable      409
|- NotRetryable                 not_retryable        409
|- NotSetAside                  not_set_aside        409
|- NotRereadable                not_rereadable       409
|- UnknownBundle                unknown_bundle       400
|- TooManyTokens                too_many_tokens      409
|- OneFileOnly                  one_file_only        400
|- InvalidCursor                invalid_cursor       400
|- IdempotencyKeyInvalid        idempotency_key_invalid  400
|- IdempotencyKeyBusy           idempotency_key_busy     409
`- IdempotencyKeyReused         idempotency_key_reused   422

Codes of files and pages come from ocrengine.errors; sentence_for() words them in the reader's
language, so that web, API and admin say the same thing.
"""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from django.db import InterfaceError, OperationalError
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

POSTGRES_DISK_FULL = "53100"
POSTGRES_AWAY = ("08", "53", "55", "57")
"""Connections that break, resources that run out, locks that are not had, an operator who stops the
server: PostgreSQL's error codes, appendix A."""
SQLITE_AWAY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR)


class DocumentsError(Exception):
    code = "error"
    http_status = 400

    def __init__(self, **params: Any) -> None:
        super().__init__(self.code)
        self.params = params

    @property
    def sentence(self) -> str:
        return sentence_for(self.code, self.params)


class BatchTooLarge(DocumentsError):
    code = "batch_too_large"
    http_status = 413


class NothingUploaded(DocumentsError):
    code = "no_files"


class BodyTooLarge(DocumentsError):
    code = "body_too_large"
    http_status = 413


class UploadInterrupted(DocumentsError):
    code = "upload_interrupted"


class DiskFull(DocumentsError):
    code = "disk_full"
    http_status = 507


class DatabaseAway(DocumentsError):
    code = "database_away"
    http_status = 503


class TooManyJobs(DocumentsError):
    code = "too_many_jobs"
    http_status = 429


class StorageFull(DocumentsError):
    code = "storage_full"
    http_status = 413


class PagesUsedUp(DocumentsError):
    code = "pages_used_up"
    http_status = 429


class TooManyTries(DocumentsError):
    code = "too_many_tries"
    http_status = 429


class NoSuchUser(DocumentsError):
    code = "no_such_user"
    http_status = 422


class ShareWithOneself(DocumentsError):
    code = "share_with_oneself"
    http_status = 422


class CollectionUnnamed(DocumentsError):
    code = "collection_unnamed"
    http_status = 422


class CollectionExists(DocumentsError):
    code = "collection_exists"
    http_status = 409


class NotCancellable(DocumentsError):
    code = "not_cancellable"
    http_status = 409


class NotRetryable(DocumentsError):
    code = "not_retryable"
    http_status = 409


class NotSetAside(DocumentsError):
    code = "not_set_aside"
    http_status = 409


class NotRereadable(DocumentsError):
    code = "not_rereadable"
    http_status = 409


class UnknownBundle(DocumentsError):
    code = "unknown_bundle"


class TooManyTokens(DocumentsError):
    code = "too_many_tokens"
    http_status = 409


class OneFileOnly(DocumentsError):
    code = "one_file_only"


class InvalidCursor(DocumentsError):
    code = "invalid_cursor"


class IdempotencyKeyInvalid(DocumentsError):
    code = "idempotency_key_invalid"


class IdempotencyKeyBusy(DocumentsError):
    code = "idempotency_key_busy"
    http_status = 409


class IdempotencyKeyReused(DocumentsError):
    code = "idempotency_key_reused"
    http_status = 422


SENTENCES: dict[str, str | Promise] = {
    # The whole upload
    "batch_too_large": gettext_lazy(
        "You chose %(files)s files; at most %(limit)s can be uploaded at once."
        " Nothing was uploaded."
    ),
    "no_files": gettext_lazy("No file arrived. Choose at least one."),
    "body_too_large": gettext_lazy(
        "The upload is larger than %(limit_mb)s MB. Nothing was uploaded."
    ),
    "disk_full": gettext_lazy(
        "The server has no room left for new files. Nothing was lost; tell its keeper."
    ),
    "database_away": gettext_lazy(
        "The database does not answer at the moment. Nothing was changed; try again in a few"
        " seconds."
    ),
    "storage_full": gettext_lazy(
        "The file needs %(size_mb)s MB, and you have %(left_mb)s MB of storage left."
    ),
    "pages_used_up": gettext_lazy(
        "This needs %(pages)s pages, and you have %(left)s of %(limit)s left this month."
        " The count starts again on %(date)s."
    ),
    "too_many_jobs": gettext_lazy(
        "You have %(jobs)s jobs running; the limit is %(limit)s. Nothing was uploaded;"
        " wait until one is finished, or cancel one."
    ),
    "no_name": gettext_lazy("The file has no usable name."),
    "upload_interrupted": gettext_lazy("The file did not arrive whole. Upload it again."),
    # One file (ocrengine.errors.REFUSAL_CODES)
    "empty_file": gettext_lazy("The file is empty."),
    "unsupported_type": gettext_lazy(
        "This is not one of the accepted kinds (PNG, JPEG, TIFF, WebP, BMP, GIF, PDF);"
        " it looks like %(looks_like)s."
    ),
    "file_too_large": gettext_lazy("The file is %(size_mb)s MB; the limit is %(limit_mb)s MB."),
    "too_many_pixels": gettext_lazy(
        "Page %(page)s is %(width)s × %(height)s pixels; the limit is %(limit_mp)s megapixels."
        " Scan at a lower resolution or split it."
    ),
    "side_too_long": gettext_lazy(
        "Page %(page)s is %(width)s × %(height)s pixels; the limit is %(limit)s pixels per side."
        " Split it."
    ),
    "too_many_pages": gettext_lazy(
        "The file has %(pages)s pages; the limit is %(limit)s. Split it."
    ),
    "no_page_size": gettext_lazy(
        "Page %(page)s has no usable size (%(width)s × %(height)s points)."
    ),
    "damaged": gettext_lazy(
        "The file is damaged at page %(page)s and could not be read. Save or scan it again."
    ),
    "suspect_blank": gettext_lazy(
        "Page %(page)s holds a picture that could not be drawn; it would have come out blank."
    ),
    "encrypted": gettext_lazy("The PDF needs a password. Remove the password and upload it again."),
    "no_pages": gettext_lazy("The file has no pages."),
    # One page
    "decoder_failed": gettext_lazy("The page could not be opened."),
    "page_timeout": gettext_lazy("Opening the page took longer than allowed."),
    "page_memory": gettext_lazy("Opening the page needs more memory than allowed."),
    "decoder_crashed": gettext_lazy("The page cannot be opened safely."),
    "out_of_memory": gettext_lazy("Reading the page needs more memory than allowed."),
    "engine_timeout": gettext_lazy("Reading the page took longer than allowed."),
    "engine_crashed": gettext_lazy("Reading the page ended unexpectedly, each time it was tried."),
    "engine_error": gettext_lazy("The page could not be read."),
    "bundle_missing": gettext_lazy(
        "The models that read text are missing or altered. Tell the keeper of this server."
    ),
    "file_missing": gettext_lazy("The stored file is missing. Tell the keeper of this server."),
    "worker_lost": gettext_lazy("The page's worker vanished, each time it was tried."),
    "internal_error": gettext_lazy("Something unexpected happened while the page was read."),
    "set_aside": gettext_lazy("The page was set aside by staff."),
    "cancelled": gettext_lazy("The page was cancelled before it was read."),
    # Actions
    "too_many_tries": gettext_lazy("Too many tries. Wait %(minutes)s minutes."),
    "no_such_user": gettext_lazy("Nobody here has the user name “%(name)s”."),
    "share_with_oneself": gettext_lazy("It is yours already."),
    "collection_unnamed": gettext_lazy("Give the collection a name."),
    "collection_exists": gettext_lazy("You have a collection named “%(name)s” already."),
    "not_cancellable": gettext_lazy("This job is finished; there is nothing to cancel."),
    "not_set_aside": gettext_lazy("Only a page that waits can be set aside."),
    "not_retryable": gettext_lazy("There is nothing here to try again."),
    "not_rereadable": gettext_lazy(
        "Pages of this document are still waiting or being read. Cancel its job, or let it finish."
    ),
    "unknown_bundle": gettext_lazy("There is nothing here called “%(bundle)s” to read with."),
    "too_many_tokens": gettext_lazy(
        "You have %(limit)s tokens; that is the most. Revoke one that is no longer used."
    ),
    # What programs may be told besides
    "nothing_accepted": gettext_lazy("None of the files could be accepted."),
    "one_file_only": gettext_lazy("Send exactly one file here."),
    "not_authenticated": gettext_lazy("Say who you are: send a token, or log in."),
    "token_invalid": gettext_lazy("This token is not known, or was revoked, or has expired."),
    "csrf_failed": gettext_lazy("The request came from a page without a valid CSRF token."),
    "scope_missing": gettext_lazy("This token may only read."),
    "permission_denied": gettext_lazy("You may not do this."),
    "not_found": gettext_lazy("It does not exist, was deleted, or is not yours."),
    "method_not_allowed": gettext_lazy("This address does not answer %(method)s."),
    "unsupported_media_type": gettext_lazy("A body of the type %(media_type)s is not understood."),
    "rate_limited": gettext_lazy("Too many requests. Try again in %(seconds)s seconds."),
    "malformed": gettext_lazy("The request could not be understood."),
    "invalid": gettext_lazy("Some values are not right; each is named under “errors”."),
    "invalid_cursor": gettext_lazy("The cursor does not belong to this list."),
    "idempotency_key_invalid": gettext_lazy(
        "An Idempotency-Key has 1 to 255 printable ASCII characters."
    ),
    "idempotency_key_busy": gettext_lazy(
        "A request with this Idempotency-Key is still being answered. Try again in a moment."
    ),
    "idempotency_key_reused": gettext_lazy(
        "This Idempotency-Key was used for a different request. Take a new one."
    ),
    "server_error": gettext_lazy(
        "The server met an error that it did not expect. Nothing that was accepted is lost."
    ),
}

# What ocrengine.decoder.sniffing.looks_like() says, in the reader's language.
LOOKS: dict[str, str | Promise] = {
    "PostScript": gettext_lazy("PostScript"),
    "a Photoshop file": gettext_lazy("a Photoshop file"),
    "JPEG 2000": gettext_lazy("JPEG 2000"),
    "a ZIP archive or an Office file": gettext_lazy("a ZIP archive or an Office file"),
    "an old Office file": gettext_lazy("an old Office file"),
    "a RAR archive": gettext_lazy("a RAR archive"),
    "a 7-Zip archive": gettext_lazy("a 7-Zip archive"),
    "a gzip archive": gettext_lazy("a gzip archive"),
    "a FITS file": gettext_lazy("a FITS file"),
    "a Windows program": gettext_lazy("a Windows program"),
    "a Linux program": gettext_lazy("a Linux program"),
    "a DDS texture": gettext_lazy("a DDS texture"),
    "a rich text file": gettext_lazy("a rich text file"),
    "a HEIC or AVIF photo": gettext_lazy("a HEIC or AVIF photo"),
    "a video": gettext_lazy("a video"),
    "a web page": gettext_lazy("a web page"),
    "an SVG drawing": gettext_lazy("an SVG drawing"),
    "an XML file": gettext_lazy("an XML file"),
    "text": gettext_lazy("text"),
    "something else": gettext_lazy("something else"),
}

NEXT_STEPS: dict[str, str | Promise] = {
    "page_timeout": gettext_lazy("Retry when the server is quiet, or scan at a lower resolution."),
    "page_memory": gettext_lazy("Scan at a lower resolution, or split the page."),
    "out_of_memory": gettext_lazy("Scan at a lower resolution, or split the page."),
    "engine_timeout": gettext_lazy(
        "Retry when the server is quiet, or scan at a lower resolution."
    ),
    "damaged": gettext_lazy("Upload a whole copy, or scan it again."),
    "suspect_blank": gettext_lazy("Save the file with another program and upload it again."),
    "decoder_failed": gettext_lazy("Save the file with another program and upload it again."),
    "decoder_crashed": gettext_lazy("Save the file with another program and upload it again."),
    "worker_lost": gettext_lazy("Retry; if it happens again, tell the keeper of this server."),
    "engine_crashed": gettext_lazy("Retry; if it happens again, tell the keeper of this server."),
    "engine_error": gettext_lazy("Retry; if it happens again, tell the keeper of this server."),
    "internal_error": gettext_lazy("Retry; if it happens again, tell the keeper of this server."),
    "bundle_missing": gettext_lazy("Retry when “manage.py doctor” finds the models whole again."),
    "file_missing": gettext_lazy("Retry when the file was restored from a backup."),
    "set_aside": gettext_lazy("Retry when staff say that it may be read."),
    "cancelled": gettext_lazy("Retry to have it read."),
    "disk_full": gettext_lazy("Retry when the server has room again."),
}
"""What a person can do about a page that failed, where there is something to be done."""


def sentence_for(code: str, params: dict[str, Any]) -> str:
    """The sentence of a code in the active language, with its figures."""
    sentence = SENTENCES.get(code, SENTENCES["engine_error"])
    if (guess := params.get("looks_like")) in LOOKS:
        params = {**params, "looks_like": LOOKS[guess]}
    try:
        return str(sentence) % params
    except (KeyError, ValueError):
        # A figure is missing: an older row, say. The code is better than a crash.
        return _("The page could not be read.") + f" ({code})"


def trouble_of(error: BaseException) -> DocumentsError | None:
    """DiskFull or DatabaseAway where that is what lies behind an error of a file or the database:
    there is nothing wrong with what was asked, and it can be asked again."""
    causes = list(_causes(error))
    numbers = [cause.errno for cause in causes if isinstance(cause, OSError)]
    of_sqlite = [getattr(cause, "sqlite_errorcode", None) for cause in causes]
    of_postgres = [getattr(cause, "sqlstate", None) for cause in causes]
    if (
        {errno.ENOSPC, errno.EDQUOT} & set(numbers)
        or sqlite3.SQLITE_FULL in of_sqlite
        or POSTGRES_DISK_FULL in of_postgres
    ):
        return DiskFull()
    if any(code is not None for code in of_sqlite):
        away = any(code is not None and code & 0xFF in SQLITE_AWAY for code in of_sqlite)
    else:
        # A connection that could not be had has no state.
        state = next((state for state in of_postgres if state), "08")
        of_database = isinstance(error, OperationalError | InterfaceError)
        away = of_database and state.startswith(POSTGRES_AWAY)
    return DatabaseAway() if away else None


def _causes(error: BaseException) -> Iterator[BaseException]:
    yield error
    if error.__cause__ is not None:
        yield from _causes(error.__cause__)


def problem_details(status: int, code: str, sentence: str, **more: Any) -> dict[str, Any]:
    """RFC 9457: `code` is for programs and never changes, `detail` is for people."""
    head = {"type": f"urn:folio:problem:{code}", "title": HTTPStatus(status).phrase}
    return {**head, "status": status, "code": code, "detail": sentence, **more}


def next_step_for(code: str) -> str:
    return str(NEXT_STEPS.get(code, ""))
