"""Who asks: a program with a token, or a person's own browser with its session."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import get_adapter
from rest_framework.authentication import BaseAuthentication
from rest_framework.authentication import SessionAuthentication as DjangoSession
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from documents.models import ApiToken
from documents.services import guessing, tokens


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer folio_…`. Such a request needs no CSRF token: no browser adds it."""

    def authenticate(self, request: Request) -> tuple[Any, ApiToken] | None:
        kind, _, secret = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer":
            return None
        token = tokens.recognise(secret.strip())
        if token is None:
            self._count_wrong(request, secret)
            raise AuthenticationFailed(code="token_invalid")
        tokens.note_use(token)
        return token.owner, token

    def _count_wrong(self, request: Request, secret: str) -> None:
        """Only wrong ones count, so that a right one from the same place is never held up."""
        address = get_adapter().get_client_ip(request._request)
        guessing.count_try(kind="token", name=secret[:14], address=address)

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="Folio"'


class SessionAuthentication(DjangoSession):
    """A logged-in browser. Whatever changes something needs the CSRF token, as in the pages."""

    def enforce_csrf(self, request: Request) -> None:
        # The check reads the body, and the door must be open by then.
        request.parser_context["view"].open_for(request._request, request._request.user)
        try:
            super().enforce_csrf(request)
        except PermissionDenied:
            raise PermissionDenied(code="csrf_failed") from None


class ScopePermission(BasePermission):
    """Somebody we know; and what changes something needs a token that may."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not (request.user and request.user.is_authenticated):
            return False
        may_write = not isinstance(request.auth, ApiToken) or request.auth.may_write
        if request.method not in SAFE_METHODS and not may_write:
            raise PermissionDenied(code="scope_missing")
        return True
