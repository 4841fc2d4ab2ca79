"""How often one token may ask, for fairness: counted by the minute in the shared cache.

Counting in a file is not exact to the request when several processes count at once, and on a full
disk nothing is counted. It keeps one program from crowding out the others; guessing is bounded by
services/guessing.py.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.cache import cache
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from documents.models import ApiToken

WINDOW_SECONDS = 60


@dataclass(frozen=True)
class Allowance:
    limit: int
    used: int
    seconds_left: int

    @property
    def is_spent(self) -> bool:
        return self.used > self.limit

    @property
    def headers(self) -> dict[str, str]:
        return {
            "RateLimit-Policy": f"{self.limit};w={WINDOW_SECONDS}",
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(max(0, self.limit - self.used)),
            "RateLimit-Reset": str(self.seconds_left),
        }


def count(who: str, limit: int) -> Allowance:
    """Count one request of this minute."""
    window, second = divmod(int(time.time()), WINDOW_SECONDS)
    key = f"requests:{who}:{window}"
    try:
        cache.add(key, 0, WINDOW_SECONDS * 2)
        used = cache.incr(key)
    except (ValueError, OSError):  # emptied between the two lines; or a full disk, to be read from
        used = 1
    return Allowance(limit, used, WINDOW_SECONDS - second)


class PerTokenThrottle(BaseThrottle):
    def allow_request(self, request: Request, view: Any) -> bool:
        token = request.auth
        who = f"token:{token.pk}" if isinstance(token, ApiToken) else f"user:{request.user.pk}"
        self.allowance = count(who, settings.OCR_API_REQUESTS_PER_MINUTE)
        view.allowance = self.allowance
        return not self.allowance.is_spent

    def wait(self) -> float:
        return self.allowance.seconds_left
