"""Documents: handing in, the list, one of them, its text and its bytes, reading it again."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from functools import partial
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from documents import access, summaries
from documents.api import shapes
from documents.api.door import ApiView
from documents.api.once import (
    IDEMPOTENCY_KEY,
    Asked,
    Record,
    answer_of,
    answer_once,
    in_one_transaction,
)
from documents.api.paging import Listed, Paging, page_of
from documents.api.schema import Refusal, refusals
from documents.downloads import export_response, original_response
from documents.errors import problem_details, sentence_for
from documents.limits import UserLimits
from documents.models import Document, Job
from documents.queries import limits_of
from documents.services import jobs, rereading, retention
from documents.services.idempotency import Answer
from documents.services.uploads import Acceptance, accept_upload
from documents.summaries import DocumentState
from documents.upload_handler import upload_fault
from ocrengine.decoder.sniffing import MIME

ORDERS = {
    "-created": ("-created_at", "-id"),
    "created": ("created_at", "id"),
    "-title": ("-title", "-id"),
    "title": ("title", "id"),
}


class DocumentsAsked(Paging):
    state = shapes.Choice(choices=DocumentState.choices, required=False)
    kind = shapes.Choice(choices=list(MIME), required=False)
    title = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=200,
        help_text="A part of the title, in any case.",
    )
    created_after = serializers.DateTimeField(required=False)
    created_before = serializers.DateTimeField(required=False)
    sort = shapes.Choice(choices=list(ORDERS), default="-created")


class DocumentList(Listed):
    results = shapes.Document(many=True)


class Upload(shapes.ReadingOptions):
    files = serializers.ListField(
        child=serializers.FileField(), help_text="PNG, JPEG, TIFF, WebP, BMP, GIF or PDF."
    )


class AcceptedFile(serializers.Serializer):
    id = serializers.UUIDField()
    name = serializers.CharField()
    url = serializers.URLField()
    text_url = serializers.URLField()
    known = serializers.BooleanField(
        help_text="You handed in the same bytes before: this is the earlier document."
    )


class Accepted(shapes.JobReference):
    accepted = AcceptedFile(many=True)
    refused = Refusal(many=True)


def represent(request: Request, documents: Sequence[Document]) -> list[Any]:
    found = summaries.summaries_of(documents)
    return shapes.Document(found, many=True, context={"request": request}).data


def accepted_as_dict(request: Request, acceptance: Acceptance) -> dict[str, Any]:
    """What the body of 202 says."""

    def address(name: str, key: object) -> str:
        return reverse(f"api:{name}", args=[key], request=request)

    def accepted(document: Document, name: str, *, known: bool) -> dict[str, Any]:
        return {
            "id": document.pk,
            "name": name,
            "url": address("document", document.pk),
            "text_url": address("document-text", document.pk),
            "known": known,
        }

    # Where nothing is new there is no new job: the one that read it before says how far it is.
    job = acceptance.job or acceptance.known[0].document.job
    return {
        "job": job.pk,
        "status_url": address("job", job.pk),
        "accepted": [
            *(accepted(one, one.title, known=False) for one in acceptance.documents),
            *(accepted(one.document, one.name, known=True) for one in acceptance.known),
        ],
        "refused": refused_as_list(acceptance),
    }


def refused_as_list(acceptance: Acceptance) -> list[dict[str, str]]:
    return [{"name": r.name, "code": r.code, "sentence": r.sentence} for r in acceptance.refused]


def take_in(
    request: Request,
    options: dict[str, Any],
    files: Sequence[Any],
    limits: UserLimits | None = None,
) -> HttpResponse:
    """Hand files to the service, once for each Idempotency-Key."""

    def act(record: Record) -> Answer:
        def answer_to(acceptance: Acceptance) -> Answer:
            return answer_of(202, accepted_as_dict(request, acceptance))

        acceptance = accept_upload(
            owner=request.user,
            uploaded=files,
            bundle=options.get("bundle"),
            mode=options["mode"],
            limits=limits,
            record=lambda acceptance: record(answer_to(acceptance)),
        )
        if acceptance.is_nothing:
            sentence = sentence_for("nothing_accepted", {})
            refused = refused_as_list(acceptance)
            body = problem_details(422, "nothing_accepted", sentence, refused=refused)
            return answer_of(422, body)
        return answer_to(acceptance)

    return answer_once(Asked(request, options, files), act)


class Documents(ApiView):
    parser_classes = [MultiPartParser]

    limits: UserLimits | None = None

    def files_for(self, user: Any) -> int:
        self.limits = limits_of(user)
        return self.limits.files_per_batch

    @extend_schema(
        operation_id="listDocuments",
        parameters=[DocumentsAsked],
        responses={200: DocumentList, **refusals(400)},
    )
    def get(self, request: Request) -> Response:
        """Documents, newest first unless asked otherwise."""
        asked = self.checked(DocumentsAsked, request.query_params)
        visible = access.visible_documents(request.user).select_related("owner")
        rows = _matching(visible, asked)
        order = ORDERS[asked["sort"]]
        return page_of(request, rows, order, partial(represent, request), asked)

    @extend_schema(
        operation_id="uploadDocuments",
        parameters=[IDEMPOTENCY_KEY],
        request={"multipart/form-data": Upload},
        responses={202: Accepted, **refusals(400, 409, 413, 415, 422, 507)},
    )
    def post(self, request: Request) -> HttpResponse:
        """Hand in files. Each is judged alone; what is accepted is read as one job."""
        files = request.FILES.getlist("files")
        if fault := upload_fault(request._request):
            raise fault
        options = self.checked(shapes.ReadingOptions, request.data)
        return take_in(request, options, files, self.limits)


def _matching(rows: QuerySet[Document], asked: dict[str, Any]) -> QuerySet[Document]:
    lookups = {
        "kind": "kind",
        "title": "title__icontains",
        "created_after": "created_at__gte",
        "created_before": "created_at__lt",
    }
    rows = rows.filter(**{lookups[name]: asked[name] for name in lookups if name in asked})
    return summaries.documents_in_state(rows, asked["state"]) if "state" in asked else rows


class Deleting(serializers.Serializer):
    for_good = serializers.BooleanField(default=False, help_text="Past the trash, at once.")


class OneDocument(ApiView):
    @extend_schema(operation_id="getDocument", responses={200: shapes.Document, **refusals(404)})
    def get(self, request: Request, document_id: uuid.UUID) -> Response:
        """One document, and how far it is."""
        document = access.document_for_reading(request.user, document_id)
        return Response(represent(request, [document])[0])

    @extend_schema(
        operation_id="deleteDocument",
        parameters=[Deleting],
        responses={204: None, **refusals(400, 404)},
    )
    def delete(self, request: Request, document_id: uuid.UUID) -> Response:
        """Into the trash, from where it can be taken back; or for good, and the storage with it."""
        asked = self.checked(Deleting, request.query_params)
        document = access.document_for_owning(request.user, document_id)
        if asked["for_good"] or not settings.OCR_TRASH_DAYS:
            retention.delete_document(document)
        else:
            retention.trash_document(document)
        return Response(status=status.HTTP_204_NO_CONTENT)


class DocumentText(ApiView):
    @extend_schema(
        operation_id="getDocumentText",
        responses={(200, "text/plain"): OpenApiTypes.STR, **refusals(404)},
    )
    def get(self, request: Request, document_id: uuid.UUID) -> HttpResponseBase:
        """All text in reading order, a form feed between pages; a page without says why."""
        document = access.document_for_reading(request.user, document_id)
        return export_response(request._request, document, "txt")


class ExportedProblem(serializers.Serializer):
    code = serializers.CharField()
    sentence = serializers.CharField()


class ExportedPage(serializers.Serializer):
    number = serializers.IntegerField()
    state = serializers.CharField()
    width = serializers.IntegerField()
    height = serializers.IntegerField()
    problem = ExportedProblem(allow_null=True)
    lines = shapes.Line(many=True)
    receipt = serializers.DictField(allow_null=True)
    notes = serializers.ListField(child=serializers.CharField())


class ExportedDocument(serializers.Serializer):
    """Everything that was read, and how."""

    id = serializers.UUIDField()
    title = serializers.CharField()
    kind = serializers.CharField()
    sha256 = serializers.CharField()
    uploaded = serializers.DateTimeField()
    page_count = serializers.IntegerField()
    notes = serializers.ListField(child=serializers.CharField())
    pages = ExportedPage(many=True)


class DocumentJson(ApiView):
    @extend_schema(
        operation_id="getDocumentJson", responses={200: ExportedDocument, **refusals(404)}
    )
    def get(self, request: Request, document_id: uuid.UUID) -> HttpResponseBase:
        """Every page with its lines, polygons, confidences, and how it was read."""
        document = access.document_for_reading(request.user, document_id)
        return export_response(request._request, document, "json")


class DocumentOriginal(ApiView):
    @extend_schema(
        operation_id="getDocumentOriginal",
        responses={
            **{(200, mime): OpenApiTypes.BINARY for mime in MIME.values()},
            **refusals(404),
        },
    )
    def get(self, request: Request, document_id: uuid.UUID) -> HttpResponseBase:
        """What was handed in, byte for byte."""
        document = access.document_for_reading(request.user, document_id)
        etag = quote_etag(document.sha256)
        known = get_conditional_response(request._request, etag=etag)
        response = known or original_response(request._request, document)
        response.headers["ETag"] = etag
        return response


def queued(request: Request, job_id: uuid.UUID, pages: int) -> Answer:
    status_url = reverse("api:job", args=[job_id], request=request)
    return answer_of(202, {"job": job_id, "status_url": status_url, "pages": pages})


class DocumentRetry(ApiView):
    @extend_schema(
        operation_id="retryDocument",
        parameters=[IDEMPOTENCY_KEY],
        request=None,
        responses={202: shapes.Queued, **refusals(400, 404, 409, 422)},
    )
    def post(self, request: Request, document_id: uuid.UUID) -> HttpResponse:
        """Read once more what failed or was cancelled."""
        document = access.document_for_changing(request.user, document_id)

        def verb() -> Answer:
            return queued(request, document.job_id, jobs.retry_document(document))

        return answer_once(Asked(request), in_one_transaction(verb))


class DocumentRerun(ApiView):
    @extend_schema(
        operation_id="rerunDocument",
        parameters=[IDEMPOTENCY_KEY],
        request=shapes.ReadingOptions,
        responses={202: shapes.Queued, **refusals(400, 404, 409, 413, 415, 422)},
    )
    def post(self, request: Request, document_id: uuid.UUID) -> HttpResponse:
        """Read every page again, with another bundle or in another mode, as a job of its own.

        What was read before stays until the new lines replace it.
        """
        document = access.document_for_changing(request.user, document_id)
        options = self.checked(shapes.ReadingOptions, request.data)

        def verb() -> Answer:
            job: Job = rereading.reread_document(document, **options)
            return queued(request, job.pk, document.page_count)

        return answer_once(Asked(request, options), in_one_transaction(verb))
