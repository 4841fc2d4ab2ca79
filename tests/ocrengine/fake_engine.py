"""An engine for the child process that does what the page's first pixel tells it to."""

import os
import signal
import sys
import threading
import time
from typing import Any

import numpy as np

from ocrengine.errors import BundleError
from ocrengine.profiles import EngineProfile
from ocrengine.types import PageResult, Receipt

READ, SLEEP, EXIT, KILLED, NO_MEMORY, GROW, BUG, CHATTER, MEET, NAP, LEAP = range(11)


class FakeEngine:
    def __init__(self, profile: EngineProfile, bundle: str) -> None:
        if bundle == "missing":
            raise BundleError("bundle missing: it is not there")
        self.meeting = threading.Barrier(profile.slots + 1)
        self.profile = profile

    def read(self, image: np.ndarray, **options: Any) -> PageResult:
        self._obey(int(image[0, 0, 0]))
        receipt = Receipt(
            bundle="fake",
            bundle_sha256="0" * 64,
            profile=self.profile.name,
            source_size=options["source_size"],
            working_size=(image.shape[1], image.shape[0]),
            detection_scale=1.0,
            tiles=1,
            precision="fp32",
            notes=(f"pid {os.getpid()}", *sorted(os.environ)),
        )
        return PageResult(*options["source_size"], (), receipt)

    def _obey(self, order: int) -> None:
        if order == SLEEP:
            time.sleep(60)
        elif order == EXIT:
            os._exit(3)
        elif order == KILLED:
            os.kill(os.getpid(), signal.SIGKILL)
        elif order == NO_MEMORY:
            raise MemoryError
        elif order == GROW:
            self.kept = np.ones(190 << 20, np.uint8)
            time.sleep(60)
        elif order == BUG:
            raise ValueError("a bug in a stage")
        elif order == MEET:
            self.meeting.wait(30)
        elif order == LEAP:
            self.kept = np.ones(2 << 30, np.uint8)
        elif order == NAP:
            time.sleep(0.05)
        elif order == CHATTER:
            print('{"result": "nonsense"}', flush=True)
            os.write(1, b"a library talks\n")
            sys.stderr.write("and complains\n")
