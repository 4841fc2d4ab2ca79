"""What a user holds and when they last had a turn."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Usage(models.Model):
    """Storage held against a limit, moved only by conditional updates in services/quotas.py."""

    owner = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="usage", verbose_name=_("owner")
    )
    storage_bytes = models.BigIntegerField(_("storage used (bytes)"), default=0)
    storage_limit_bytes = models.BigIntegerField(
        _("storage limit (bytes)"), null=True, blank=True, help_text=_("Empty: the site's limit.")
    )
    last_turn_at = models.DateTimeField(_("last turn"), null=True, blank=True)
    """When a page of this user was last claimed: whoever waited longest goes next."""

    class Meta:
        verbose_name = _("usage")
        verbose_name_plural = _("usage")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(storage_bytes__gte=0), name="usage_storage_not_negative"
            )
        ]

    def __str__(self) -> str:
        return str(self.owner)
