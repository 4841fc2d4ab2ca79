"""The product's settings, with an engine that does what a page's first pixel tells it to."""

from ocrsite.settings import *  # noqa: F403
from ocrsite.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.processes.apps.FakeEngineConfig"]
