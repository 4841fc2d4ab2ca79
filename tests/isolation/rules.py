"""The matrix: what each route is, who may use it with what, and which methods it answers.

A route that is not told here fails the test by its name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, get_resolver

from tests.isolation.world import LET_IN, OWNER, READER

READ, CHANGE, OWN = "read", "change", "own"
"""Rights on a thing: of whoever it was shared with, of those among them who may change it, of its
owner alone."""

GET, POST, DELETE = frozenset({"GET"}), frozenset({"POST"}), frozenset({"DELETE"})
SAFE = frozenset({"GET", "HEAD"})
FORM = SAFE | POST
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@dataclass(frozen=True)
class Rule:
    door: str
    """open, web, account, api, staff."""
    methods: frozenset[str] = frozenset(METHODS)
    thing: str = ""
    """The kind of key in its address, as Things names them."""
    right: str = OWN
    body: Any = None
    """What a form sends, so that the deed would be done."""
    table: str = ""
    """Of a staff route: the table, by app and model."""
    see: str = ""
    """Of a staff route: the permission that it takes to see anything; empty for any staff."""


def let_in(acts_as: str, right: str) -> bool:
    """Whether the owner's shared document is open to them in this way."""
    allowed = {READ: LET_IN, CHANGE: tuple(n for n in LET_IN if n != READER), OWN: (OWNER,)}
    return acts_as in allowed[right]


def _web(methods: frozenset[str], thing: str = "", right: str = OWN, body: Any = None) -> Rule:
    return Rule("web", methods, thing, right, body)


def _api(methods: frozenset[str], thing: str = "", right: str = OWN, body: Any = None) -> Rule:
    return Rule("api", methods, thing, right, body)


OPEN = Rule("open")
ACCOUNT = Rule("account")
"""allauth's, for who is logged in."""
ENTRANCE = Rule("open")
"""allauth's, for who is not."""

WEB = {
    "documents": _web(GET),
    "upload": _web(POST),
    "document": _web(GET, "document", READ),
    "cover": _web(GET, "document", READ),
    "document-text": _web(GET, "document", READ),
    "document-json": _web(GET, "document", READ),
    "document-original": _web(GET, "document", READ),
    "document-history": _web(GET, "document"),
    "document-delete": _web(FORM, "document"),
    "page-view": _web(GET, "document", READ),
    "page-retry": _web(POST, "document", CHANGE),
    "document-reread": _web(FORM, "document", CHANGE),
    "document-share": _web(FORM, "document", body={"username": "cnr-clerk-name"}),
    "document-collect": _web(POST, "document", body={"collection": ""}),
    "unshare": _web(POST, "share"),
    "shared": _web(GET),
    "collections": _web(FORM, body={"name": "new"}),
    "collection": _web(GET, "collection", READ),
    "collection-share": _web(POST, "collection", body={"username": "cnr-clerk-name"}),
    "collection-delete": _web(POST, "collection"),
    "trash": _web(GET),
    "trash-empty": _web(FORM),
    "trash-restore": _web(POST, "trashed"),
    "trash-purge": _web(FORM, "trashed"),
    "jobs": _web(GET),
    "job": _web(GET, "job"),
    "job-progress": _web(GET, "job"),
    "job-cancel": _web(POST, "job"),
    "job-retry": _web(POST, "job"),
    "tokens": _web(FORM, body={"name": "new", "scope": "read", "days": "30"}),
    "token-revoke": _web(POST, "token"),
    "set-language": OPEN,
    "healthz": OPEN,
    "readyz": OPEN,
}
ALLAUTH = {
    "account_login": ENTRANCE,
    "account_logout": ENTRANCE,
    "account_inactive": ENTRANCE,
    "account_signup": ENTRANCE,
    "account_reset_password": ENTRANCE,
    "account_reset_password_done": ENTRANCE,
    "account_reset_password_from_key": ENTRANCE,
    "account_reset_password_from_key_done": ENTRANCE,
    "account_confirm_email": ENTRANCE,
    "account_confirm_login_code": ENTRANCE,
    "account_email_verification_sent": ENTRANCE,
    "mfa_authenticate": ENTRANCE,
    "socialaccount_login_cancelled": ENTRANCE,
    "socialaccount_login_error": ENTRANCE,
    "socialaccount_signup": ENTRANCE,
    "account_reauthenticate": ACCOUNT,
    "account_email": ACCOUNT,
    "account_change_password": ACCOUNT,
    "account_set_password": ACCOUNT,
    "mfa_index": ACCOUNT,
    "mfa_reauthenticate": ACCOUNT,
    "mfa_activate_totp": ACCOUNT,
    "mfa_deactivate_totp": ACCOUNT,
    "mfa_view_recovery_codes": ACCOUNT,
    "mfa_generate_recovery_codes": ACCOUNT,
    "mfa_download_recovery_codes": ACCOUNT,
    "socialaccount_connections": ACCOUNT,
}
API = {
    "api:account": _api(SAFE),
    "api:documents": _api(SAFE | POST),
    "api:document": _api(SAFE | DELETE, "document", READ),
    "api:document-text": _api(SAFE, "document", READ),
    "api:document-json": _api(SAFE, "document", READ),
    "api:document-original": _api(SAFE, "document", READ),
    "api:document-retry": _api(POST, "document", CHANGE),
    "api:document-rerun": _api(POST, "document", CHANGE),
    "api:pages": _api(SAFE, "document", READ),
    "api:page": _api(SAFE, "document", READ),
    "api:lines": _api(SAFE, "document", READ),
    "api:page-text": _api(SAFE, "document", READ),
    "api:page-view": _api(SAFE, "document", READ),
    "api:page-retry": _api(POST, "document", CHANGE),
    "api:jobs": _api(SAFE),
    "api:job": _api(SAFE, "job"),
    "api:job-cancel": _api(POST, "job"),
    "api:job-retry": _api(POST, "job"),
    "api:trash": _api(SAFE),
    "api:in-trash": _api(DELETE, "trashed"),
    "api:restore": _api(POST, "trashed"),
    "api:read": _api(POST),
    "api:nothing": _api(frozenset()),
    "api:schema": OPEN,
    "api:docs": OPEN,
}
TABLES = {
    "account_emailaddress": "account.view_emailaddress",
    "auth_group": "auth.view_group",
    "auth_user": "auth.view_user",
    "django_q_schedule": "django_q.view_schedule",
    "django_q_success": "django_q.view_success",
    "django_q_failure": "django_q.view_failure",
    "django_q_ormq": "django_q.view_ormq",
    "documents_apitoken": "documents.view_apitoken",
    "documents_attempt": "documents.view_attempt",
    "documents_auditevent": "documents.view_auditevent",
    "documents_collection": "documents.view_collection",
    "documents_document": "documents.view_document",
    "documents_job": "documents.view_job",
    "documents_ledgerentry": "documents.view_ledgerentry",
    "documents_page": "documents.view_page",
    "documents_pause": "documents.view_pause",
    "documents_purgerun": "documents.view_purgerun",
    "documents_retentionpolicy": "documents.view_retentionpolicy",
    "documents_share": "documents.view_share",
    "documents_usage": "documents.view_usage",
    "documents_worker": "documents.view_worker",
}
VIEWS_OF_A_TABLE = ("changelist", "add", "history", "delete", "change")
ADMIN = {
    "admin:index": Rule("staff"),
    "admin:login": OPEN,
    "admin:logout": OPEN,
    "admin:password_change": Rule("staff"),
    "admin:password_change_done": Rule("staff"),
    "admin:autocomplete": Rule("staff", see="auth.view_user"),
    "admin:jsi18n": Rule("staff"),
    "admin:app_list": Rule("staff"),
    "admin:(?P<url>.*)$": Rule("staff"),
    "admin:auth_user_password_change": Rule("staff", table="auth_user", see="auth.change_user"),
    "admin:documents_purge_run": Rule("staff", POST, see="documents.add_purgerun"),
    "admin:documents_in_force": Rule("staff", see="documents.view_purgerun"),
    "admin:documents_queue_switch": Rule("staff", POST, see="documents.change_job"),
    "admin:documents_failures": Rule("staff", see="documents.view_page"),
    **{
        f"admin:{table}_{view}": Rule("staff", table=table, see=see)
        for table, see in TABLES.items()
        for view in VIEWS_OF_A_TABLE
    },
    # An address of before Django 1.9, which leads to the change page whatever is asked for.
    **{f"admin:{table}": Rule("staff", table=table) for table in TABLES},
}
MATRIX = {**WEB, **ALLAUTH, **API, **ADMIN}


@dataclass(frozen=True)
class Route:
    name: str
    pattern: str
    """Its whole address as the resolver has it: documents/<uuid:document_id>/."""

    @property
    def rule(self) -> Rule | None:
        return MATRIX.get(self.name)


def all_routes(resolver: Any = None, address: str = "", prefix: str = "") -> list[Route]:
    """Every route of the URL resolver; one without a name is called by its place."""
    found: list[Route] = []
    for pattern in (resolver or get_resolver()).url_patterns:
        here = f"{address}{pattern.pattern}"
        if isinstance(pattern, URLPattern):
            found.append(Route(prefix + (pattern.name or _place(here, pattern)), here))
        else:
            inside = f"{prefix}{pattern.namespace}:" if pattern.namespace else prefix
            found += all_routes(pattern, here, inside)
    return found


def _place(address: str, pattern: URLPattern) -> str:
    """admin/auth/group/<path:object_id>/ is called auth_group, as its table is."""
    parts = address.split("/")
    return "_".join(parts[1:3]) if "<path:object_id>" in parts else str(pattern.pattern)
