"""The real product, a real browser and something to read, for a test or for screenshots."""

from __future__ import annotations

import io
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from tests.own_database import own_database

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = Path("/usr/bin/chromium")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
READY_SECONDS = 90
STOP_SECONDS = 30


@dataclass
class Product:
    url: str
    user: str
    password: str
    process: subprocess.Popen[str]
    data_dir: Path
    environment: dict[str, str]


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def picture(text: str) -> bytes:
    """A PNG with one line, drawn here."""
    sheet, buffer = Image.new("L", (900, 200), 255), io.BytesIO()
    ImageDraw.Draw(sheet).text((40, 60), text, fill=0, font=ImageFont.load_default(size=56))
    sheet.save(buffer, "PNG")
    return buffer.getvalue()


def shell(product: Product, code: str) -> str:
    """What these lines print inside the product, for what no door does: time passing, say."""
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "-v", "0", "-c", code],
        cwd=ROOT,
        env=product.environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def wait_for_announcement(process: subprocess.Popen[str], log: Path) -> str:
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end and process.poll() is None:
        said = log.read_text()
        if "running on" in said:
            return said
        time.sleep(0.2)
    raise RuntimeError(f"the product did not start:\n{log.read_text()}")


@contextmanager
def running_product(folder: Path, **settings: str) -> Iterator[Product]:
    """`manage.py up` with data of its own on a free port, stopped as Ctrl-C stops it."""
    data_dir, log = folder / "data", folder / "log"
    # OCR_DEBUG and the like may be set where tests run; the product is tested as it ships.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("OCR_")}
    environment |= {
        "OCR_DATA_DIR": str(data_dir),
        "OCR_ADDRESS": f"127.0.0.1:{free_port()}",
        "OCR_WORKERS": "1",
        "NO_PROXY": "*",
        **settings,
    }
    with own_database(data_dir) as database:
        environment |= database.environment
        with _started(environment, data_dir, log) as product:
            yield product


@contextmanager
def _started(environment: dict[str, str], data_dir: Path, log: Path) -> Iterator[Product]:
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "up"],
            cwd=ROOT,
            env=environment,
            stdout=out,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
    try:
        said = wait_for_announcement(process, log)
        password = re.search(r"password\s+(\S+)", said, re.IGNORECASE)
        user = re.search(r"user(?: ?name)?\W+(\S+)", said, re.IGNORECASE)
        if not (user and password):
            raise RuntimeError(f"the product named no first user:\n{said}")
        url = f"http://{environment['OCR_ADDRESS']}"
        yield Product(url, user[1], password[1], process, data_dir, environment)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
