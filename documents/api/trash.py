"""The trash: what is in it, taking something back, and letting it go for good."""

from __future__ import annotations

import uuid
from functools import partial

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from documents import access
from documents.api import shapes
from documents.api.documents import DocumentList, represent
from documents.api.door import ApiView
from documents.api.once import (
    IDEMPOTENCY_KEY,
    Asked,
    answer_of,
    answer_once,
    in_one_transaction,
)
from documents.api.paging import Paging, page_of
from documents.api.schema import refusals
from documents.services import retention
from documents.services.idempotency import Answer


class Trash(ApiView):
    @extend_schema(
        operation_id="listTrash",
        parameters=[Paging],
        responses={200: DocumentList, **refusals(400)},
    )
    def get(self, request: Request) -> Response:
        """Your documents in the trash, the last one first."""
        asked = self.checked(Paging, request.query_params)
        rows = access.trashed_documents(request.user).select_related("owner")
        order = ("-trashed_at", "-id")
        return page_of(request, rows, order, partial(represent, request), asked)


class OneInTrash(ApiView):
    @extend_schema(operation_id="purgeDocument", responses={204: None, **refusals(404)})
    def delete(self, request: Request, document_id: uuid.UUID) -> Response:
        """Let it go for good, and get its storage back."""
        retention.delete_document(access.document_in_trash(request.user, document_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class TakeBack(ApiView):
    @extend_schema(
        operation_id="restoreDocument",
        parameters=[IDEMPOTENCY_KEY],
        request=None,
        responses={200: shapes.Document, **refusals(400, 404, 409, 422)},
    )
    def post(self, request: Request, document_id: uuid.UUID) -> HttpResponse:
        """Take a document back out of the trash."""
        document = access.document_in_trash(request.user, document_id)

        def verb() -> Answer:
            retention.restore_document(document)
            return answer_of(200, represent(request, [document])[0])

        return answer_once(Asked(request), in_one_transaction(verb))
