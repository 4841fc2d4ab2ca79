"""What every address of the programs' door has in common."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, QueryDict
from django.http.response import HttpResponseBase
from django.views.decorators.http import conditional_page
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from documents.api.throttling import Allowance
from documents.upload_handler import open_the_door


class ApiView(APIView):
    http_method_names = ["get", "head", "post", "delete"]
    allowance: Allowance | None = None

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        """With an ETag on whatever is small and whole, and 304 where it is known."""
        return conditional_page(super().as_view(**initkwargs))

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.open_for(request._request, request.user)

    def files_for(self, user: Any) -> int:
        """How many files a body may bring, which then reach the disk as they arrive."""
        return 0

    def open_for(self, request: HttpRequest, user: Any) -> None:
        """Call once it is known who asks, and before anything reads the body."""
        if request.method == "POST" and (files := self.files_for(user)):
            open_the_door(request, files=files)

    def finalize_response(
        self, request: Request, response: HttpResponseBase, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        response = super().finalize_response(request, response, *args, **kwargs)
        response.headers.setdefault("Cache-Control", "private, no-cache")
        if self.allowance:
            for name, value in self.allowance.headers.items():
                response.headers[name] = value
        return response

    def checked(self, serializer: type[Serializer], values: Any) -> dict[str, Any]:
        """The values that a serializer allows, by name. Raises ValidationError."""
        # A form's empty field counts as left out; a program that sends one means it.
        plain = values.dict() if isinstance(values, QueryDict) else values
        asked = serializer(data=plain, context={"request": self.request})
        asked.is_valid(raise_exception=True)
        return asked.validated_data


@extend_schema(exclude=True)
class Nothing(ApiView):
    """An address that leads nowhere, told as a problem like every other."""

    http_method_names = ["get", "head", "post", "put", "patch", "delete", "options"]

    def get(self, request: Request, **kwargs: Any) -> HttpResponseBase:
        raise Http404

    post = put = patch = delete = options = get
