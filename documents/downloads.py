"""Bytes on their way out, the same through every door: a browser may do little with them."""

from __future__ import annotations

from pathlib import PurePath
from typing import BinaryIO

from django.http import FileResponse, Http404, HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header, quote_etag

from documents import files
from documents.exporters import EXPORTERS
from documents.models import Document, Page, Verb
from documents.services import audit
from ocrengine.decoder.sniffing import MIME

VIEW_MIME = {".webp": "image/webp", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}
TEXT_MIME = {"txt": "text/plain; charset=utf-8", "json": "application/json"}
EXPORT_VERBS = {"txt": Verb.EXPORT_TEXT, "json": Verb.EXPORT_JSON}
INERT = "default-src 'none'; sandbox"
"""For bytes that somebody handed in: even opened in a tab they run nothing and load nothing."""


def original_response(request: HttpRequest, document: Document) -> HttpResponseBase:
    """What was handed in, byte for byte; its type is ours, found by looking at the bytes."""
    mime = MIME.get(document.kind, "application/octet-stream")
    response = FileResponse(_open(document.original_name), content_type=mime)
    note_download(request, Verb.DOWNLOAD_ORIGINAL, document)
    return _as_download(response, document.title)


def export_response(request: HttpRequest, document: Document, form: str) -> HttpResponseBase:
    """What was read, in one of the forms of TEXT_MIME."""
    response = StreamingHttpResponse(EXPORTERS[form](document), content_type=TEXT_MIME[form])
    note_download(request, EXPORT_VERBS[form], document)
    return _as_download(response, f"{PurePath(document.title).stem or document.id}.{form}")


def note_download(request: HttpRequest, verb: Verb, thing: Document | Page) -> None:
    """For the audit trail; who asks only how large it is takes nothing away."""
    if request.method == "GET":
        audit.record_leaving(verb, thing)


def image_response(request: HttpRequest, name: str) -> HttpResponseBase:
    """Our own re-encoding of a page, never the uploaded bytes; asked for again each time."""
    if not name:
        raise Http404
    etag = quote_etag(PurePath(name).stem)
    response: HttpResponseBase | None = get_conditional_response(request, etag=etag)
    if response is None:
        response = FileResponse(_open(name), content_type=VIEW_MIME[PurePath(name).suffix])
    response.headers["ETag"] = etag
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def _open(name: str) -> BinaryIO:
    try:
        return files.open_stored(name)
    except FileNotFoundError as missing:
        raise Http404 from missing


def _as_download(response: HttpResponseBase, name: str) -> HttpResponseBase:
    response.headers["Content-Disposition"] = content_disposition_header(True, _file_name(name))
    response.headers["Content-Security-Policy"] = INERT
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _file_name(label: str) -> str:
    """No folder, and nothing that is not seen: a browser may take either at its word."""
    return "".join(c if c.isprintable() and c not in "/\\" else "_" for c in label)
