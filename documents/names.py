"""What people call things, made fit to be kept and shown."""

from __future__ import annotations

import unicodedata


def clean_name(raw: str | None) -> str:
    """A label, never a path: NFC, no control, bidi or zero-width characters, at most 200."""
    text = unicodedata.normalize("NFC", raw or "")
    spaced = (" " if c.isspace() else c for c in text)
    kept = "".join(c for c in spaced if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co"))
    return " ".join(kept.split())[:200]
