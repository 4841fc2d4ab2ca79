"""The start page of the administration."""

from typing import Any

from django import template

from documents.monitoring import queue_overview

register = template.Library()


@register.inclusion_tag("admin/documents/_overview.html", takes_context=True)
def overview(context: dict[str, Any]) -> dict[str, Any]:
    """The queue and who works on it; empty for staff who may not look at jobs."""
    user = context["request"].user
    if not user.has_perm("documents.view_job"):
        return {}
    return {
        "queue": queue_overview(),
        "may_switch": user.has_perm("documents.change_job"),
        "may_see_pages": user.has_perm("documents.view_page"),
        "may_see_settings": user.has_perm("documents.view_purgerun"),
        "request": context["request"],
        "csrf_token": context.get("csrf_token"),
    }
