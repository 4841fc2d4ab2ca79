"""Long lists by cursor: the next page begins after the last row seen, whatever came in between."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.core import signing
from django.db.models import Model, Q, QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from documents.errors import InvalidCursor

SALT = "documents.api.cursor"


class Paging(serializers.Serializer):
    limit = serializers.IntegerField(
        min_value=1, max_value=200, default=50, help_text="Entries in one answer."
    )
    cursor = serializers.CharField(
        required=False, help_text="Where to go on: taken from `next` of the answer before."
    )


def page_of(
    request: Request,
    rows: QuerySet[Any],
    order: tuple[str, str],
    represent: Callable[[Sequence[Any]], list[Any]],
    asked: dict[str, Any],
) -> Response:
    """Some rows after the cursor, and the address of the next ones.

    order   two fields of one direction, the second of them unique: together no two rows are equal
    asked   what Paging allows: limit and cursor
    """
    limit, cursor = asked["limit"], asked.get("cursor")
    place = [*order, str(request.path)]
    if cursor:
        rows = rows.filter(_after(order, _values_in(cursor, place)))
    found = list(rows.order_by(*order)[: limit + 1])
    following = None
    if len(found) > limit:
        found = found[:limit]
        following = _cursor_at(found[-1], order, place)
    address = request.build_absolute_uri()
    link = replace_query_param(address, "cursor", following) if following else None
    return Response({"next": link, "results": represent(found)})


def _cursor_at(row: Model, order: tuple[str, str], place: list[str]) -> str:
    values = [row.serializable_value(field.lstrip("-")) for field in order]
    return signing.dumps([place, [_as_text(value) for value in values]], salt=SALT)


def _as_text(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _values_in(cursor: str, place: list[str]) -> list[str]:
    """Signed by us, so that its values are ones a row had; and for this list in this order."""
    try:
        its_place, values = signing.loads(cursor, salt=SALT)
    except (signing.BadSignature, ValueError):
        raise InvalidCursor from None
    if its_place != place:
        raise InvalidCursor
    return values


def _after(order: tuple[str, str], values: list[str]) -> Q:
    """Rows behind the given one; the first condition repeats itself so that an index can serve."""
    (first, second), than = (field.lstrip("-") for field in order), "gt"
    if order[0].startswith("-"):
        than = "lt"
    later = Q(**{f"{first}__{than}": values[0]})
    tied = Q(**{first: values[0], f"{second}__{than}": values[1]})
    return Q(**{f"{first}__{than}e": values[0]}) & (later | tied)


class Listed(serializers.Serializer):
    """A part of a list. Each list adds its `results`."""

    next = serializers.URLField(allow_null=True, help_text="Where it goes on; null at its end.")
