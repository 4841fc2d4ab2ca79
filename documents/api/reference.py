"""What programs can do, for programs and for people: the OpenAPI file and a page that shows it."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.http import conditional_page, require_safe

SCHEMA_FILE = settings.BASE_DIR / "docs" / "openapi.yaml"
"""Kept in the repository, where a test holds it to the code: nothing is made on demand."""


@conditional_page
@require_safe
def schema(request: HttpRequest) -> HttpResponse:
    response = HttpResponse(SCHEMA_FILE.read_bytes(), content_type="application/vnd.oai.openapi")
    response.headers["Cache-Control"] = "public, no-cache"
    return response


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    return render(request, "documents/api.html")


def schema_as_yaml() -> str:
    """The schema as the code says it, in English."""
    # The generator and the libraries it loads are no part of a web process.
    from drf_spectacular.generators import SchemaGenerator  # noqa: PLC0415
    from drf_spectacular.renderers import OpenApiYamlRenderer  # noqa: PLC0415
    from drf_spectacular.validation import validate_schema  # noqa: PLC0415

    with translation.override("en"):
        made = SchemaGenerator().get_schema(request=None, public=True)
        validate_schema(made)
        return OpenApiYamlRenderer().render(made, renderer_context={}).decode()
