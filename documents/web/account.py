"""Who you are: allauth's views in our pages, and one of our own where there is no mail."""

from __future__ import annotations

from typing import Any

from allauth.account.views import LoginView, PasswordResetView
from django.conf import settings
from django.core.exceptions import ValidationError
from django.forms import Form
from django.http import HttpResponse
from django.urls import include, path

from documents.errors import TooManyTries
from documents.services import guessing


class BoundedPasswordResetView(PasswordResetView):
    """Says so where this server sends no mail; else as bounded as a password is."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(sends_mail=settings.OCR_SENDS_MAIL, **kwargs)

    def form_valid(self, form: Form) -> HttpResponse:
        from allauth.account.adapter import get_adapter  # noqa: PLC0415  needs loaded apps

        address = get_adapter().get_client_ip(self.request)
        try:
            guessing.count_try(kind="reset", name=form.cleaned_data["email"], address=address)
        except TooManyTries as error:
            form.add_error(None, ValidationError(error.sentence, code=error.code))
            return self.form_invalid(form)
        return super().form_valid(form)


class OpenLoginView(LoginView):
    """Tells its page whether one may make an account here."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(registration=settings.OCR_REGISTRATION, **kwargs)


urlpatterns = [
    # Ours come before allauth's of the same names, which they replace.
    path("login/", OpenLoginView.as_view(), name="account_login"),
    path("password/reset/", BoundedPasswordResetView.as_view(), name="account_reset_password"),
    path("", include("allauth.account.urls")),
    path("2fa/", include("allauth.mfa.urls")),
    path("", include("allauth.socialaccount.urls")),
]
if settings.OCR_SINGLE_SIGN_ON:
    urlpatterns.append(path("", include("allauth.socialaccount.providers.openid_connect.urls")))
