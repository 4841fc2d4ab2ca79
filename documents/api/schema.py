"""What OpenAPI says that the views do not: refusals, headers, names."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

from documents.api.examples import EXAMPLES
from documents.api.problems import PROBLEM


class InvalidValue(serializers.Serializer):
    field = serializers.CharField()
    code = serializers.CharField()
    sentence = serializers.CharField()


class Refusal(serializers.Serializer):
    """Why one file was refused."""

    name = serializers.CharField()
    code = serializers.CharField()
    sentence = serializers.CharField()


class Problem(serializers.Serializer):
    """Why nothing was done (RFC 9457). `code` is for programs, `detail` for people."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField()
    detail = serializers.CharField()
    errors = InvalidValue(many=True, required=False)
    refused = Refusal(many=True, required=False)


REASONS = {
    400: "A value is not right; `errors` names each.",
    401: "No token, or one that opens nothing.",
    403: "The token may only read, or the browser's CSRF token is missing.",
    404: "It does not exist, was deleted, or is not yours.",
    405: "The address does not answer this method.",
    409: "Not as things stand.",
    413: "Too large.",
    415: "A body of this type is not understood.",
    422: "Nothing could be accepted, or the Idempotency-Key was used for something else.",
    429: "Too many requests; `Retry-After` says when to come back.",
    503: "The database does not answer; `Retry-After` says when to come back.",
    507: "The server's disk is full.",
}
ANYWHERE = (401, 405, 429, 503)
TO_CHANGE = (401, 403, 405, 429, 503)


def refusals(*statuses: int) -> dict[tuple[int, str], OpenApiResponse]:
    """Responses for these statuses; those that any address may answer are added to all."""
    return {(status, PROBLEM): OpenApiResponse(Problem, REASONS[status]) for status in statuses}


class BearerScheme(OpenApiAuthenticationExtension):
    target_class = "documents.api.auth.BearerAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "folio_…"}


class SessionScheme(OpenApiAuthenticationExtension):
    target_class = "documents.api.auth.SessionAuthentication"
    name = "browser"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        says = "Of a logged-in browser. Behind TLS its name is `__Host-sessionid`."
        return {"type": "apiKey", "in": "cookie", "name": "sessionid", "description": says}


RATE_HEADERS = {
    "RateLimit-Policy": ("string", "What this token may ask, and in how many seconds."),
    "RateLimit-Limit": ("integer", "Requests a minute that this token has."),
    "RateLimit-Remaining": ("integer", "How many of them are left."),
    "RateLimit-Reset": ("integer", "Seconds until the minute is over."),
}
OTHER_HEADERS = {
    "Retry-After": ("integer", "Seconds after which to come back."),
    "WWW-Authenticate": ("string", "How to say who you are."),
}


def add_what_is_common(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """A postprocessing hook: refusals and headers, described once and referred to."""
    shared = result["components"]
    shared["headers"] = {
        name: {"schema": {"type": kind}, "description": says}
        for name, (kind, says) in {**RATE_HEADERS, **OTHER_HEADERS}.items()
    }
    shared["responses"] = {f"Problem{status}": _refusal(status) for status in REASONS}
    for item in result["paths"].values():
        for method, operation in item.items():
            _complete(operation["responses"], ANYWHERE if method == "get" else TO_CHANGE)
    return result


def _complete(responses: dict[str, Any], also: tuple[int, ...]) -> None:
    for status, response in list(responses.items()):
        if PROBLEM in response.get("content", {}):
            responses[status] = {"$ref": f"#/components/responses/Problem{status}"}
        else:
            response["headers"] = _headers(*RATE_HEADERS)
    for status in also:
        responses[str(status)] = {"$ref": f"#/components/responses/Problem{status}"}
    responses.update(sorted((status, responses.pop(status)) for status in list(responses)))


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _refusal(status: int) -> dict[str, Any]:
    names = {401: ("WWW-Authenticate",), 429: ("Retry-After",)}.get(status, ())
    shape = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {
        "description": REASONS[status],
        "headers": _headers(*names),
        "content": {PROBLEM: shape},
    }


def add_examples(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """A postprocessing hook: each operation with a line to paste."""
    for item in result["paths"].values():
        for operation in item.values():
            line = EXAMPLES[operation["operationId"]]
            operation["x-codeSamples"] = [{"lang": "Shell", "source": line}]
            says = operation["description"]
            operation["summary"] = says.partition("\n")[0]
            operation["description"] = f"{says}\n\n```\n{line}\n```"
    return result
