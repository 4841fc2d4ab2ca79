"""Who did what to whose thing: written once with the deed, never changed, kept for a while."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Verb(models.TextChoices):
    UPLOAD = "upload", _("uploaded it")
    DOWNLOAD_ORIGINAL = "download_original", _("downloaded the original")
    EXPORT_TEXT = "export_text", _("downloaded the text")
    EXPORT_JSON = "export_json", _("downloaded the text as JSON")
    SHARE = "share", _("shared")
    UNSHARE = "unshare", _("stopped sharing")
    COLLECT = "collect", _("moved into a collection, or out of it")
    CREATE = "create", _("created it")
    DELETE = "delete", _("deleted")
    RETRY = "retry", _("retried")
    REREAD = "reread", _("had it read again")
    CANCEL = "cancel", _("cancelled it")
    TRASH = "trash", _("moved to the trash")
    RESTORE = "restore", _("took back from the trash")
    PURGE = "purge", _("deleted for good")
    TOKEN_MADE = "token_made", _("made a token")
    TOKEN_REVOKED = "token_revoked", _("revoked a token")
    SIGN_IN = "sign_in", _("signed in")
    PASSWORD_SET = "password_set", _("chose a new password")
    LINK_MADE = "link_made", _("made a one-time link")
    FACTOR_REMOVED = "factor_removed", _("removed the second factor")
    STAFF_VIEW = "staff_view", _("looked at it as staff")
    STAFF_CHANGE = "staff_change", _("changed it as staff")
    PAUSE = "pause", _("paused the queue")
    RESUME = "resume", _("resumed the queue")
    PRIORITY = "priority", _("set the priority")
    SET_ASIDE = "set_aside", _("set a page aside")


class Kind(models.TextChoices):
    DOCUMENT = "document", _("document")
    """Its pages too: `page` says which."""
    JOB = "job", _("job")
    COLLECTION = "collection", _("collection")
    TOKEN = "token", _("API token")
    USER = "user", _("user")
    QUEUE = "queue", _("queue")
    OTHER = "other", _("something else")
    """What only staff touch: limits, policies, schedules; `detail` names the table."""


class Door(models.TextChoices):
    WEB = "web", _("web")
    API = "api", _("API")
    ADMIN = "admin", _("administration")
    WORKER = "worker", _("by itself, or from the shell")


class AuditEvent(models.Model):
    """One deed. It outlives the thing and the people: names and keys are copies, not references.

    Nothing of what a document says is in it, nor its title.
    """

    at = models.DateTimeField(_("at"), auto_now_add=True)
    verb = models.CharField(_("deed"), max_length=20, choices=Verb.choices)
    door = models.CharField(_("door"), max_length=8, choices=Door.choices)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("by whom"),
    )
    actor_name = models.CharField(_("by whom (name)"), max_length=150, blank=True)
    """Empty where nobody asked: a policy, the clock, the shell, or who was not signed in."""
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("whose"),
    )
    owner_name = models.CharField(_("whose (name)"), max_length=150, blank=True)
    kind = models.CharField(_("what"), max_length=12, choices=Kind.choices)
    object_id = models.CharField(_("its key"), max_length=64, blank=True)
    """Empty for a list of them."""
    page = models.PositiveIntegerField(_("page"), null=True)
    """1-based."""
    detail = models.CharField(_("detail"), max_length=150, blank=True)
    """The other person of a share, the figure that was set, the table that staff changed."""
    token_prefix = models.CharField(_("by token"), max_length=20, blank=True)
    place = models.CharField(_("from"), max_length=64, blank=True)
    """An IPv4 address, or the /64 of an IPv6 one."""
    request_id = models.CharField(_("request"), max_length=64, blank=True)

    class Meta:
        verbose_name = _("audit event")
        verbose_name_plural = _("audit trail")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["kind", "object_id", "-id"], name="audit_of_a_thing"),
            models.Index(fields=["verb", "-id"], name="audit_by_verb"),
            models.Index(fields=["at"], name="audit_age"),
        ]

    def __str__(self) -> str:
        return f"{self.actor_name or self.get_door_display()}: {self.get_verb_display()}"
