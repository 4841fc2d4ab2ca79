"""Takes the README's screenshots of the real product, reading documents that are drawn here.

.venv/bin/python docs/screenshots/make.py
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter, ImageFont
from playwright.sync_api import Browser, Page, sync_playwright

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from tests.e2e.product import CHROMIUM, QUIET, Product, running_product  # noqa: E402

WINDOW = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
LARGEST = 200_000
SANS = "Noto Sans CJK SC"
"""What the pages are set in, so that pictures do not change with the machine's default."""

DEFAULTS = ("system-ui", "sans", "sans-serif", "DejaVu Sans")
FONT_RULE = (
    '<match target="pattern"><test name="family"><string>{asked}</string></test>'
    '<edit name="family" mode="assign" binding="strong"><string>{given}</string></edit></match>'
)

MINUTES = """Harbour Street Allotments
Minutes of the autumn meeting, 14 October

Present: R. Adeyemi (chair), L. Novak, P. Iyer,
S. Okafor and eleven plot holders.

1. Water. The standpipe by plot 9 was repaired in
August at a cost of 184.50. The meter reads 0271.6
and is read again on the first of each month.

2. Hedges. The north boundary is to be cut back to
two metres before the end of February. Volunteers
meet at the shed on Saturday 18 January.

3. Seeds. A joint order saves about a third. Lists
go to Paula by 30 November; broad beans and early
potatoes are already counted.

4. Accounts. Balance carried forward 1,206.14.
Rents received 940.00, repairs 312.75."""
NOTICE = """城东图书馆读者服务须知

一、开放时间：周二至周日上午九时至下午八时，
周一闭馆整理。国家法定节假日另行通知。

二、每位读者凭证可借阅图书十册，借期三十天，
可续借一次。珍本与地方文献仅供馆内阅览。

三、古籍阅览室座位共二十四席，须提前预约。
请勿携带饮料、墨水笔及雨具入室。

四、自助复印每页收费三角，扫描件可发至邮箱。

联系电话：0571-8800 1264（服务台）"""


def font_file(family: str) -> str:
    """Ask fontconfig where a family lies."""
    question = ["fc-match", "--format=%{file}", family]
    return subprocess.run(question, capture_output=True, text=True, check=True).stdout


def drawn(text: str, family: str, *, smudged: dict[int, float] | None = None) -> Image.Image:
    """A typed sheet; lines named in `smudged` are blurred by that radius, as by damp."""
    sheet = Image.new("RGB", (1240, 1600), (251, 250, 245))
    draw, path, top = ImageDraw.Draw(sheet), font_file(family), 150
    for number, line in enumerate(text.split("\n")):
        size = 54 if number == 0 else 42
        draw.text((130, top), line, font=ImageFont.truetype(path, size), fill=(40, 40, 46))
        if radius := (smudged or {}).get(number):
            strip = (0, top - 6, sheet.width, top + int(size * 1.4))
            sheet.paste(sheet.crop(strip).filter(ImageFilter.GaussianBlur(radius)), strip)
        top += (size * 2 if number == 0 else int(size * 1.6)) if line else 30
    return sheet


def as_file(name: str, *sheets: Image.Image) -> dict[str, object]:
    buffer, kind = io.BytesIO(), "PDF" if name.endswith("pdf") else "PNG"
    more = {"save_all": True, "append_images": sheets[1:]} if kind == "PDF" else {}
    sheets[0].save(buffer, kind, **more)
    mime = "application/pdf" if kind == "PDF" else "image/png"
    return {"name": name, "mimeType": mime, "buffer": buffer.getvalue()}


def shoot(page: Page, name: str) -> None:
    """With fewer colours only where it must: a README must not weigh megabytes."""
    page.wait_for_timeout(600)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    target = HERE / f"{name}.png"
    picture.save(target, optimize=True)
    if target.stat().st_size > LARGEST:
        picture.quantize(256, kmeans=3, dither=Image.Dither.NONE).save(target, optimize=True)


def enter(browser: Browser, product: Product, **options: object) -> Page:
    page = browser.new_page(**{"viewport": WINDOW, "locale": "en-GB", **options})
    page.goto(product.url)
    page.fill("#id_login", product.user)
    page.fill("#id_password", product.password)
    page.locator("button.primary").click()
    page.wait_for_selector("#upload")
    return page


def upload(page: Page, *files: dict[str, object]) -> None:
    page.goto(page.url.split("/jobs")[0])
    page.set_input_files("#files", list(files))
    page.locator("[data-send]").click()
    page.wait_for_selector("#job, .chosen-files .refused")


def finish(page: Page) -> None:
    page.wait_for_selector("#job:not(:has(.leaf.waiting, .leaf.reading))", timeout=240_000)


def take_all(browser: Browser, product: Product) -> None:
    gate = browser.new_page(viewport=WINDOW, locale="en-GB")
    gate.goto(product.url)
    shoot(gate, "login")

    page = enter(browser, product)
    typed, printed = "Liberation Serif", "Noto Sans CJK SC"
    minutes = drawn(MINUTES, typed, smudged={8: 3.7, 12: 3.5, 16: 3.8})
    upload(page, as_file("Allotment minutes, October.png", minutes))
    finish(page)
    reading = page.locator("article a.button").get_attribute("href")
    upload(page, as_file("图书馆读者须知.png", drawn(NOTICE, printed, smudged={6: 3.6, 9: 3.9})))
    finish(page)
    chinese = page.locator("article a.button").get_attribute("href")

    newsletters = [drawn(MINUTES, typed)] * 14
    upload(
        page,
        as_file("Parish newsletters 1971-1974.pdf", *newsletters),
        as_file("Notice board.png", drawn(MINUTES, "Liberation Sans")),
    )
    page.wait_for_selector(".leaf:nth-child(5).done", timeout=120_000)
    shoot(page, "job")
    finish(page)

    page.goto(product.url)
    page.set_input_files(
        "#files",
        [
            as_file("Ledger, volume two.pdf", drawn(NOTICE, printed)),
            as_file("Letter from the council.png", drawn(MINUTES, typed)),
            {"name": "notes.docx", "mimeType": "application/msword", "buffer": b"PK"},
        ],
    )
    shoot(page, "upload")

    for name, address, options in (
        ("read", reading, {}),
        ("read-dark", reading, {"color_scheme": "dark"}),
        ("read-phone", reading, {"viewport": PHONE}),
        ("read-chinese", chinese, {"locale": "zh-CN"}),
    ):
        reader = enter(browser, product, **options)
        reader.goto(product.url + address)
        reader.locator(".lines .line").nth(5).click()
        shoot(reader, name)


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
            take_all(browser, product)
            browser.close()


if __name__ == "__main__":
    main()
