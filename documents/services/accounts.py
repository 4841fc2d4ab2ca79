"""Accounts, as far as staff help with them."""

from __future__ import annotations

import logging
from typing import Any

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from documents.models import Verb
from documents.services import audit

log = logging.getLogger(__name__)


def one_time_link(user: Any) -> str:
    """Path of a page where this user chooses a new password.

    It ends with its first use, with any login, and with PASSWORD_RESET_TIMEOUT: what it proves is
    made from the password and the last login that it replaces. For servers that send no mail.
    """
    key = default_token_generator.make_token(user)
    audit.record(Verb.LINK_MADE, user)
    log.info("one_time_link_made user=%s", user.pk)
    return reverse(
        "account_reset_password_from_key",
        kwargs={"uidb36": user_pk_to_url_str(user), "key": key},
    )


@transaction.atomic
def remove_second_factor(user: Any) -> None:
    """Until they set one up again, the password alone lets this user in."""
    Authenticator.objects.filter(user=user).delete()
    audit.record(Verb.FACTOR_REMOVED, user)
    log.info("second_factor_removed user=%s", user.pk)


def end_sessions(user: Any, *, keep: str | None = None) -> int:
    """Log this user out everywhere, save where the session's key is `keep`; returns how often.

    For what a session does not notice by itself. A new password, or an account that is switched
    off, ends sessions without this.
    """
    theirs = [
        session.pk
        for session in Session.objects.filter(expire_date__gt=timezone.now()).iterator()
        if session.pk != keep and session.get_decoded().get(SESSION_KEY) == str(user.pk)
    ]
    Session.objects.filter(pk__in=theirs).delete()
    log.info("sessions_ended user=%s sessions=%d", user.pk, len(theirs))
    return len(theirs)
