"""Text clean-up that changes encoding, never spelling."""

from __future__ import annotations

import unicodedata

_DROPPED = ("Cc", "Cf", "Cs", "Co", "Cn")


def normalize_text(text: str) -> str:
    """NFC, no control or format characters, single spaces, none at the ends."""
    composed = unicodedata.normalize("NFC", text)
    kept = (" " if c.isspace() else c for c in composed)
    visible = (c for c in kept if unicodedata.category(c) not in _DROPPED)
    return " ".join("".join(visible).split())
