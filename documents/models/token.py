"""What a program shows instead of a password, and what it was already answered."""

import uuid
from datetime import datetime

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Scope(models.TextChoices):
    READ = "read", _("only read")
    WRITE = "write", _("read and change")
    """Everything that reading may, and uploads, retries and deletions besides."""


class ApiToken(models.Model):
    """A key of one user for one program. Only a hash of its secret is kept, never the secret."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens", verbose_name=_("owner")
    )
    name = models.CharField(_("name"), max_length=80)
    prefix = models.CharField(_("begins with"), max_length=20, unique=True, editable=False)
    digest = models.CharField(_("SHA-256 of the token"), max_length=64, editable=False)
    scope = models.CharField(_("scope"), max_length=8, choices=Scope.choices, default=Scope.READ)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)
    """To the minute: not every request is worth a write."""
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["owner", "-created_at"], name="api_token_owner")]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    def is_expired(self, now: datetime | None = None) -> bool:
        return self.expires_at is not None and self.expires_at <= (now or timezone.now())

    @property
    def is_valid(self) -> bool:
        return self.revoked_at is None and not self.is_expired()

    @property
    def may_write(self) -> bool:
        return self.scope == Scope.WRITE


class IdempotencyKey(models.Model):
    """A request that is being answered, or was: the same key gets the same answer for a day.

    `claim` changes hands when a request died with the key in its hand; who lost it stores nothing.
    """

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("owner")
    )
    key = models.CharField(_("key"), max_length=255)
    fingerprint = models.CharField(_("fingerprint of the request"), max_length=64)
    claim = models.UUIDField(_("claim"), default=uuid.uuid4, editable=False)
    claimed_at = models.DateTimeField(_("claimed"))
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    status = models.PositiveIntegerField(_("status of the answer"), null=True, blank=True)
    """Empty while the first request is being answered."""
    answer = models.TextField(_("answer"), blank=True)
    """The JSON as it was sent, so that every answer is equal to the letter."""

    class Meta:
        verbose_name = _("idempotency key")
        verbose_name_plural = _("idempotency keys")
        constraints = [
            models.UniqueConstraint(fields=["owner", "key"], name="idempotency_key_once_per_owner")
        ]
        indexes = [models.Index(fields=["created_at"], name="idempotency_key_age")]

    def __str__(self) -> str:
        return self.key
