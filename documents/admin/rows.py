"""What every table here has in common: looked at, searched, acted on through services, logged."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import ngettext

from documents.errors import DocumentsError


class ReadOnlyAdmin(admin.ModelAdmin):
    """Look, search, act through services; no form writes a row."""

    list_per_page = 50
    show_full_result_count = False

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
            refused.append(f"{name}: {error.sentence}")
        else:
            row.pk = key  # a deleted row has lost it, and the log wants it
            done.append(row)
    if done:
        LogEntry.objects.log_actions(request.user.pk, done, CHANGE, said)
        text = ngettext("%(count)d done.", "%(count)d done.", len(done)) % {"count": len(done)}
        messages.success(request, text)
    for sentence in refused:
        messages.warning(request, sentence)
