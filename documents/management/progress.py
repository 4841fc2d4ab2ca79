"""How far a long command is, for somebody who watches; nothing where nobody does."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from django.core.management.base import OutputWrapper

SAY_EVERY_SECONDS = 1.0


@dataclass
class Progress:
    stream: OutputWrapper
    said_at: float = field(default_factory=time.monotonic)

    def say(self, text: str) -> None:
        """At most once a second, over what was said before."""
        if self.stream.isatty() and time.monotonic() - self.said_at >= SAY_EVERY_SECONDS:
            self.said_at = time.monotonic()
            self.stream.write(text, ending="\r")
