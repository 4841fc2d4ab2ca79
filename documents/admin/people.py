"""People and groups: what they may use, what they have used, and help to get back in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import admin as auth_admin
from django.contrib.auth.models import Group, User
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from documents.admin.rows import ReadOnlyAdmin, RecordedAdmin, apply
from documents.models import ApiToken, Collection, GroupLimits, LedgerEntry, Share, Usage
from documents.services import accounts, queue, quotas, tokens

MEASURED = ["storage_bytes", "month", "pages_used", "pages_reserved", "last_turn_at"]
PRIVILEGES = {"is_staff", "is_superuser", "groups", "user_permissions"}
LIMITS = ["storage_limit_bytes", "pages_per_month", "files_per_batch", "open_jobs"]


class GroupLimitsInline(admin.StackedInline):
    model = GroupLimits
    can_delete = False


class UsageInline(admin.StackedInline):
    model = Usage
    can_delete = False
    fields = [*LIMITS, *MEASURED]
    readonly_fields = MEASURED


admin.site.unregister(Group)
admin.site.unregister(User)
# They would show, and let staff alter, what only its owner or the settings may know: the secrets of
# second factors, of programs' tokens elsewhere, of single sign-on.
for model in (Authenticator, SocialApp, SocialToken):
    admin.site.unregister(model)
if not settings.OCR_SINGLE_SIGN_ON:
    admin.site.unregister(SocialAccount)


@admin.register(Group)
class GroupAdmin(RecordedAdmin, auth_admin.GroupAdmin):
    inlines = [GroupLimitsInline]


@admin.register(User)
class UserAdmin(RecordedAdmin, auth_admin.UserAdmin):
    list_display = ["username", "email", "is_active", "is_staff", "is_paused", "last_login"]
    inlines = [UsageInline]
    actions = ["make_link", "remove_second_factor", "pause", "resume"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).select_related("pause")

    def get_inlines(self, request: HttpRequest, obj: Model | None) -> list[Any]:
        return self.inlines if obj else []  # the row is made with the first thing it counts

    def save_related(
        self, request: HttpRequest, form: ModelForm, formsets: list[Any], change: bool
    ) -> None:
        """Who may do more or less than before logs in anew: a session keeps no key across that."""
        super().save_related(request, form, formsets, change)
        if change and PRIVILEGES & set(form.changed_data):
            is_self = form.instance.pk == request.user.pk
            if is_self:
                request.session.cycle_key()
            keep = request.session.session_key if is_self else None
            accounts.end_sessions(form.instance, keep=keep)

    @admin.display(description=_("paused"), boolean=True)
    def is_paused(self, user: User) -> bool:
        return hasattr(user, "pause")

    @admin.action(description=_("Make a one-time link"), permissions=["change"])
    def make_link(self, request: HttpRequest, users: QuerySet[User]) -> None:
        """Where no mail is sent."""
        for user in self._within_reach(request, users.filter(is_active=True)):
            link = request.build_absolute_uri(accounts.one_time_link(user))
            LogEntry.objects.log_actions(request.user.pk, [user], CHANGE, "one-time link")
            text = gettext("Give this link to %(name)s. It works once, for a day: %(link)s")
            messages.success(request, text % {"name": user, "link": link})

    @admin.action(description=_("Remove the second factor"), permissions=["change"])
    def remove_second_factor(self, request: HttpRequest, users: QuerySet[User]) -> None:
        """For somebody whose telephone is lost, and the recovery codes with it."""
        within_reach = list(self._within_reach(request, users))
        apply(request, within_reach, accounts.remove_second_factor, "second factor removed")

    def _within_reach(self, request: HttpRequest, users: QuerySet[User]) -> Iterator[User]:
        """Nobody opens the account of a person who may do more than they."""
        for user in users:
            if user.is_superuser and not request.user.is_superuser:
                text = gettext("Only an administrator can do that for %s.")
                messages.warning(request, text % user)
            else:
                yield user

    @admin.action(description=_("Pause: read no more of their pages"), permissions=["change"])
    def pause(self, request: HttpRequest, users: QuerySet[User]) -> None:
        apply(request, users, queue.pause, "pause")

    @admin.action(description=_("Resume"), permissions=["change"])
    def resume(self, request: HttpRequest, users: QuerySet[User]) -> None:
        apply(request, users, queue.resume, "resume")


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
    readonly_fields = ["owner", *MEASURED]

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm("documents.change_usage")


@admin.register(LedgerEntry)
class LedgerAdmin(ReadOnlyAdmin):
    """Why somebody holds what they hold."""

    list_display = ["at", "owner", "movement", *quotas.FIGURES, "about"]
    sortable_by: list[str] = []
    list_select_related = ["owner"]
    search_fields = ["owner__username"]


@admin.register(Collection)
class CollectionAdmin(ReadOnlyAdmin):
    list_display = ["name", "owner", "created_at"]
    list_select_related = ["owner"]
    search_fields = ["name", "owner__username"]


@admin.register(Share)
class ShareAdmin(ReadOnlyAdmin):
    list_display = ["document", "collection", "user", "can_change", "created_at"]
    list_select_related = ["document", "collection", "user"]
    search_fields = ["user__username", "document__title", "collection__name"]


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    """Whose programs may do what; never the secret, which nobody has but they."""

    list_display = ["prefix", "name", "owner", "scope", "last_used_at", "expires_at", "revoked_at"]
    list_filter = ["scope", "created_at"]
    list_select_related = ["owner"]
    search_fields = ["prefix", "name", "owner__username"]
    exclude = ["digest"]
    actions = ["revoke"]

    @admin.action(description=_("Revoke"), permissions=["operate"])
    def revoke(self, request: HttpRequest, rows: QuerySet[ApiToken]) -> None:
        apply(request, rows, tokens.revoke_token, "revoke")

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("documents.delete_apitoken")
