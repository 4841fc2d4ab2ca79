"""What every table here has in common: looked at, searched, acted on through services, logged."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from documents.errors import DocumentsError
from documents.models import Document, Kind, Verb
from documents.paginator import KeyPaginator
from documents.services import audit

MOST_FOUND = 1000
"""Documents that a search looks for: who finds more adds a word."""


class DressedChangeList(ChangeList):
    """Its rows are dressed also where all of them are shown and no paginator is asked."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if isinstance(self.result_list, QuerySet):
            self.result_list = self.model_admin.dress(self.result_list)


class RecordedAdmin(admin.ModelAdmin):
    """What staff change by a form stands in the audit trail too, and what they look at of others'.

    What they do through services is recorded there.
    """

    def log_addition(self, request: HttpRequest, thing: Model, message: Any) -> LogEntry:
        audit.record(Verb.STAFF_CHANGE, thing, detail="added")
        return super().log_addition(request, thing, message)

    def log_change(self, request: HttpRequest, thing: Model, message: Any) -> LogEntry:
        audit.record(Verb.STAFF_CHANGE, thing, detail="changed")
        return super().log_change(request, thing, message)

    def log_deletions(self, request: HttpRequest, things: QuerySet[Any]) -> Any:
        for thing in things:
            audit.record(Verb.STAFF_CHANGE, thing, detail="deleted")
        return super().log_deletions(request, things)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], **kwargs: Any
    ) -> HttpResponse:
        if kwargs.get("obj") is not None and request.method == "GET":
            self.record_view(request, kwargs["obj"])
        return super().render_change_form(request, context, **kwargs)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        # Django looks the row up first, and so tells those who may not see it whether it exists.
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        return super().history_view(request, object_id, extra_context)

    def record_view(self, request: HttpRequest, thing: Model) -> None:
        """Of what is somebody else's; a table that belongs to nobody has no secrets of anybody."""
        subject = audit.subject_of(thing)
        if subject.owner is not None and subject.owner != request.user:
            audit.record_leaving(Verb.STAFF_VIEW, thing)


class ReadOnlyAdmin(RecordedAdmin):
    """Look, search, act through services; no form writes a row.

    Tables are long: rows are found by an index and dressed for one page, nothing is counted that
    nobody asked for, and columns sort where an index has them in order.
    """

    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER

    def dress(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """What the columns need from other tables, for the rows of one page."""
        return rows.select_related(*self.list_select_related or ())

    def get_paginator(
        self, request: HttpRequest, rows: QuerySet[Any], per_page: int, *more: Any
    ) -> Paginator:
        if rows.model is not self.model:  # the log of what staff did to a row
            return Paginator(rows, per_page, *more)
        return KeyPaginator(rows, per_page, dress=self.dress)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return DressedChangeList

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ReadOnlyInline(admin.TabularInline):
    extra = 0
    max_num = 0
    can_delete = False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class OfDocumentsAdmin(ReadOnlyAdmin):
    """A table of what belongs to documents: searched by looking for these, once and not for ever.

    The words of a search are looked for in titles and owners' names, newest documents first, until
    there are MOST_FOUND; the rows are theirs. A whole key finds its row alone.
    """

    search_fields = ["document"]  # so that there is a box; what it finds is said below
    kind: Kind

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        response = super().changelist_view(request, extra_context)
        if request.method == "GET" and response.status_code == 200:
            audit.record_leaving(Verb.STAFF_VIEW, audit.Subject(self.kind))
        return response

    def of_documents(self, keys: list[uuid.UUID]) -> Q:
        raise NotImplementedError

    def get_search_results(
        self, request: HttpRequest, rows: QuerySet[Any], term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not term.strip():
            return rows, False
        if key := _key_in(term):
            return rows.filter(pk=key), False
        found = documents_found(term, by_title=may_see_titles(request))
        if len(found) > MOST_FOUND:
            text = gettext("Only what belongs to the newest %(count)d documents found is shown.")
            messages.warning(request, text % {"count": MOST_FOUND})
        return rows.filter(self.of_documents(found[:MOST_FOUND])), False


def _key_in(term: str) -> uuid.UUID | None:
    """The key that a search is for, if it is one: a row's own page and the log show it whole."""
    try:
        return uuid.UUID(term.strip())
    except ValueError:
        return None


def may_see_titles(request: HttpRequest) -> bool:
    """Who may not see a title learns nothing by searching for it either."""
    allowed = ("documents.view_document", "documents.view_page")
    return any(request.user.has_perm(permission) for permission in allowed)


def documents_found(term: str, *, by_title: bool = True) -> list[uuid.UUID]:
    """With each word in title, owner's name or SHA-256; one more than MOST_FOUND, to tell."""
    rows = Document.objects.order_by("-created_at", "-id")
    for word in term.split():
        named = list(User.objects.filter(username__icontains=word).values_list("pk", flat=True))
        of_file = Q(title__icontains=word) | Q(sha256=word) if by_title else Q()
        rows = rows.filter(Q(owner__in=named) | of_file)
    return list(rows.values_list("pk", flat=True)[: MOST_FOUND + 1])


class ReasonFilter(admin.SimpleListFilter):
    """By why something ended badly. Looks only at what did, which is little: `ended_badly`."""

    title = _("error code")
    parameter_name = "error_code"
    ended_badly: Q

    def lookups(self, request: HttpRequest, table: admin.ModelAdmin) -> list[tuple[str, str]]:
        rows = table.model._default_manager.filter(self.ended_badly).order_by("error_code")
        return [(code, code) for code in rows.values_list("error_code", flat=True).distinct()]

    def queryset(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        code = self.value()
        return rows if code is None else rows.filter(self.ended_badly, error_code=code)


def apply(
    request: HttpRequest, rows: Iterable[Any], verb: Callable[[Any], object], said: str
) -> None:
    """Call one service per row, and log it; what it refuses is shown with its own sentence."""
    done: list[Any] = []
    refused: list[str] = []
    for row in rows:
        key, name = row.pk, str(row)
        try:
            verb(row)
        except DocumentsError as error:
            refused.append(f"{row._meta.verbose_name} {name}: {error.sentence}")
        else:
            row.pk = key  # a deleted row has lost it, and the log wants it
            done.append(row)
    if done:
        LogEntry.objects.log_actions(request.user.pk, done, CHANGE, said)
        text = ngettext("%(count)d done.", "%(count)d done.", len(done)) % {"count": len(done)}
        messages.success(request, text)
    for sentence in refused:
        messages.warning(request, sentence)
