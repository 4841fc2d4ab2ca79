"""Pages of a document: how each was read, its lines, its text, its picture."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from documents import access, queries
from documents.api import shapes
from documents.api.documents import queued
from documents.api.door import ApiView
from documents.api.once import IDEMPOTENCY_KEY, Asked, answer_once, in_one_transaction
from documents.api.paging import Listed, Paging, page_of
from documents.api.schema import refusals
from documents.downloads import INERT, VIEW_MIME, image_response, note_download
from documents.models import Page, Verb
from documents.services import jobs
from documents.services.idempotency import Answer


class PageList(Listed):
    results = shapes.Page(many=True)


class LineList(Listed):
    results = shapes.Line(many=True)


def represent(pages: Iterable[Page]) -> list[Any]:
    told = []
    for page in pages:
        page.problem = queries.page_problem(page)  # type: ignore[attr-defined]
        told.append(page)
    return shapes.Page(told, many=True).data


class Pages(ApiView):
    @extend_schema(
        operation_id="listPages",
        parameters=[Paging],
        responses={200: PageList, **refusals(400, 404)},
    )
    def get(self, request: Request, document_id: uuid.UUID) -> Response:
        """The pages of a document, in order."""
        asked = self.checked(Paging, request.query_params)
        document = access.document_for_reading(request.user, document_id)
        return page_of(request, document.pages.all(), ("index", "id"), represent, asked)


class OnePage(ApiView):
    @extend_schema(operation_id="getPage", responses={200: shapes.Page, **refusals(404)})
    def get(self, request: Request, document_id: uuid.UUID, number: int) -> Response:
        """One page: its state, its size in pixels, and why it has no text if it has none."""
        page = access.page_for_reading(request.user, document_id, number - 1)
        return Response(represent([page])[0])


class Lines(ApiView):
    @extend_schema(
        operation_id="listLines",
        parameters=[Paging],
        responses={200: LineList, **refusals(400, 404)},
    )
    def get(self, request: Request, document_id: uuid.UUID, number: int) -> Response:
        """The lines of a page in reading order, each with its place."""
        asked = self.checked(Paging, request.query_params)
        page = access.page_for_reading(request.user, document_id, number - 1)

        def represent_lines(lines: Iterable[Any]) -> list[Any]:
            return shapes.Line(lines, many=True).data

        answer = page_of(request, page.lines.all(), ("order", "id"), represent_lines, asked)
        note_download(request._request, Verb.EXPORT_JSON, page)
        return answer


class PageText(ApiView):
    @extend_schema(
        operation_id="getPageText",
        responses={(200, "text/plain"): OpenApiTypes.STR, **refusals(404)},
    )
    def get(self, request: Request, document_id: uuid.UUID, number: int) -> HttpResponse:
        """The text of a page, line by line; empty while there is none."""
        page = access.page_for_reading(request.user, document_id, number - 1)
        text = "".join(f"{line.text}\n" for line in queries.page_lines(page))
        note_download(request._request, Verb.EXPORT_TEXT, page)
        response = HttpResponse(text, content_type="text/plain; charset=utf-8")
        response.headers["Content-Security-Policy"] = INERT
        return response


class PageView(ApiView):
    @extend_schema(
        operation_id="getPageView",
        responses={
            **{(200, mime): OpenApiTypes.BINARY for mime in sorted(set(VIEW_MIME.values()))},
            **refusals(404),
        },
    )
    def get(self, request: Request, document_id: uuid.UUID, number: int) -> HttpResponseBase:
        """The page as a picture of at most 1600 pixels; 404 until it was read."""
        page = access.page_for_reading(request.user, document_id, number - 1)
        return image_response(request._request, page.view_name)


class PageRetry(ApiView):
    @extend_schema(
        operation_id="retryPage",
        parameters=[IDEMPOTENCY_KEY],
        request=None,
        responses={202: shapes.Queued, **refusals(400, 404, 409, 422)},
    )
    def post(self, request: Request, document_id: uuid.UUID, number: int) -> HttpResponse:
        """Read this page once more, if it failed or was cancelled."""
        page = access.page_for_changing(request.user, document_id, number - 1)

        def verb() -> Answer:
            return queued(request, page.document.job_id, jobs.retry_page(page))

        return answer_once(Asked(request), in_one_transaction(verb))
