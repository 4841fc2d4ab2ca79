"""Collections, and who besides the owner may see or change what."""

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Collection(models.Model):
    """A folder of its owner's documents; a document is in one or in none."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="collections",
        verbose_name=_("owner"),
    )
    name = models.CharField(_("name"), max_length=120)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("collection")
        verbose_name_plural = _("collections")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["owner", "name"], name="collection_once_per_owner")
        ]

    def __str__(self) -> str:
        return self.name


class Share(models.Model):
    """One document, or everything in one collection, opened to one other person."""

    document = models.ForeignKey(
        "documents.Document",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="shares",
        verbose_name=_("document"),
    )
    collection = models.ForeignKey(
        Collection,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="shares",
        verbose_name=_("collection"),
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="shares", verbose_name=_("user")
    )
    can_change = models.BooleanField(_("may change"), default=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("share")
        verbose_name_plural = _("shares")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(document=None, collection__isnull=False)
                | models.Q(document__isnull=False, collection=None),
                name="share_of_one_thing",
            ),
            models.UniqueConstraint(
                fields=["user", "document"],
                condition=models.Q(document__isnull=False),
                name="document_shared_once",
            ),
            models.UniqueConstraint(
                fields=["user", "collection"],
                condition=models.Q(collection__isnull=False),
                name="collection_shared_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.document or self.collection} → {self.user}"
