"""Twenty clients against the product as it ships, while its worker reads what they hand in."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from functools import partial
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

from documents.lifelines import descendants
from ocrengine.memory import peak_memory_of
from tests.e2e.product import ROOT, Product, running_product
from tests.own_database import OwnDatabase
from tests.scale import clients, report
from tests.scale.clients import Client, Person, Program, Times

CLIENTS = 20
WORK_SECONDS, HAMMER_SECONDS = 40, 10
POLLS = 5
ROUNDS, PAUSE_SECONDS = 5, 4.0
BYTES = 1_000_000


def drawn_page() -> bytes:
    """A printed page as a camera gives it: lines of words on grained paper, a JPEG of 1 MB."""
    from PIL import Image, ImageDraw, ImageFont

    dice, size = Random(1), (1654, 2339)
    grain = Image.frombytes("L", size, dice.randbytes(size[0] * size[1]))
    page = grain.point(lambda value: 240 - value // 16).convert("RGB")
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(30)
    words = [
        "resolved",
        "that",
        "the",
        "bridge",
        "over",
        "the",
        "mill",
        "race",
        "be",
        "mended",
        "before",
        "winter",
    ]
    for line in range(40):
        pen.text((140, 160 + 50 * line), " ".join(dice.choices(words, k=14)), "black", font)
    qualities = (_jpeg(page, quality) for quality in range(95, 10, -1))
    return next(content for content in qualities if len(content) <= BYTES)


def _jpeg(page: Any, quality: int) -> bytes:
    out = io.BytesIO()
    page.save(out, "JPEG", quality=quality)
    return out.getvalue()


def _clients(product: Product, times: Times) -> list[Client]:
    """Half of them people, half programs, each with an account of their own."""
    command = [sys.executable, "-m", "tests.scale.seed", str(CLIENTS)]
    environment = product.environment | {"DJANGO_SETTINGS_MODULE": "ocrsite.settings"}
    said = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE)
    body, address = clients.multipart(drawn_page()), urlsplit(product.url).netloc
    return [
        (Person, Program)[n % 2](address, body, times, account)
        for n, account in enumerate(json.loads(said.stdout))
    ]


def _phase(times: Times, tasks: list[Any]) -> dict[str, Any]:
    """What each kind of request took while the tasks ran."""
    times.seconds.clear()
    times.wrong.clear()
    worked, start = time.process_time(), time.perf_counter()
    clients.together(tasks)
    seconds = time.perf_counter() - start
    found = {kind: times.of(kind) for kind in sorted(times.seconds)}
    return {
        **found,
        "uploads_per_second": round(found["upload"]["requests"] / seconds, 1),
        "refused": dict(Counter(times.wrong)),
        "cores_of_clients": round((time.process_time() - worked) / seconds, 2),
    }


def run(product: Product) -> dict[str, Any]:
    times = Times()
    everybody = _clients(product, times)
    _phase(times, _at_once(everybody, rounds=1))  # something to read, and templates loaded
    phases = {"with pauses": _phase(times, _working(everybody))}
    phases["at once"] = _phase(times, _at_once(everybody, rounds=ROUNDS))
    phases["without pause"] = _phase(times, _hammering(everybody))
    return {"phases": phases, **_facts(product)}


def _at_once(everybody: list[Client], *, rounds: int) -> list[Any]:
    start = threading.Barrier(len(everybody))
    return [partial(clients.at_once, c, start, rounds, PAUSE_SECONDS) for c in everybody]


def _hammering(everybody: list[Client]) -> list[Any]:
    until = time.perf_counter() + HAMMER_SECONDS
    return [partial(clients.hammer, client, until) for client in everybody]


def _working(everybody: list[Client]) -> list[Any]:
    until = time.perf_counter() + WORK_SECONDS
    return [
        partial(clients.work, client, until, POLLS, Random(n)) for n, client in enumerate(everybody)
    ]


def _facts(product: Product) -> dict[str, Any]:
    url = product.environment.get("DATABASE_URL", "")
    database = OwnDatabase(url, product.data_dir)
    (read,) = database.row("SELECT COUNT(*) FROM documents_page WHERE state = 'done'")
    (waiting,) = database.row("SELECT COUNT(*) FROM documents_page WHERE state = 'pending'")
    web = [pid for pid in descendants(product.process.pid) if b"gunicorn" in _command(pid)]
    megabytes = [peak_memory_of(pid) // 2**20 for pid in web]
    return {
        "database": "PostgreSQL" if url else "SQLite",
        "web_process_mb": max(megabytes),
        "web_processes": len(megabytes),
        "pages_read": read,
        "pages_waiting": waiting,
    }


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def measure(folder: Path, docs: Path) -> None:
    with running_product(folder) as product:
        found = run(product)
    print(json.dumps(found, indent=1))
    report.keep(docs, "load", found)
