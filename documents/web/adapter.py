"""What allauth asks of us: who may sign up, how guessing is bounded, what the trail remembers."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest

from documents.errors import TooManyTries
from documents.models import Verb
from documents.services import audit, guessing


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return bool(settings.OCR_REGISTRATION)

    def authenticate(self, request: HttpRequest, **credentials: Any) -> Any:
        """Also where a logged-in person gives the password once more."""
        name = str(credentials.get("username") or credentials.get("email") or "")
        try:
            counted = guessing.count_try(
                kind="password", name=name, address=self.get_client_ip(request)
            )
        except TooManyTries as error:
            raise ValidationError(error.sentence, code=error.code) from error
        user = super().authenticate(request, **credentials)
        if user is not None:
            guessing.forgive(counted)
        return user

    def login(self, request: HttpRequest, user: Any) -> None:
        super().login(request, user)
        audit.record(Verb.SIGN_IN, user, by=user)

    @transaction.atomic
    def set_password(self, user: Any, password: str) -> None:
        super().set_password(user, password)
        audit.record(Verb.PASSWORD_SET, user)


class SocialAccountAdapter(DefaultSocialAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        """Whom the organisation's own directory lets in needs no second permission here."""
        return True
