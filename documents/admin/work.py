"""The queue: jobs, documents, pages, attempts, workers, pauses, and failures by their reason."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from documents.admin.rows import (
    OfDocumentsAdmin,
    ReadOnlyAdmin,
    ReadOnlyInline,
    ReasonFilter,
    RecordedAdmin,
    apply,
)
from documents.models import Attempt, Document, Job, Kind, Outcome, Page, Pause, Worker
from documents.models.document import RETRYABLE_STATES
from documents.monitoring import failures_by_code
from documents.queries import page_problem, with_page_counts
from documents.services import jobs, queue, retention


class PageInline(ReadOnlyInline):
    model = Page
    fields = ["number", "state", "attempts", "worker", "error_code", "problem", "seconds"]
    readonly_fields = fields
    show_change_link = True

    @admin.display(description=_("problem"))
    def problem(self, page: Page) -> str:
        found = page_problem(page)
        return found.sentence if found else ""


class AttemptInline(ReadOnlyInline):
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
        "exit_status",
        "detail",
    ]
    readonly_fields = fields


def may_see_pages(request: HttpRequest) -> bool:
    return request.user.has_perm("documents.view_page")


class PriorityForm(ActionForm):
    """Beside the list of actions: the figure that "set the priority" sets."""

    priority = forms.IntegerField(
        label=_("priority"), required=False, min_value=-100, max_value=100, initial=10
    )


@admin.register(Job)
class JobAdmin(OfDocumentsAdmin):
    kind = Kind.JOB
    list_display = ["short", "owner", "state", "progress", "priority", "created_at", "finished_at"]
    list_filter = ["state", "created_at"]
    list_select_related = ["owner"]
    sortable_by = ["created_at"]
    action_form = PriorityForm
    actions = ["retry", "cancel", "set_priority"]

    def dress(self, rows: QuerySet[Job]) -> QuerySet[Job]:
        return with_page_counts(super().dress(rows))

    def of_documents(self, keys: list[uuid.UUID]) -> Q:
        # A list of jobs, not a query: what stands inside another one is planned blindly.
        return Q(pk__in=set(Document.objects.filter(pk__in=keys).values_list("job", flat=True)))

    @admin.display(description=_("job"))
    def short(self, job: Job) -> str:
        """Enough of its id to tell it from its neighbours, on one line."""
        return str(job.pk)[:8]

    @admin.display(description=_("progress"))
    def progress(self, job: Any) -> str:
        failed = (
            gettext("%(count)d failed") % {"count": job.pages_failed} if job.pages_failed else ""
        )
        return f"{job.pages_total - job.pages_open} / {job.pages_total} {failed}"

    @admin.action(description=_("Retry pages without a result"), permissions=["operate"])
    def retry(self, request: HttpRequest, rows: QuerySet[Job]) -> None:
        apply(request, rows, jobs.retry_job, "retry")

    @admin.action(description=_("Cancel"), permissions=["operate"])
    def cancel(self, request: HttpRequest, rows: QuerySet[Job]) -> None:
        apply(request, rows, jobs.cancel_job, "cancel")

    @admin.action(description=_("Set the priority"), permissions=["operate"])
    def set_priority(self, request: HttpRequest, rows: QuerySet[Job]) -> None:
        form = PriorityForm(request.POST)
        form.fields["action"].choices = self.get_action_choices(request)
        priority = form.cleaned_data.get("priority") if form.is_valid() else None
        if priority is None:
            messages.warning(request, gettext("Give a priority from -100 to 100."))
            return
        verb = partial(queue.set_priority, priority=priority)
        apply(request, rows, verb, f"priority {priority}")

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("documents.change_job")

    def get_urls(self) -> list[Any]:
        switch = path(
            "queue/<str:to>/",
            self.admin_site.admin_view(require_POST(self.switch_queue)),
            name="documents_queue_switch",
        )
        return [switch, *super().get_urls()]

    def switch_queue(self, request: HttpRequest, to: str) -> HttpResponse:
        """Pause or resume the whole queue, from the start page."""
        if not self.has_operate_permission(request):
            raise PermissionDenied
        if to == "paused":
            queue.pause()
            messages.success(request, gettext("The queue is paused; pages in hand are finished."))
        else:
            queue.resume()
            messages.success(request, gettext("The queue goes on."))
        return HttpResponseRedirect(reverse("admin:index"))


@admin.register(Document)
class DocumentAdmin(OfDocumentsAdmin):
    kind = Kind.DOCUMENT
    list_display = [
        "title",
        "owner",
        "kind",
        "page_count",
        "size_bytes",
        "created_at",
        "trashed_at",
    ]
    list_filter = ["kind", "created_at", ("trashed_at", admin.EmptyFieldListFilter)]
    list_select_related = ["owner"]
    ordering = ["-created_at"]
    sortable_by = ["created_at"]
    inlines = [PageInline]
    actions = ["trash", "restore", "remove"]

    def of_documents(self, keys: list[uuid.UUID]) -> Q:
        return Q(pk__in=keys)

    @admin.action(description=_("Move to the trash"), permissions=["operate"])
    def trash(self, request: HttpRequest, rows: QuerySet[Document]) -> None:
        apply(request, rows, retention.trash_document, "trash")

    @admin.action(description=_("Take back from the trash"), permissions=["operate"])
    def restore(self, request: HttpRequest, rows: QuerySet[Document]) -> None:
        apply(request, rows, retention.restore_document, "restore")

    @admin.action(description=_("Delete for good, with files"), permissions=["operate"])
    def remove(self, request: HttpRequest, rows: QuerySet[Document]) -> None:
        apply(request, rows, retention.delete_document, "delete")

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("documents.delete_document")


class PageReason(ReasonFilter):
    ended_badly = Q(state__in=RETRYABLE_STATES)


@admin.register(Page)
class PageAdmin(OfDocumentsAdmin):
    kind = Kind.DOCUMENT
    list_display = [
        "__str__",
        "owner",
        "state",
        "attempts",
        "error_code",
        "took",
        "due_at",
        "settled_at",
    ]
    list_filter = ["state", PageReason]
    list_select_related = ["document__owner"]
    ordering = ["-due_at"]
    sortable_by = ["due_at"]
    inlines = [AttemptInline]
    actions = ["retry", "set_aside"]

    def of_documents(self, keys: list[uuid.UUID]) -> Q:
        return Q(document__in=keys)

    @admin.display(description=_("owner"), ordering="document__owner__username")
    def owner(self, page: Page) -> str:
        return str(page.document.owner)

    @admin.display(description=_("seconds"))
    def took(self, page: Page) -> str:
        return "-" if page.seconds is None else f"{page.seconds:.1f}"

    @admin.action(description=_("Retry, or release from quarantine"), permissions=["operate"])
    def retry(self, request: HttpRequest, rows: QuerySet[Page]) -> None:
        apply(request, rows.select_related("document__job"), jobs.retry_page, "retry")

    @admin.action(description=_("Set aside (quarantine)"), permissions=["operate"])
    def set_aside(self, request: HttpRequest, rows: QuerySet[Page]) -> None:
        apply(request, rows.select_related("document__owner"), queue.set_aside, "set aside")

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("documents.change_page")

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.failures)
        return [path("failures/", view, name="documents_failures"), *super().get_urls()]

    def failures(self, request: HttpRequest) -> HttpResponse:
        """Pages that ended without text, by their reason; each leads to its pages."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Failures by reason, the last 30 days"),
            "failures": failures_by_code(),
            "opts": self.model._meta,
        }
        return TemplateResponse(request, "admin/documents/failures.html", context)


class AttemptReason(ReasonFilter):
    ended_badly = Q(outcome__in=[o for o in Outcome if o not in (Outcome.RUNNING, Outcome.DONE)])


@admin.register(Attempt)
class AttemptAdmin(OfDocumentsAdmin):
    kind = Kind.DOCUMENT
    list_display = ["page", "number", "outcome", "error_code", "worker", "started_at", "ended_at"]
    list_filter = ["outcome", AttemptReason]
    list_select_related = ["page__document"]
    ordering = ["-started_at"]
    sortable_by = ["started_at"]

    def of_documents(self, keys: list[uuid.UUID]) -> Q:
        return Q(page__document__in=keys)


@admin.register(Worker)
class WorkerAdmin(ReadOnlyAdmin):
    list_display = ["name", "beat_at", "page", "memory_bytes"]
    list_select_related = ["page__document"]

    # A page's name is its document's title, which is not for all who may look after workers.

    def get_list_display(self, request: HttpRequest) -> list[str]:
        shown = [name for name in self.list_display if name != "page"]
        return self.list_display if may_see_pages(request) else shown

    def get_exclude(self, request: HttpRequest, obj: Worker | None = None) -> list[str]:
        return [] if may_see_pages(request) else ["page"]


@admin.register(Pause)
class PauseAdmin(RecordedAdmin):
    """Adding a row pauses; deleting it resumes."""

    list_display = ["__str__", "since"]
    list_select_related = ["user"]
    autocomplete_fields = ["user"]


admin.site.site_header = admin.site.site_title = _("Folio administration")
admin.site.index_title = _("What is going on")
