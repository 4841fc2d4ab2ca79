"""Takes the screenshots of the README and the tour: the real product, reading papers drawn here.

.venv/bin/python docs/screenshots/make.py
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from papers import MINUTES, NOTICE, as_file, drawn, torn
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from tests.e2e.product import CHROMIUM, QUIET, Product, running_product, shell  # noqa: E402

WINDOW = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
LARGEST = 200_000
SANS = "Noto Sans CJK SC"
"""What the pages are set in, so that pictures do not change with the machine's default."""
TYPED, PRINTED = "Liberation Serif", "Noto Sans CJK SC"

DEFAULTS = ("system-ui", "sans", "sans-serif", "DejaVu Sans")
FONT_RULE = (
    '<match target="pattern"><test name="family"><string>{asked}</string></test>'
    '<edit name="family" mode="assign" binding="strong"><string>{given}</string></edit></match>'
)
PASSWORD = "correct horse battery staple"  # noqa: S105  of people who live for a minute
MAKE_PEOPLE = f"""
from django.contrib.auth.models import User
for name in ("paula", "leon", "mei"):
    User.objects.create_user(name, password="{PASSWORD}")
"""
LET_A_YEAR_GO_BY = """
from datetime import timedelta
from django.utils import timezone
from documents.models import Document, RetentionPolicy
then = timezone.now() - timedelta(days=400)
Document.objects.filter(owner__username="leon").update(created_at=then)
Document.objects.filter(trashed_at__isnull=False).update(trashed_at=then)
RetentionPolicy.objects.create(keep_days=365, notice_days=14, changed_at=then)
"""


@dataclass
class Studio:
    browser: Browser
    product: Product

    def seat(self, name: str = "paula", address: str = "/", **options: object) -> Page:
        """A browser in which this person is logged in."""
        page = self.browser.new_page(
            **{"viewport": WINDOW, "locale": "en-GB", "base_url": self.product.url, **options}
        )
        page.goto("/")
        page.fill("#id_login", name)
        page.fill("#id_password", self.product.password if name == "admin" else PASSWORD)
        page.locator("button.primary").click()
        page.wait_for_selector("#upload")
        page.goto(address)
        return page


def shoot(page: Page, name: str) -> None:
    """With fewer colours only where it must: a README must not weigh megabytes."""
    page.wait_for_timeout(600)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    target = HERE / f"{name}.png"
    picture.save(target, optimize=True)
    if target.stat().st_size > LARGEST:
        picture.quantize(256, kmeans=3, dither=Image.Dither.NONE).save(target, optimize=True)


def upload(page: Page, *files: dict[str, object]) -> None:
    page.goto("/")
    page.set_input_files("#files", list(files))
    page.locator("[data-send]").click()
    page.wait_for_selector("#job, .chosen-files .refused")


def finish(page: Page) -> None:
    page.wait_for_selector("#job:not(:has(.leaf.waiting, .leaf.reading))", timeout=240_000)


def read(page: Page, file: dict[str, object]) -> str:
    """The address where it is read."""
    upload(page, file)
    finish(page)
    return page.locator("article a.button").get_attribute("href") or ""


def press(page: Page, selector: str) -> None:
    with page.expect_navigation():
        page.locator(selector).first.click()


# --- Scenes --------------------------------------------------------------------------------------


def at_the_gate(studio: Studio) -> None:
    gate = studio.browser.new_page(viewport=WINDOW, locale="en-GB")
    gate.goto(studio.product.url)
    shoot(gate, "login")


def handing_in(page: Page) -> None:
    upload(
        page,
        as_file("Parish newsletters 1971-1974.pdf", *[drawn(MINUTES, TYPED)] * 14),
        as_file("Notice board.png", drawn(MINUTES, "Liberation Sans")),
    )
    page.wait_for_selector(".leaf:nth-child(5).done", timeout=120_000)
    shoot(page, "job")
    finish(page)
    page.goto("/")
    page.set_input_files(
        "#files",
        [
            as_file("Ledger, volume two.pdf", drawn(NOTICE, PRINTED)),
            as_file("Letter from the council.png", drawn(MINUTES, TYPED)),
            {"name": "notes.docx", "mimeType": "application/msword", "buffer": b"PK"},
        ],
    )
    shoot(page, "upload")


def reading(studio: Studio, english: str, chinese: str) -> None:
    for name, address, options in (
        ("read", english, {}),
        ("read-dark", english, {"color_scheme": "dark"}),
        ("read-phone", english, {"viewport": PHONE}),
        ("read-chinese", chinese, {"locale": "zh-CN"}),
    ):
        page = studio.seat(address=address, **options)
        page.locator(".lines .line").nth(5).click()
        shoot(page, name)


def sharing(studio: Studio, page: Page, *addresses: str) -> None:
    page.goto("/collections/")
    page.fill("#name", "Allotments")
    press(page, "form.line-form button")
    collection = page.url
    for address in addresses:
        page.goto(f"{address.partition('?')[0]}share/")
        page.select_option("#collection", label="Allotments")
        press(page, "section:has(#collection) button")
    for name, may in (("leon", "read"), ("mei", "change")):
        page.fill("#username", name)
        page.select_option("#may", may)
        press(page, "section:has(#username) button.primary")
    shoot(page, "share")
    page.goto(collection)
    page.fill("#username", "leon")
    press(page, "section:has(#username) button.primary")
    page.goto(collection)
    shoot(page, "collection")
    shoot(studio.seat("leon", "/shared/", locale="zh-CN"), "shared-chinese")


def programs(studio: Studio, page: Page) -> None:
    page.goto("/account/tokens/")
    page.fill("#id_name", "scanner in the hall")
    press(page, "form.card button.primary")
    shoot(page, "tokens")
    page = studio.seat(address="/api/v1/docs/")
    page.wait_for_selector(".opblock")
    shoot(page, "api")


def throwing_away(studio: Studio, page: Page) -> None:
    for title in ("Notice board, second copy.png", "Blurred photo of the shed.png"):
        address = read(page, as_file(title, drawn(MINUTES, TYPED)))
        page.goto(address.partition("?")[0] + "delete/")
        press(page, "form.card button.primary")
    page.goto("/trash/")
    shoot(page, "trash")
    shoot(studio.seat(address="/trash/", locale="zh-CN"), "trash-chinese")


def running_the_place(studio: Studio) -> None:
    leon, paula, staff = studio.seat("leon"), studio.seat(), studio.seat("admin", "/admin/")
    read(leon, as_file("Leon's lease.png", drawn(MINUTES, TYPED)))
    upload(leon, torn("Torn receipt.png"), torn("Wet invoice.png"))
    finish(leon)
    upload(paula, as_file("Parish newsletters 1975.pdf", *[drawn(MINUTES, TYPED)] * 12))
    paula.wait_for_selector(".leaf:nth-child(3).done", timeout=120_000)
    staff.reload()
    shoot(staff, "admin")
    shoot(studio.seat("admin", "/admin/", locale="zh-CN"), "admin-chinese")
    staff.goto("/admin/documents/page/?q=1975&state__exact=pending")
    staff.locator("tbody .action-select").last.check()
    staff.select_option("select[name=action]", "set_aside")
    press(staff, ".actions button[type=submit]")
    staff.goto("/admin/documents/page/failures/")
    shoot(staff, "failures")
    shell(studio.product, LET_A_YEAR_GO_BY)
    staff.goto("/admin/documents/purgerun/")
    press(staff, "form[action$='run/dry/'] [type=submit]")
    staff.set_viewport_size({"width": 1280, "height": 940})
    shoot(staff, "purge")


def take_all(studio: Studio) -> None:
    shell(studio.product, MAKE_PEOPLE)
    at_the_gate(studio)
    page = studio.seat()
    minutes = drawn(MINUTES, TYPED, smudged={8: 3.7, 12: 3.5, 16: 3.8})
    english = read(page, as_file("Allotment minutes, October.png", minutes))
    notice = drawn(NOTICE, PRINTED, smudged={6: 3.6, 9: 3.9})
    chinese = read(page, as_file("图书馆读者须知.png", notice))
    handing_in(page)
    reading(studio, english, chinese)
    sharing(studio, page, english, chinese)
    programs(studio, page)
    throwing_away(studio, page)
    running_the_place(studio)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        fonts = Path(folder) / "fonts.conf"
        fonts.write_text(
            '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">'
            '<fontconfig><include ignore_missing="yes">/etc/fonts/fonts.conf</include>'
            + "".join(FONT_RULE.format(asked=asked, given=SANS) for asked in DEFAULTS)
            + "</fontconfig>"
        )
        os.environ["FONTCONFIG_FILE"] = str(fonts)
        with running_product(Path(folder)) as product, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
            take_all(Studio(browser, product))
            browser.close()


if __name__ == "__main__":
    main()
