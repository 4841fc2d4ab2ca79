"""The audit trail: read, searched by a whole name or key, and never written here."""

from __future__ import annotations

from django.contrib import admin

from documents.admin.rows import ReadOnlyAdmin
from documents.models import AuditEvent


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    list_display = [
        "at",
        "actor_name",
        "verb",
        "kind",
        "object_id",
        "page",
        "owner_name",
        "detail",
        "door",
        "token_prefix",
        "place",
    ]
    list_filter = ["verb", "door", "kind", "at"]
    search_fields = [
        "actor_name__exact",
        "owner_name__exact",
        "object_id__exact",
        "request_id__exact",
    ]
    sortable_by: list[str] = []
    exclude = ["actor", "owner"]
