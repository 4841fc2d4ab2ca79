"""A product that runs, and what uploads do to its web processes."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

from documents.lifelines import descendants
from tests.e2e.product import ROOT, Product
from tests.hostile.mutants import seeds
from tests.reliability.report import Row
from tests.scale.clients import BOUNDARY, multipart

MB = 1024 * 1024
ROUNDS_FIRST = 10


class Web:
    def __init__(self, product: Product) -> None:
        self.product = product
        command = [sys.executable, "-m", "tests.scale.seed", "1"]
        environment = product.environment | {"DJANGO_SETTINGS_MODULE": "ocrsite.settings"}
        said = subprocess.run(
            command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE
        )
        token = json.loads(said.stdout)[0]["token"]
        self._headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        }
        self._lock = threading.Lock()
        self.statuses: Counter[int] = Counter()
        self.before: dict[int, int] = {}
        self.after: dict[int, int] = {}

    def upload(self, data: bytes) -> None:
        """One file; what is answered is counted by its status, 0 where there was no answer."""
        address = urlsplit(self.product.url).netloc
        line = http.client.HTTPConnection(address, timeout=60)
        try:
            line.request("POST", "/api/v1/documents/", multipart(data), self._headers)
            answer = line.getresponse()
            answer.read()
            status = answer.status
        except (OSError, http.client.HTTPException):
            status = 0
        finally:
            line.close()
        with self._lock:
            self.statuses[status] += 1

    def warm_up(self) -> None:
        """Every kind several times, so that what is loaded once is loaded."""
        for _ in range(ROUNDS_FIRST):
            for _, data in seeds():
                self.upload(data)
        self.before = self._resident()

    def look(self) -> None:
        self.after = self._resident()

    def rows(self, most_growth: int) -> list[Row]:
        sent = sum(self.statuses.values())
        wrong = sum(n for status, n in self.statuses.items() if status == 0 or status >= 500)
        grown = max(
            (self.after[pid] - self.before.get(pid, mb) for pid, mb in self.after.items()),
            default=0,
        )
        died = len(self.before.keys() - self.after.keys())
        return [
            Row(f"of {sent:,} uploads, answers of 5xx or none", "0", str(wrong), not wrong),
            Row("web processes that died or were replaced", "0", str(died), not died),
            Row(
                "growth of a web process",
                f"< {most_growth // MB} MB",
                f"{grown / MB:.1f} MB",
                grown < most_growth,
            ),
        ]

    def told(self) -> dict[str, object]:
        megabytes = [[round(n / MB, 1) for n in at.values()] for at in (self.before, self.after)]
        return {"statuses": dict(self.statuses), "resident_mb": megabytes}

    def _resident(self) -> dict[int, int]:
        """Resident bytes of each process of gunicorn, by its pid."""
        found = {}
        for pid in descendants(self.product.process.pid):
            try:
                if b"gunicorn" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
                    found[pid] = pages * 4096
            except OSError:
                continue
        return found
