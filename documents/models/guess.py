"""Wrong passwords, wrong tokens, requests for a reset: counted, so that guessing is bounded."""

from django.db import models


class Guess(models.Model):
    """Tries of one kind, from one place, at one name, within one window."""

    key = models.CharField(max_length=64, primary_key=True)
    """SHA-256 of kind, name and place: the table holds neither names nor addresses."""
    window_ends = models.DateTimeField()
    tries = models.PositiveIntegerField(default=0)

    class Meta:
        indexes = [models.Index(fields=["window_ends"])]

    def __str__(self) -> str:
        return self.key
