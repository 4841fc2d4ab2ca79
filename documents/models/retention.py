"""How long documents stay, and what every purge did."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class RetentionPolicy(models.Model):
    """Documents older than this go to the trash; without one they stay.

    A user's own policy goes before the one without a user, which is for everybody. It acts
    `notice_days` after it was last changed at the earliest, and is announced until then.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="retention_policy",
        verbose_name=_("user"),
        help_text=_("Empty: everybody who has no policy of their own."),
    )
    keep_days = models.PositiveIntegerField(
        _("keep for (days)"), help_text=_("0: documents stay until their owner deletes them.")
    )
    notice_days = models.PositiveIntegerField(_("announce ahead (days)"), default=7)
    changed_at = models.DateTimeField(_("changed"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("retention policy")
        verbose_name_plural = _("retention policies")
        constraints = [
            models.UniqueConstraint(
                models.Value(1),
                condition=models.Q(user=None),
                name="one_policy_for_everybody",
            )
        ]

    def __str__(self) -> str:
        return str(self.user or _("everybody"))


class PurgeRun(models.Model):
    """What one purge removed, or would have removed."""

    started_at = models.DateTimeField(_("started"), default=timezone.now)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    is_dry = models.BooleanField(_("dry run"), default=False)
    documents_trashed = models.PositiveIntegerField(_("documents moved to the trash"), default=0)
    documents_deleted = models.PositiveIntegerField(_("documents deleted"), default=0)
    files_removed = models.PositiveIntegerField(_("left-over files removed"), default=0)
    bytes_freed = models.BigIntegerField(_("bytes freed"), default=0)
    items = models.JSONField(_("what"), default=list, blank=True)
    """The first hundred, in words that name ids and never titles."""

    class Meta:
        verbose_name = _("purge")
        verbose_name_plural = _("purges")
        ordering = ["-started_at"]

    def __str__(self) -> str:
        return f"{self.started_at:%Y-%m-%d %H:%M}"
