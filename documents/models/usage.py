"""What a user may use, what they hold of it, and when they last had a turn."""

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.utils.translation import gettext_lazy as _


class Limits(models.Model):
    """A person's own figures go before their groups', those before the site's."""

    storage_limit_bytes = models.PositiveBigIntegerField(
        _("storage limit (bytes)"), null=True, blank=True
    )
    pages_per_month = models.PositiveIntegerField(_("pages per month"), null=True, blank=True)
    files_per_batch = models.PositiveSmallIntegerField(_("files per upload"), null=True, blank=True)
    open_jobs = models.PositiveIntegerField(_("jobs at the same time"), null=True, blank=True)

    class Meta:
        abstract = True


class GroupLimits(Limits):
    """For everybody in a group; who is in several has the highest of each."""

    group = models.OneToOneField(
        Group, models.CASCADE, related_name="limits", verbose_name=_("group")
    )

    class Meta:
        verbose_name = _("limits of a group")
        verbose_name_plural = _("limits of groups")

    def __str__(self) -> str:
        return str(self.group)


class Usage(Limits):
    """Storage and pages held against limits: the ledger's balance, moved by services/quotas.py.

    Figures may go below zero: a balance that was wrong must not keep anything from being deleted,
    and `manage.py verify` finds it.

    A page is reserved when it is queued and used when it was read; one that ends without text, or
    is deleted before it was read, is given back.
    """

    owner = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="usage", verbose_name=_("owner")
    )
    storage_bytes = models.BigIntegerField(_("storage used (bytes)"), default=0)
    month = models.DateField(_("month"), null=True, blank=True)
    """First day of the month that pages_used counts; an older one means that none are used."""
    pages_used = models.IntegerField(_("pages read this month"), default=0)
    pages_reserved = models.IntegerField(_("pages waiting to be read"), default=0)
    last_turn_at = models.DateTimeField(_("last turn"), null=True, blank=True)
    """When a page of this user was last claimed: whoever waited longest goes next."""

    class Meta:
        verbose_name = _("usage")
        verbose_name_plural = _("usage")

    def __str__(self) -> str:
        return str(self.owner)
