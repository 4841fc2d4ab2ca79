"""The administration as this installation has it: the people's lock, and no route without a use."""

from __future__ import annotations

from typing import Any

from allauth.account.decorators import secure_admin_login
from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.http.response import HttpResponseBase


class StaffSite(AdminSite):
    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponseBase:
        """The same lock as the people's door: one login, one bound on guessing, one factor more."""
        return secure_admin_login(super().login)(request, extra_context=extra_context)

    def get_urls(self) -> list[Any]:
        """Without "view on site": nothing has such a page, and a malformed key raises there."""
        routes = super().get_urls()
        return [route for route in routes if getattr(route, "name", "") != "view_on_site"]
