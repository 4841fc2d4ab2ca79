"""The staff's door: jobs, documents, pages and attempts as they are, and the same services.

Everything shown is read-only: rows change through services/, never through a form, so that quotas,
leases and files cannot drift from their tables.
"""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth import admin as auth_admin
from django.contrib.auth.models import Group
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from documents.errors import DocumentsError
from documents.models import Attempt, Document, GroupLimits, Job, Line, Page, Usage, Worker
from documents.queries import page_problem, with_page_counts
from documents.services import jobs, retention


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


def _report(request: HttpRequest, done: int, refused: list[str]) -> None:
    if done:
        text = ngettext("%(count)d done.", "%(count)d done.", done) % {"count": done}
        messages.success(request, text)
    for sentence in refused:
        messages.warning(request, sentence)


def _apply(request: HttpRequest, rows: QuerySet[Any], verb: Any) -> None:
    """Call one service per row; what it refuses is shown with its own sentence."""
    done, refused = 0, []
    for row in rows:
        try:
            verb(row)
            done += 1
        except DocumentsError as error:
            refused.append(f"{row}: {error.sentence}")
    _report(request, done, refused)


class PageInline(admin.TabularInline):
    model = Page
    fields = ["number", "state", "attempts", "worker", "error_code", "problem", "seconds"]
    readonly_fields = fields
    extra = 0
    max_num = 0
    can_delete = False
    show_change_link = True

    @admin.display(description=_("problem"))
    def problem(self, page: Page) -> str:
        found = page_problem(page)
        return found.sentence if found else ""


class AttemptInline(admin.TabularInline):
    model = Attempt
    fields = [
        "number",
        "rung",
        "worker",
        "started_at",
        "ended_at",
        "outcome",
        "error_code",
        "peak_memory",
        "detail",
    ]
    readonly_fields = fields
    extra = 0
    max_num = 0
    can_delete = False


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    list_display = ["id", "owner", "state", "progress", "created_at", "started_at", "finished_at"]
    list_filter = ["state", "created_at"]
    list_select_related = ["owner"]
    search_fields = ["id", "owner__username", "documents__title"]
    actions = ["retry", "cancel"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        return with_page_counts(super().get_queryset(request))

    @admin.display(description=_("progress"))
    def progress(self, job: Any) -> str:
        failed = _("%(count)d failed") % {"count": job.pages_failed} if job.pages_failed else ""
        return f"{job.pages_total - job.pages_open} / {job.pages_total} {failed}"

    @admin.action(description=_("Retry pages without a result"), permissions=["operate"])
    def retry(self, request: HttpRequest, rows: QuerySet[Job]) -> None:
        _apply(request, rows, jobs.retry_job)

    @admin.action(description=_("Cancel"), permissions=["operate"])
    def cancel(self, request: HttpRequest, rows: QuerySet[Job]) -> None:
        _apply(request, rows, jobs.cancel_job)

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("documents.change_job")


@admin.register(Document)
class DocumentAdmin(ReadOnlyAdmin):
    list_display = ["title", "owner", "kind", "page_count", "size_bytes", "created_at"]
    list_filter = ["kind", "created_at"]
    list_select_related = ["owner"]
    search_fields = ["title", "id", "owner__username", "sha256"]
    inlines = [PageInline]
    actions = ["remove"]

    @admin.action(description=_("Delete for good, with files"), permissions=["operate"])
    def remove(self, request: HttpRequest, rows: QuerySet[Document]) -> None:
        _apply(request, rows, retention.delete_document)

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("documents.delete_document")


@admin.register(Page)
class PageAdmin(ReadOnlyAdmin):
    list_display = ["__str__", "owner", "state", "attempts", "error_code", "seconds", "settled_at"]
    list_filter = ["state", "error_code"]
    list_select_related = ["document__owner"]
    search_fields = ["id", "document__title", "document__owner__username"]
    inlines = [AttemptInline]
    actions = ["retry"]

    @admin.display(description=_("owner"), ordering="document__owner__username")
    def owner(self, page: Page) -> str:
        return str(page.document.owner)

    @admin.action(description=_("Retry"), permissions=["operate"])
    def retry(self, request: HttpRequest, rows: QuerySet[Page]) -> None:
        _apply(request, rows.select_related("document"), jobs.retry_page)

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("documents.change_page")


@admin.register(Attempt)
class AttemptAdmin(ReadOnlyAdmin):
    list_display = ["page", "number", "outcome", "error_code", "worker", "started_at", "ended_at"]
    list_filter = ["outcome", "error_code"]
    list_select_related = ["page__document"]
    search_fields = ["page__document__title", "worker"]


@admin.register(Line)
class LineAdmin(ReadOnlyAdmin):
    list_display = ["text", "page", "order", "confidence"]
    list_select_related = ["page__document"]
    search_fields = ["text"]


class GroupLimitsInline(admin.StackedInline):
    model = GroupLimits
    can_delete = False


admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(auth_admin.GroupAdmin):
    inlines = [GroupLimitsInline]


@admin.register(Usage)
class UsageAdmin(ReadOnlyAdmin):
    """What a person has used is shown; what they may use is staff's to set."""

    list_display = [
        "owner",
        "storage_bytes",
        "storage_limit_bytes",
        "pages_used",
        "pages_reserved",
        "pages_per_month",
        "last_turn_at",
    ]
    list_select_related = ["owner"]
    search_fields = ["owner__username"]
    readonly_fields = [
        "owner",
        "storage_bytes",
        "month",
        "pages_used",
        "pages_reserved",
        "last_turn_at",
    ]

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm("documents.change_usage")


@admin.register(Worker)
class WorkerAdmin(ReadOnlyAdmin):
    list_display = ["name", "beat_at", "page", "memory_bytes"]
    list_select_related = ["page__document"]


admin.site.site_header = admin.site.site_title = _("Folio administration")
