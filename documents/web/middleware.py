"""Around every request: its name in the log, who asks, no body larger than a batch may be, and what
a full disk or a database that is away is called."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Callable

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse

from documents import correlation
from documents.errors import BodyTooLarge, trouble_of
from documents.limits import MB
from documents.models import ApiToken, Door
from documents.services import audit, guessing
from documents.web.problems import problem_response

log = logging.getLogger(__name__)

_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


class RequestIdMiddleware:
    """Every line of the log, and the answer, carry the same id; a proxy's own is kept."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        offered = request.headers.get("X-Request-ID", "")
        name = offered if _REQUEST_ID.fullmatch(offered) else uuid.uuid4().hex
        token = correlation.REQUEST.set(name)
        try:
            response = self.get_response(request)
        finally:
            correlation.REQUEST.reset(token)
        response.headers["X-Request-ID"] = name
        return response


class BodyLimitMiddleware:
    """413 with a sentence when Content-Length passes what a whole batch may weigh."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        limit = settings.OCR_UPLOAD_LIMITS.body_bytes
        declared = request.META.get("CONTENT_LENGTH") or "0"
        if declared.isdigit() and int(declared) > limit:
            return problem_response(request, BodyTooLarge(limit_mb=limit // MB))
        return self.get_response(request)


class AddressMiddleware:
    """404 for an address that holds a NUL: nothing is called so, and PostgreSQL refuses to look.
    Programs' addresses and filters are checked one by one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        holds = "\0" in request.path_info or "%00" in request.META.get("QUERY_STRING", "")
        if holds and not request.path_info.startswith("/api/"):
            raise Http404
        return self.get_response(request)


class TroubleMiddleware:
    """507 or 503 with a sentence when a view had no room to write, or no database."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        trouble = trouble_of(error)
        if trouble is None:
            return None
        log.error("%s path=%s detail=%s", trouble.code, request.path, error)
        return problem_response(request, trouble)


class CallerMiddleware:
    """Tells the audit trail who asks, through which door and from where."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with audit.called_by(lambda: _caller_of(request)):
            return self.get_response(request)


def _caller_of(request: HttpRequest) -> audit.Caller:
    """As it is known now: logging in, or showing a token, changes it."""
    inside = request.resolver_match.namespaces if request.resolver_match else []
    door = next((door for door in (Door.API, Door.ADMIN) if door in inside), Door.WEB)
    token = getattr(request, "auth", None)  # set by Django REST framework
    prefix = token.prefix if isinstance(token, ApiToken) else ""
    try:
        place = guessing.place_of(get_adapter().get_client_ip(request))
    except PermissionDenied:
        place = ""  # no address: a server behind a Unix socket that names no proxy
    return audit.Caller(door, request.user, prefix, place[:64])
