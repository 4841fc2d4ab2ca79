"""The product's main job, as a person does it: a real server, real workers, a real browser."""

from __future__ import annotations

import io
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from tests.e2e.product import CHROMIUM, QUIET, STOP_SECONDS, Product, running_product

READ_SECONDS = 120

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed"),
]


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    with running_product(tmp_path) as product:
        yield product


def processes_of(data_dir: Path) -> list[str]:
    """Command lines of every process that was started for this installation.

    Told by the environment they inherited, not by parent or group: an orphan has neither.
    """
    mark, found = f"OCR_DATA_DIR={data_dir}".encode(), []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (folder / "environ").read_bytes().split(b"\0"):
                found.append((folder / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue  # gone since, or somebody else's
    return found


def family_of(pid: int) -> set[int]:
    """This process and everything below it: engine children have an empty environment."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z":
            parents[int(folder.name)] = int(fields[1])
    family = {pid}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    return family


def rendered_page() -> bytes:
    """Two English lines, drawn here."""
    sheet = Image.new("RGB", (900, 300), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=32)
    draw.text((60, 70), "The quick brown fox jumps", font=font, fill="black")
    draw.text((60, 160), "over thirteen lazy dogs", font=font, fill="black")
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG")
    return buffer.getvalue()


def test_log_in_upload_wait_read_download_and_stop(product: Product):
    from playwright.sync_api import expect, sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = browser.new_page(locale="en-GB")
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)

        # Log in
        page.goto(product.url)
        page.fill("#id_login", product.user)
        page.fill("#id_password", product.password)
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("heading", name="Documents")).to_be_visible()

        # Upload: one good file, and one that is refused next to it
        page.set_input_files(
            "#files",
            [
                {"name": "fox.png", "mimeType": "image/png", "buffer": rendered_page()},
                {"name": "text.png", "mimeType": "image/png", "buffer": b"only text\n"},
            ],
        )
        page.locator("[data-send]").click()
        refused = page.locator(".chosen-files .refused")
        expect(refused).to_contain_text("not one of the accepted kinds")
        expect(page.locator(".shelf .book-title")).to_have_text("fox.png")
        expect(page.locator("#yours")).to_contain_text("9999 pages left this month")
        page.get_by_role("link", name="Watch the accepted files").click()

        # Wait, without reloading
        finished = page.get_by_role("heading", name="Finished", exact=True)
        expect(finished).to_be_visible(timeout=READ_SECONDS * 1000)
        page.get_by_role("link", name="Read", exact=True).click()

        # Read: words, boxes, and one leads to the other
        lines = page.locator(".lines .line")
        expect(lines).to_have_count(2)
        expect(lines.first).to_contain_text("quick brown fox")
        expect(lines.last).to_contain_text("thirteen lazy dogs")
        page.locator(".box").last.click()
        expect(lines.last).to_have_class(re.compile(r"\bon\b"))

        # Download
        with page.expect_download() as download:
            page.get_by_role("link", name="TXT").click()
        text = Path(download.value.path()).read_text()
        assert "quick brown fox" in text
        assert download.value.suggested_filename == "fox.txt"
        assert complaints == []
        browser.close()

    # Stop: no process is left, not even one in another group
    family = family_of(product.process.pid)
    assert len(family) > 3
    product.process.send_signal(signal.SIGINT)
    assert product.process.wait(STOP_SECONDS) == 0
    left = {pid for pid in family if Path(f"/proc/{pid}").exists()}
    assert left == set()
    assert processes_of(product.data_dir) == []
