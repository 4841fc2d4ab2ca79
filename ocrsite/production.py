"""What an installation that calls itself production may not be."""

from __future__ import annotations

from collections.abc import Sequence

from django.core.exceptions import ImproperlyConfigured

_PLACEHOLDERS = ("insecure", "change", "secret-key", "placeholder", "example")


def refuse_unsafe(*, debug: bool, secret_key: str, hosts: Sequence[str]) -> None:
    """Raises ImproperlyConfigured with every reason at once."""
    reasons = []
    if debug:
        reasons.append("OCR_DEBUG must be no: error pages would show settings and data.")
    if len(secret_key) < 50 or len(set(secret_key)) < 10:
        reasons.append(
            "OCR_SECRET_KEY must be random and of at least 50 characters; leave it out, and one is"
            " made and kept in the data folder."
        )
    elif any(word in secret_key.lower() for word in _PLACEHOLDERS):
        reasons.append("OCR_SECRET_KEY looks like a placeholder; leave it out, and one is made.")
    if "*" in hosts:
        reasons.append("OCR_ALLOWED_HOSTS must name the hosts: '*' lets anybody forge links.")
    if reasons:
        raise ImproperlyConfigured("OCR_ENV=production: " + " ".join(reasons))
