"""A job is one upload; an attempt is one try at one page; a worker is who tried."""

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class JobState(models.TextChoices):
    QUEUED = "queued", _("waiting")
    """No page has been claimed yet."""
    RUNNING = "running", _("running")
    """At least one page was claimed, and at least one is not settled."""
    DONE = "done", _("done")
    """Every page is settled, and at least one was read."""
    FAILED = "failed", _("failed")
    """Every page is settled, and none could be read."""
    CANCELLED = "cancelled", _("cancelled")
    """Somebody stopped it; pages read before that keep their text."""


class JobMode(models.TextChoices):
    READ = "read", _("read")
    DETECT = "detect", _("find lines only")
    """Where text stands, without reading it."""


OPEN_JOB_STATES = (JobState.QUEUED, JobState.RUNNING)


class Job(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="jobs", verbose_name=_("owner")
    )
    state = models.CharField(
        _("state"), max_length=12, choices=JobState.choices, default=JobState.QUEUED
    )
    bundle = models.CharField(_("bundle"), max_length=255)
    priority = models.SmallIntegerField(
        _("priority"), default=0, help_text=_("Higher goes first, whosever turn it is.")
    )
    mode = models.CharField(_("mode"), max_length=8, choices=JobMode.choices, default=JobMode.READ)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    cancel_requested_at = models.DateTimeField(_("cancel requested"), null=True, blank=True)

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["owner", "-created_at"]),
            # Whose turn it is, and with what; the open ones of a user.
            models.Index(fields=["owner", "state", "priority", "created_at"], name="job_turn"),
            models.Index(fields=["state", "-created_at", "-id"], name="job_state_newest"),
            models.Index(fields=["-created_at", "-id"], name="job_newest"),
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_JOB_STATES


class Pause(models.Model):
    """While it stands, no page is claimed: of one user, or of anybody."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="pause",
        verbose_name=_("user"),
        help_text=_("Empty: the whole queue."),
    )
    since = models.DateTimeField(_("since"), auto_now_add=True)

    class Meta:
        verbose_name = _("pause")
        verbose_name_plural = _("pauses")
        constraints = [
            models.UniqueConstraint(
                models.Value(1), condition=models.Q(user=None), name="one_pause_of_the_queue"
            )
        ]

    def __str__(self) -> str:
        return str(self.user or _("the whole queue"))


class Outcome(models.TextChoices):
    RUNNING = "running", _("running")
    DONE = "done", _("done")
    FAILED = "failed", _("failed")
    CHILD_DIED = "child_died", _("reading process died")
    WORKER_LOST = "worker_lost", _("worker vanished")
    CANCELLED = "cancelled", _("cancelled")
    RELEASED = "released", _("handed back")


class Attempt(models.Model):
    """Committed before any work, so that a death always leaves a trace."""

    page = models.ForeignKey(
        "documents.Page", models.CASCADE, related_name="history", verbose_name=_("page")
    )
    number = models.PositiveIntegerField(_("number"))
    worker = models.CharField(_("worker"), max_length=120)
    rung = models.PositiveIntegerField(_("rung"), default=0)
    started_at = models.DateTimeField(_("started"), auto_now_add=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    outcome = models.CharField(
        _("outcome"), max_length=12, choices=Outcome.choices, default=Outcome.RUNNING
    )
    error_code = models.CharField(_("error code"), max_length=40, blank=True)
    detail = models.CharField(_("detail"), max_length=500, blank=True)
    peak_memory = models.BigIntegerField(_("peak memory (bytes)"), null=True, blank=True)
    exit_status = models.SmallIntegerField(
        _("exit status of the child"),
        null=True,
        blank=True,
        help_text=_("Negative: the number of the signal that ended it."),
    )

    class Meta:
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")
        ordering = ["page", "number"]
        constraints = [
            models.UniqueConstraint(fields=["page", "number"], name="attempt_once_per_number")
        ]
        indexes = [
            models.Index(fields=["-started_at", "-id"], name="attempt_newest"),
            models.Index(fields=["outcome", "-started_at", "-id"], name="attempt_outcome_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.page} #{self.number}"


class Worker(models.Model):
    """A heartbeat: who is alive on which host, and what they hold."""

    name = models.CharField(_("name"), max_length=120, primary_key=True)
    host = models.CharField(_("host"), max_length=80)
    pid = models.PositiveIntegerField(_("process"))
    started_at = models.DateTimeField(_("started"), auto_now_add=True)
    beat_at = models.DateTimeField(_("last heartbeat"))
    page = models.ForeignKey(
        "documents.Page",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("page in hand"),
    )
    memory_bytes = models.BigIntegerField(_("memory of the engine child (bytes)"), default=0)

    class Meta:
        verbose_name = _("worker")
        verbose_name_plural = _("workers")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
