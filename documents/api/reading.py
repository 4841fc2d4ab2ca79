"""Read this image now: the text in the answer, if it can be had in a few seconds."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from documents import access, queries
from documents.api import documents, pages, shapes
from documents.api.documents import Accepted, take_in
from documents.api.door import ApiView
from documents.api.once import IDEMPOTENCY_KEY
from documents.api.schema import refusals
from documents.errors import OneFileOnly
from documents.models import Document
from documents.services.waiting import wait_for_job
from documents.upload_handler import upload_fault


class WaitingOptions(shapes.ReadingOptions):
    wait = serializers.FloatField(
        min_value=0, max_value=25, default=10, help_text="Seconds; after them the answer is 202."
    )


class OneImage(WaitingOptions):
    file = serializers.FileField(help_text="One image of one page.")


class ReadPage(shapes.Page):
    text = serializers.CharField(allow_blank=True)
    lines = shapes.Line(many=True)


class ReadNow(serializers.Serializer):
    """A document of one page, read."""

    document = shapes.Document()
    page = ReadPage()


class Read(ApiView):
    parser_classes = [MultiPartParser]

    def files_for(self, user: Any) -> int:
        return 1

    @extend_schema(
        operation_id="readNow",
        parameters=[IDEMPOTENCY_KEY],
        request={"multipart/form-data": OneImage},
        responses={200: ReadNow, 202: Accepted, **refusals(400, 409, 413, 415, 422, 507)},
    )
    def post(self, request: Request) -> HttpResponse | Response:
        """Hand in one image and wait for its text.

        When it is not read in time, has several pages, or too many others wait, the answer is 202
        with a status address, as for any upload; nothing is lost.
        """
        files = request.FILES.getlist("file")
        if fault := upload_fault(request._request):
            raise fault
        if len(files) != 1:
            raise OneFileOnly
        options = self.checked(WaitingOptions, request.data)
        answer = take_in(request, options, files)
        return read_in_time(request, answer, options["wait"]) or answer


def read_in_time(request: Request, answer: HttpResponse, seconds: float) -> Response | None:
    if answer.status_code != 202:
        return None
    [accepted] = json.loads(answer.content)["accepted"]
    document = access.document_for_reading(request.user, accepted["id"])
    if document.page_count > 1 or not wait_for_job(document.job, seconds=seconds):
        return None
    return Response(as_read(request, document))


def as_read(request: Request, document: Document) -> dict[str, Any]:
    page = access.page_for_reading(request.user, document.pk, 0)
    lines = queries.page_lines(page)
    return {
        "document": documents.represent(request, [document])[0],
        "page": {
            **pages.represent([page])[0],
            "text": "".join(f"{line.text}\n" for line in lines),
            "lines": shapes.Line(lines, many=True).data,
        },
    }
