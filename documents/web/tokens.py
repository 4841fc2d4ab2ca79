"""Tokens for programs: the list, one made and shown once, one revoked."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from documents import access
from documents.errors import DocumentsError
from documents.models import Scope
from documents.services import tokens as service

LIFETIMES = {
    "30": gettext_lazy("30 days"),
    "90": gettext_lazy("90 days"),
    "365": gettext_lazy("a year"),
    "": gettext_lazy("until it is revoked"),
}


class TokenForm(forms.Form):
    name = forms.CharField(
        label=gettext_lazy("What is it for?"),
        max_length=80,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    scope = forms.ChoiceField(label=gettext_lazy("It may"), choices=Scope.choices)
    days = forms.ChoiceField(
        label=gettext_lazy("It is valid"), choices=LIFETIMES, initial="90", required=False
    )


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def tokens(request: HttpRequest) -> HttpResponse:
    """The secret is in the answer to the form that made it, and nowhere else, ever."""
    form = TokenForm(request.POST or None)
    secret = _make(request, form) if request.method == "POST" and form.is_valid() else None
    context = {
        "form": TokenForm() if secret else form,
        "secret": secret,
        "tokens": access.visible_tokens(request.user),
    }
    return render(request, "account/tokens.html", context)


def _make(request: HttpRequest, form: TokenForm) -> str | None:
    days = form.cleaned_data["days"]
    try:
        _token, secret = service.create_token(
            owner=request.user,
            name=form.cleaned_data["name"],
            scope=Scope(form.cleaned_data["scope"]),
            expires_at=timezone.now() + timedelta(days=int(days)) if days else None,
        )
    except DocumentsError as error:
        messages.error(request, error.sentence)
        return None
    return secret


@login_required
@require_POST
def revoke(request: HttpRequest, token_id: uuid.UUID) -> HttpResponse:
    token = access.token_for_changing(request.user, token_id)
    service.revoke_token(token)
    messages.success(request, _("“%(name)s” opens nothing any more.") % {"name": token.name})
    return redirect("tokens")
