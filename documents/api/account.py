"""Who this token speaks for, what it may, and how much room there is."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from documents import queries
from documents.api import shapes
from documents.api.door import ApiView
from documents.api.schema import refusals
from documents.models import ApiToken, Scope
from ocrengine.choose import BUNDLE_NAMES


class TokenInUse(serializers.Serializer):
    name = serializers.CharField()
    prefix = serializers.CharField()
    scope = shapes.Choice(choices=Scope.choices)
    expires_at = serializers.DateTimeField(allow_null=True)


class Left(serializers.Serializer):
    used = serializers.IntegerField()
    limit = serializers.IntegerField()
    left = serializers.IntegerField()


class Limits(serializers.Serializer):
    files_per_batch = serializers.IntegerField()
    open_jobs = serializers.IntegerField(help_text="Jobs at a time.")
    file_bytes = serializers.IntegerField()
    pages_per_file = serializers.IntegerField()
    page_pixels = serializers.IntegerField()
    jpeg_pixels = serializers.IntegerField()
    side_pixels = serializers.IntegerField()


class Account(serializers.Serializer):
    username = serializers.CharField()
    token = TokenInUse(allow_null=True, help_text="Null for a logged-in browser.")
    storage = Left(help_text="In bytes.")
    pages = Left(help_text="Pages of this month.")
    pages_reset_on = serializers.DateField()
    limits = Limits()
    bundles = serializers.ListField(child=serializers.CharField())


class Me(ApiView):
    @extend_schema(operation_id="getAccount", responses={200: Account, **refusals()})
    def get(self, request: Request) -> Response:
        """Your account: what this token may, and what is left to you."""
        return Response(Account(_account(request)).data)


def _account(request: Request) -> dict[str, Any]:
    usage = queries.usage_of(request.user)
    return {
        "username": request.user.get_username(),
        "token": request.auth if isinstance(request.auth, ApiToken) else None,
        "storage": _left(usage.storage_left, usage.limits.storage_limit_bytes),
        "pages": _left(usage.pages_left, usage.limits.pages_per_month),
        "pages_reset_on": usage.resets_on,
        "limits": {**asdict(settings.OCR_UPLOAD_LIMITS), **asdict(usage.limits)},
        "bundles": BUNDLE_NAMES,
    }


def _left(left: int, limit: int) -> dict[str, int]:
    return {"used": limit - left, "limit": limit, "left": left}
