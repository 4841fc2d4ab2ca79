"""The administration as this installation has it: the people's lock, no route without a use, and no
form that names what no row can be called."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

from allauth.account.decorators import secure_admin_login
from django.contrib.admin import AdminSite, ModelAdmin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import ValidationError
from django.db.models import Field, Model
from django.http import Http404, HttpRequest, QueryDict
from django.http.response import HttpResponseBase


class StaffSite(AdminSite):
    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponseBase:
        """The same lock as the people's door: one login, one bound on guessing, one factor more."""
        return secure_admin_login(super().login)(request, extra_context=extra_context)

    def get_urls(self) -> list[Any]:
        """Without "view on site": nothing has such a page, and a malformed key raises there."""
        routes = super().get_urls()
        return [route for route in routes if getattr(route, "name", "") != "view_on_site"]

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Callable[..., Any]:
        """404 for a form with a malformed key: Django asks the database for it, which raises."""
        table = getattr(view, "__self__", None)
        if not isinstance(table, ModelAdmin):
            return super().admin_view(view, cacheable)

        @wraps(view)
        def held(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not all(could_be_key(*named) for named in named_by(request.POST, table.model)):
                raise Http404
            return view(request, *args, **kwargs)

        return super().admin_view(held, cacheable)


def named_by(form: QueryDict, model: type[Model]) -> Iterator[tuple[Field[Any, Any], str]]:
    """(field, key): the rows that a form acts on, and those that it points to."""
    yield from ((model._meta.pk, key) for key in form.getlist(ACTION_CHECKBOX_NAME))
    for field in (*model._meta.fields, *model._meta.many_to_many):
        if field.is_relation:
            yield from ((field, key) for key in form.getlist(field.name) if key)


def could_be_key(field: Field[Any, Any], key: str) -> bool:
    """Whether a row could have it: of the right kind, and within the range of its column."""
    while field.is_relation:
        field = field.target_field
    try:
        field.run_validators(field.to_python(key))
    except ValidationError:
        return False
    return "\0" not in key
