"""A request that is too large is refused before a byte of its body is read."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from documents.errors import BodyTooLarge
from documents.limits import MB
from documents.web.problems import problem_response


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
