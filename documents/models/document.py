"""A document is one file handed in; a page is what is leased, read and shown."""

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Document(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="documents",
        verbose_name=_("owner"),
    )
    job = models.ForeignKey(
        "documents.Job", models.CASCADE, related_name="documents", verbose_name=_("job")
    )
    position = models.PositiveIntegerField(_("position in the upload"), default=0)
    title = models.CharField(_("title"), max_length=200)
    kind = models.CharField(_("kind"), max_length=8)
    size_bytes = models.BigIntegerField(_("size (bytes)"))
    sha256 = models.CharField(_("SHA-256"), max_length=64)
    original_name = models.CharField(_("stored as"), max_length=120)
    page_count = models.PositiveIntegerField(_("pages"))
    notes = models.JSONField(_("notes"), default=list, blank=True)
    collection = models.ForeignKey(
        "documents.Collection",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="documents",
        verbose_name=_("collection"),
    )
    trashed_at = models.DateTimeField(_("in the trash since"), null=True, blank=True)
    """Hidden from everything but the trash; its owner can take it back until it is purged."""
    created_at = models.DateTimeField(_("uploaded"), auto_now_add=True)

    class Meta:
        verbose_name = _("document")
        verbose_name_plural = _("documents")
        ordering = ["-created_at", "position"]
        indexes = [
            # A person's shelf and trash: counted and leafed through in the index alone.
            models.Index(
                fields=["owner", "-created_at", "position"],
                name="document_shelf",
                condition=models.Q(trashed_at__isnull=True),
            ),
            models.Index(
                fields=["owner", "-trashed_at"],
                name="document_in_trash",
                condition=models.Q(trashed_at__isnull=False),
            ),
            models.Index(fields=["job", "position"], name="document_in_job"),
            models.Index(fields=["-created_at", "-id"], name="document_newest"),
            # Which of five hundred stored files somebody answers for: asked nightly, for all files.
            models.Index(fields=["original_name"], name="document_stored_as"),
            # Whether somebody handed in the same bytes before.
            models.Index(fields=["owner", "sha256"], name="document_same_bytes"),
            models.Index(
                fields=["trashed_at"],
                name="document_trashed",
                condition=models.Q(trashed_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.title


class PageState(models.TextChoices):
    PENDING = "pending", _("waiting")
    LEASED = "leased", _("being read")
    DONE = "done", _("done")
    FAILED = "failed", _("failed")
    """The file itself is at fault: trying again changes nothing unless the file or limits do."""
    QUARANTINED = "quarantined", _("set aside")
    """Reading it killed its process too often; kept away from the others until a person retries."""
    CANCELLED = "cancelled", _("cancelled")


OPEN_STATES = (PageState.PENDING, PageState.LEASED)
RETRYABLE_STATES = (PageState.FAILED, PageState.QUARANTINED, PageState.CANCELLED)


class Page(models.Model):
    """The unit of work. `attempts` only grows and `token` changes with every lease: the fence."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    document = models.ForeignKey(
        Document, models.CASCADE, related_name="pages", verbose_name=_("document")
    )
    index = models.PositiveIntegerField(_("index"))
    width = models.PositiveIntegerField(_("width (px)"))
    height = models.PositiveIntegerField(_("height (px)"))
    forecast_bytes = models.BigIntegerField(_("memory forecast (bytes)"), default=0)

    state = models.CharField(
        _("state"), max_length=12, choices=PageState.choices, default=PageState.PENDING
    )
    due_at = models.DateTimeField(_("due"), auto_now_add=True)
    token = models.UUIDField(_("lease token"), null=True, blank=True, editable=False)
    leased_until = models.DateTimeField(_("leased until"), null=True, blank=True)
    worker = models.CharField(_("worker"), max_length=120, blank=True)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    child_deaths = models.PositiveIntegerField(_("child deaths"), default=0)
    worker_losses = models.PositiveIntegerField(_("worker losses"), default=0)
    rung = models.PositiveIntegerField(_("rung"), default=0)
    """Steps down the ladder of care (services/rungs.py) after deaths; 0 is the profile's own."""

    error_code = models.CharField(_("error code"), max_length=40, blank=True)
    error_params = models.JSONField(_("error figures"), default=dict, blank=True)
    receipt = models.JSONField(_("receipt"), default=dict, blank=True)
    notes = models.JSONField(_("notes"), default=list, blank=True)
    view_name = models.CharField(_("view image"), max_length=120, blank=True)
    view_bytes = models.BigIntegerField(_("view image (bytes)"), default=0)
    view_sha256 = models.CharField(_("view image (SHA-256)"), max_length=64, blank=True)
    """Empty for views from before it was kept."""
    confidence = models.FloatField(_("confidence"), null=True, blank=True)
    seconds = models.FloatField(_("seconds"), null=True, blank=True)
    settled_at = models.DateTimeField(_("settled"), null=True, blank=True)

    class Meta:
        verbose_name = _("page")
        verbose_name_plural = _("pages")
        ordering = ["document", "index"]
        constraints = [
            models.UniqueConstraint(fields=["document", "index"], name="page_once_per_document")
        ]
        indexes = [
            models.Index(fields=["-due_at", "-id"], name="page_newest"),
            models.Index(fields=["view_name"], name="page_view_stored_as"),
            # What is due, and the administration's lists of one state.
            models.Index(fields=["state", "-due_at", "-id"], name="page_state_due"),
            models.Index(fields=["state", "settled_at"], name="page_state_settled"),
            # What was taken back from a vanished worker.
            models.Index(fields=["state", "worker_losses"], name="page_state_losses"),
            models.Index(
                fields=["leased_until"],
                name="page_leased",
                condition=models.Q(state="leased"),
            ),
            # Whole, because SQLite uses no partial index for a list of states.
            models.Index(fields=["state", "document"], name="page_state"),
        ]

    def __str__(self) -> str:
        return f"{self.document} [{self.number}]"

    @property
    def number(self) -> int:
        """1-based, as shown on screen."""
        return self.index + 1

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES

    @property
    def can_retry(self) -> bool:
        return self.state in RETRYABLE_STATES

    @property
    def rotation(self) -> int:
        """Degrees clockwise by which the page must be turned to be upright."""
        return int(self.receipt.get("rotation", 0)) if self.receipt else 0

    @property
    def was_reduced(self) -> bool:
        """Read from fewer pixels than the file has."""
        receipt = self.receipt or {}
        return bool(receipt) and receipt["working_size"] != receipt["source_size"]
