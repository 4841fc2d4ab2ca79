"""The product's settings, with pages that take a moment and need no networks."""

import os
from dataclasses import replace

from ocrsite.settings import *  # noqa: F403
from ocrsite.settings import INSTALLED_APPS, OCR_JOB_LIMITS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.reliability.apps.StubPagesConfig"]
LEASE_SECONDS = int(os.environ.get("TRIAL_LEASE_SECONDS", OCR_JOB_LIMITS.lease_seconds))
OCR_JOB_LIMITS = replace(
    OCR_JOB_LIMITS, lease_seconds=LEASE_SECONDS, heartbeat_seconds=max(1, LEASE_SECONDS // 6)
)
STUB_PAGE_SECONDS = tuple(map(float, os.environ.get("TRIAL_PAGE_SECONDS", "0.02-0.06").split("-")))
