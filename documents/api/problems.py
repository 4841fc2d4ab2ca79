"""Every refusal as problem details (RFC 9457): a code that never changes, a sentence that may."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.core.signals import got_request_exception
from django.http import Http404, UnreadablePostError
from rest_framework import exceptions
from rest_framework.response import Response

from documents.errors import (
    DatabaseAway,
    DocumentsError,
    TooManyTries,
    UploadInterrupted,
    problem_details,
    sentence_for,
    trouble_of,
)
from documents.limits import MB

log = logging.getLogger(__name__)

PROBLEM = "application/problem+json"
CODES: dict[type[Exception], tuple[int, str]] = {
    Http404: (404, "not_found"),
    exceptions.NotFound: (404, "not_found"),
    exceptions.NotAuthenticated: (401, "not_authenticated"),
    exceptions.AuthenticationFailed: (401, "token_invalid"),
    exceptions.PermissionDenied: (403, "permission_denied"),
    PermissionDenied: (403, "permission_denied"),
    exceptions.MethodNotAllowed: (405, "method_not_allowed"),
    exceptions.UnsupportedMediaType: (415, "unsupported_media_type"),
    exceptions.Throttled: (429, "rate_limited"),
    exceptions.ValidationError: (400, "invalid"),
    exceptions.ParseError: (400, "malformed"),
    RequestDataTooBig: (413, "body_too_large"),
    SuspiciousOperation: (400, "malformed"),
}
RETRY_SECONDS = 5
OWN_CODES = ("csrf_failed", "scope_missing")
"""Codes that an exception of the framework may carry instead of its class's."""


def respond(error: Exception, context: dict[str, Any]) -> Response:
    """What Django REST framework calls with whatever a view raised."""
    if isinstance(error, UnreadablePostError):
        error = UploadInterrupted()
    elif trouble := trouble_of(error):
        log.error("%s view=%s detail=%s", trouble.code, type(context["view"]).__name__, error)
        error = trouble
    if isinstance(error, DocumentsError):
        body = problem_details(error.http_status, error.code, error.sentence)
    else:
        body = _of_the_framework(error)
    if body is None:
        body = _unexpected(error, context)
    headers = _headers(error)
    return Response(body, status=body["status"], headers=headers, content_type=PROBLEM)


def _of_the_framework(error: Exception) -> dict[str, Any] | None:
    known = next((kind for kind in type(error).__mro__ if kind in CODES), None)
    if known is None:
        return None
    status, code = CODES[known]
    own = getattr(getattr(error, "detail", None), "code", None)
    if own in OWN_CODES:
        code = str(own)
    more = {}
    if isinstance(error, exceptions.ValidationError):
        more["errors"] = list(_invalid_fields(error.detail))
    return problem_details(status, code, sentence_for(code, _figures(error)), **more)


def _figures(error: Exception) -> dict[str, Any]:
    if isinstance(error, exceptions.Throttled):
        return {"seconds": math.ceil(error.wait or 1)}
    if isinstance(error, exceptions.MethodNotAllowed | exceptions.UnsupportedMediaType):
        said = error.args[0] if error.args else ""
        return {"method": said, "media_type": said}
    return {"limit_mb": settings.DATA_UPLOAD_MAX_MEMORY_SIZE // MB}


def _invalid_fields(detail: Any, field: str = "") -> Iterator[dict[str, str]]:
    """Each wrong value by its name, with a code and a sentence."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            yield from _invalid_fields(inner, f"{field}.{name}" if field else str(name))
    elif isinstance(detail, list):
        for inner in detail:
            yield from _invalid_fields(inner, field)
    else:
        yield {"field": field, "code": str(detail.code), "sentence": str(detail)}


def _headers(error: Exception) -> dict[str, str]:
    headers = {}
    if auth_header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = auth_header
    wait = getattr(error, "wait", None)
    if isinstance(error, TooManyTries):
        wait = error.params["minutes"] * 60
    if isinstance(error, DatabaseAway):
        wait = RETRY_SECONDS
    if wait:
        headers["Retry-After"] = str(math.ceil(wait))
    return headers


def _unexpected(error: Exception, context: dict[str, Any]) -> dict[str, Any]:
    """Told like any other refusal; what it was stands in the log, and tests see it raised."""
    view, request = context["view"], context["request"]
    log.error("api_raised view=%s", type(view).__name__, exc_info=error)
    got_request_exception.send(sender=type(view), request=request._request)
    return problem_details(500, "server_error", sentence_for("server_error", {}))
