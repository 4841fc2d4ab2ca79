"""Accounts, as far as staff help with them."""

from __future__ import annotations

import logging
from typing import Any

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from django.urls import reverse

log = logging.getLogger(__name__)


def one_time_link(user: Any) -> str:
    """Path of a page where this user chooses a new password.

    It ends with its first use, with any login, and with PASSWORD_RESET_TIMEOUT: what it proves is
    made from the password and the last login that it replaces. For servers that send no mail.
    """
    key = default_token_generator.make_token(user)
    log.info("one_time_link_made user=%s", user.pk)
    return reverse(
        "account_reset_password_from_key",
        kwargs={"uidb36": user_pk_to_url_str(user), "key": key},
    )


def remove_second_factor(user: Any) -> None:
    """Until they set one up again, the password alone lets this user in."""
    Authenticator.objects.filter(user=user).delete()
    log.info("second_factor_removed user=%s", user.pk)
