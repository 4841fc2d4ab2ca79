"""The reader: page images in, page results out. Knows no users, no database, no settings.

Only names that cost nothing to import are re-exported here, so that a web process can speak of
results and errors without loading numpy, cv2 or a neural runtime. The work itself is reached
through two stdlib-only clients, each of which talks to a process of its own:

    ocrengine.decoder.client   untrusted bytes -> working image   (a disposable child per call)
    ocrengine.process          working image  -> PageResult       (a long-lived engine child)
"""

from ocrengine.errors import EngineError, OutOfMemory
from ocrengine.profiles import BALANCED, GPU, LOW_MEMORY, EngineProfile, get_profile
from ocrengine.types import Line, PageResult

__all__ = [
    "BALANCED",
    "GPU",
    "LOW_MEMORY",
    "EngineError",
    "EngineProfile",
    "Line",
    "OutOfMemory",
    "PageResult",
    "get_profile",
]
