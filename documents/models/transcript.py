"""What was read: the machine's line, the current line, and every revision between them."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Line(models.Model):
    """One line of a page. `machine_text` never changes; `text` is what is shown and exported."""

    page = models.ForeignKey(
        "documents.Page", models.CASCADE, related_name="lines", verbose_name=_("page")
    )
    order = models.PositiveIntegerField(_("reading order"))
    polygon = models.JSONField(_("polygon"))
    confidence = models.FloatField(_("confidence"))
    machine_text = models.TextField(_("machine's text"))
    text = models.TextField(_("text"))

    class Meta:
        verbose_name = _("line")
        verbose_name_plural = _("lines")
        ordering = ["page", "order"]
        constraints = [
            models.UniqueConstraint(fields=["page", "order"], name="line_once_per_order")
        ]

    def __str__(self) -> str:
        return self.text


class RevisionSource(models.TextChoices):
    MACHINE = "machine", _("machine")
    PERSON = "person", _("person")


class LineRevision(models.Model):
    """One text a line has had. Number 0 is the machine's; the highest is the current one."""

    line = models.ForeignKey(Line, models.CASCADE, related_name="revisions", verbose_name=_("line"))
    number = models.PositiveIntegerField(_("number"))
    text = models.TextField(_("text"))
    source = models.CharField(_("source"), max_length=8, choices=RevisionSource.choices)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, verbose_name=_("author")
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("line revision")
        verbose_name_plural = _("line revisions")
        ordering = ["line", "number"]
        constraints = [
            models.UniqueConstraint(fields=["line", "number"], name="revision_once_per_number")
        ]

    def __str__(self) -> str:
        return f"{self.line_id} r{self.number}"
