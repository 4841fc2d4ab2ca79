"""Upkeep: how long things stay, what every purge did, and what is in force here."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from documents.admin.rows import ReadOnlyAdmin, RecordedAdmin
from documents.inforce import bundle_scores, settings_in_force
from documents.models import PurgeRun, RetentionPolicy
from documents.monitoring import leavings_of
from documents.services import retention
from documents.templatetags.screen import size


@admin.register(RetentionPolicy)
class RetentionPolicyAdmin(RecordedAdmin):
    """A change starts the announcement again, so that nothing goes unannounced."""

    list_display = ["__str__", "keep_days", "notice_days", "changed_at"]
    list_select_related = ["user"]
    autocomplete_fields = ["user"]
    readonly_fields = ["changed_at"]

    def save_model(
        self, request: HttpRequest, policy: RetentionPolicy, form: ModelForm, change: bool
    ) -> None:
        policy.changed_at = timezone.now()
        super().save_model(request, policy, form, change)


@admin.register(PurgeRun)
class PurgeRunAdmin(ReadOnlyAdmin):
    list_display = [
        "started_at",
        "is_dry",
        "documents_trashed",
        "documents_deleted",
        "files_removed",
        "freed",
        "finished_at",
    ]
    list_filter = ["is_dry", "started_at"]
    fields = [
        "started_at",
        "finished_at",
        "is_dry",
        "documents_trashed",
        "documents_deleted",
        "files_removed",
        "freed",
    ]
    readonly_fields = fields
    change_list_template = "admin/documents/purgerun/change_list.html"
    change_form_template = "admin/documents/purgerun/change_form.html"

    @admin.display(description=_("freed"), ordering="bytes_freed")
    def freed(self, run: PurgeRun) -> str:
        return size(run.bytes_freed)

    def has_run_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("documents.add_purgerun")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        may_run = {"may_run": self.has_run_permission(request)}
        return super().changelist_view(request, {**(extra_context or {}), **may_run})

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], **kwargs: Any
    ) -> HttpResponse:
        """With what left by name, for those who may see names."""
        if request.user.has_perm("documents.view_document"):
            context["leavings"] = leavings_of(kwargs["obj"])
        return super().render_change_form(request, context, **kwargs)

    def get_urls(self) -> list[Any]:
        run = self.admin_site.admin_view(require_POST(self.run))
        in_force = self.admin_site.admin_view(self.in_force)
        return [
            path("run/<str:how>/", run, name="documents_purge_run"),
            path("in-force/", in_force, name="documents_in_force"),
            *super().get_urls(),
        ]

    def in_force(self, request: HttpRequest) -> HttpResponse:
        """What is set on this installation, why, and how well its bundles read."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Settings in force"),
            "opts": self.model._meta,
            "sections": settings_in_force(),
            "scores": bundle_scores(),
            "bundle": settings.OCR_BUNDLE,
        }
        return TemplateResponse(request, "admin/documents/in_force.html", context)

    def run(self, request: HttpRequest, how: str) -> HttpResponse:
        if not self.has_run_permission(request):
            raise PermissionDenied
        done = retention.purge(dry=how != "now")
        said = gettext("Would free %s.") if done.is_dry else gettext("Freed %s.")
        messages.success(request, said % size(done.bytes_freed))
        return HttpResponseRedirect(reverse("admin:documents_purgerun_change", args=[done.pk]))
