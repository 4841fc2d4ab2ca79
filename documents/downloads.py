"""Bytes on their way out, the same through every door: a browser may do little with them."""

from __future__ import annotations

from pathlib import PurePath
from typing import BinaryIO

from django.http import FileResponse, Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header, quote_etag

from documents import files
from documents.models import Document
from ocrengine.decoder.sniffing import MIME

VIEW_MIME = {".webp": "image/webp", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}
TEXT_MIME = {"txt": "text/plain; charset=utf-8", "json": "application/json"}
INERT = "default-src 'none'; sandbox"
"""For bytes that somebody handed in: even opened in a tab they run nothing and load nothing."""


def original_response(document: Document) -> HttpResponseBase:
    """What was handed in, byte for byte; its type is ours, found by looking at the bytes."""
    mime = MIME.get(document.kind, "application/octet-stream")
    response = FileResponse(_open(document.original_name), content_type=mime)
    return as_download(response, document.title)


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


def as_download(response: HttpResponseBase, name: str) -> HttpResponseBase:
    response.headers["Content-Disposition"] = content_disposition_header(True, _file_name(name))
    response.headers["Content-Security-Policy"] = INERT
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _file_name(label: str) -> str:
    """No folder, and nothing that is not seen: a browser may take either at its word."""
    return "".join(c if c.isprintable() and c not in "/\\" else "_" for c in label)


def export_name(document: Document, form: str) -> str:
    return f"{PurePath(document.title).stem or document.id}.{form}"
