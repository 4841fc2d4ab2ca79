"""A refusal as the caller wants it: JSON problem details (RFC 9457) or a page."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from documents.errors import DatabaseAway, DocumentsError, problem_details


def wants_json(request: HttpRequest) -> bool:
    asks = request.headers.get("Accept", "").startswith("application/json")
    return asks or request.path.startswith("/api/")


def problem_response(request: HttpRequest, error: DocumentsError) -> HttpResponse:
    if wants_json(request):
        body = problem_details(error.http_status, error.code, error.sentence)
        return JsonResponse(body, status=error.http_status, content_type="application/problem+json")
    # A page would ask who is logged in.
    page = "503.html" if isinstance(error, DatabaseAway) else "documents/problem.html"
    return render(request, page, {"sentence": error.sentence}, status=error.http_status)
