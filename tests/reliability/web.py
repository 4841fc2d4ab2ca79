"""A product that runs, and what uploads do to its web processes and workers."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from documents.lifelines import descendants
from tests.e2e.product import ROOT, Product, running_product, shell
from tests.hostile.judge import HANG_SECONDS
from tests.hostile.mutants import seeds
from tests.reliability.report import Row
from tests.scale.clients import BOUNDARY, multipart

MB = 1024 * 1024
ROUNDS_FIRST = 10
GROWTH_BYTES = 20 * MB
READ_SECONDS = 1800
STATES = (
    "from collections import Counter; from documents.models import Page; import json;"
    "print(json.dumps(Counter(' '.join(filter(None, row)) for row in"
    " Page.objects.values_list('state', 'error_code'))))"
)


@contextmanager
def uploading_to_a_product(folder: Path) -> Iterator[Web]:
    """What it uploads counts against no limit but those of a file."""
    settings = {
        "OCR_API_REQUESTS_PER_MINUTE": "1000000",
        "OCR_PAGES_PER_MONTH": "10000000",
        "OCR_STORAGE_PER_USER": "50GB",
    }
    folder.mkdir()
    with running_product(folder, **settings) as product:
        web = Web(product)
        web.warm_up()
        yield web


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
        self.slowest = 0.0
        """Seconds until an upload was answered."""
        self.pages: dict[str, int] = {}
        """How many ended how, by state and error code."""
        self.before: dict[int, int] = {}
        self.after: dict[int, int] = {}

    def upload(self, data: bytes) -> None:
        """One file; what is answered is counted by its status, 0 where there was no answer."""
        address, began = urlsplit(self.product.url).netloc, time.monotonic()
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
            self.slowest = max(self.slowest, time.monotonic() - began)

    def wait(self) -> None:
        """Until the workers are through with what was accepted."""
        end = time.monotonic() + READ_SECONDS
        while time.monotonic() < end:
            self.pages = json.loads(shell(self.product, STATES))
            if not self._open():
                return
            time.sleep(5)

    def _open(self) -> int:
        return self._count("pending", "leased")

    def _count(self, *states: str) -> int:
        return sum(n for how, n in self.pages.items() if how.split()[0] in states)

    def warm_up(self) -> None:
        """Every kind several times, so that what is loaded once is loaded."""
        for _ in range(ROUNDS_FIRST):
            for _, data in seeds():
                self.upload(data)
        self.before = self._resident()

    def look(self) -> None:
        self.after = self._resident()

    def rows(self, what: str) -> list[Row]:
        sent = sum(self.statuses.values())
        wrong = sum(n for status, n in self.statuses.items() if status == 0 or status >= 500)
        grown = max(
            (self.after[pid] - self.before.get(pid, mb) for pid, mb in self.after.items()),
            default=0,
        )
        died = len(self.before.keys() - self.after.keys())
        return [
            Row(f"{what}: of {sent:,} uploads, answers of 5xx or none", "0", str(wrong), not wrong),
            Row(
                f"{what}: an upload is answered",
                f"within {HANG_SECONDS} s",
                f"{self.slowest:.1f} s at most",
                self.slowest <= HANG_SECONDS,
            ),
            Row(f"{what}: web processes that died or were replaced", "0", str(died), not died),
            Row(
                f"{what}: growth of a web process",
                f"< {GROWTH_BYTES // MB} MB",
                f"{grown / MB:.1f} MB",
                grown < GROWTH_BYTES,
            ),
            *self._rows_of_pages(what),
        ]

    def _rows_of_pages(self, what: str) -> list[Row]:
        """Only where they were waited for."""
        if not self.pages:
            return []
        left, ended = self._open(), sum(self.pages.values())
        done = self._count("done")
        measured = f"{ended - left:,} of {ended:,}: {done:,} read, {ended - left - done:,} refused"
        return [Row(f"{what}: accepted pages come to an end", "all", measured, not left)]

    def told(self) -> dict[str, object]:
        megabytes = [[round(n / MB, 1) for n in at.values()] for at in (self.before, self.after)]
        return {
            "statuses": dict(self.statuses),
            "slowest": round(self.slowest, 1),
            "pages": self.pages,
            "resident_mb": megabytes,
        }

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
