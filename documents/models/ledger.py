"""The ledger: every movement of a person's storage and pages, of which Usage is the balance."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Movement(models.TextChoices):
    CARRIED = "carried", _("carried forward")
    """The sum of older entries, which it takes the place of."""
    STORED = "stored", _("file stored, pages reserved")
    RESERVED = "reserved", _("pages reserved")
    READ = "read", _("page read")
    REFUNDED = "refunded", _("pages given back")
    VIEW = "view", _("page image stored")
    FREED = "freed", _("storage given back")
    MONTH = "month", _("a new month began")
    CORRECTED = "corrected", _("corrected to what was counted")


class LedgerEntry(models.Model):
    """Written by services/quotas.py in the transaction that moves the balance, never changed."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("owner")
    )
    at = models.DateTimeField(_("at"), auto_now_add=True)
    movement = models.CharField(_("movement"), max_length=10, choices=Movement.choices)
    storage_bytes = models.BigIntegerField(_("storage (bytes)"), default=0)
    pages_reserved = models.IntegerField(_("pages reserved"), default=0)
    pages_used = models.IntegerField(_("pages read"), default=0)
    about = models.UUIDField(_("document, job or page"), null=True, blank=True)
    """Its id; what it names may be long gone."""

    class Meta:
        verbose_name = _("ledger entry")
        verbose_name_plural = _("ledger")
        ordering = ["-id"]
        indexes = [models.Index(fields=["owner", "at"], name="ledger_owner")]

    def __str__(self) -> str:
        return f"{self.get_movement_display()} {self.at:%Y-%m-%d %H:%M}"
