"""Somebody at a browser. Each page they come to must speak their language, fit a phone and run
without a complaint."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from django.utils import translation
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from tests.e2e.product import CHROMIUM, QUIET

LANGUAGES = {"en-GB": "en", "zh-CN": "zh-hans"}
DESK = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
PASSWORD = "correct horse battery staple"
READ_MILLISECONDS = 60_000
STEP_MILLISECONDS = 10_000

# What heads, names and starts things. Contents are whatever people gave them.
SIGNS = (
    "h1, h2, h3, label, legend, caption, summary, dt, thead th, th[scope=row], button, .button,"
    " .lead, .pill, .menu a, .tabs a, .object-tools a, input[type=submit],"
    " select:not([multiple]) option"
)
VISIBLE_SIGNS = """(signs) => [...document.querySelectorAll(signs)]
    .filter((sign) => sign.checkVisibility({visibilityProperty: true}))
    .map((sign) => (sign.type === "submit" && sign.value) || sign.textContent.trim())"""
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
SAME_IN_EVERY_LANGUAGE = {"TXT", "JSON", "English", "Folio", "admin", "openapi.yaml", "SHA-256"}
IS_CHINESE = re.compile(r"[\u4e00-\u9fff]")
IS_LATIN = re.compile(r"[A-Za-z]{3}")


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


class Walker:
    def __init__(self, browser: Browser, site: str, locale: str) -> None:
        self.language = LANGUAGES[locale]
        self.page: Page = browser.new_page(locale=locale, viewport=DESK, base_url=site)
        self.page.set_default_timeout(STEP_MILLISECONDS)
        self.refusals: set[int] = set()
        self.complaints: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda m: self._hear(m.text) if m.type == "error" else None)

    def _hear(self, text: str) -> None:
        """The browser itself logs each refusal; those that the walk asks for are no complaint."""
        if not any(
            f"the server responded with a status of {code}" in text for code in self.refusals
        ):
            self.complaints.append(text)

    def leave(self) -> None:
        self.page.close()
        assert not self.complaints, self.complaints

    # --- Words -----------------------------------------------------------------------------

    def say(self, english: str) -> str:
        """How the product says this."""
        with translation.override(self.language):
            return translation.gettext(english)

    def sees(self, en: str, zh: str) -> None:
        wanted = en if self.language == "en" else zh
        expect(self.page.get_by_text(wanted).first).to_be_visible()

    def look(self) -> None:
        """What holds for every page."""
        self.page.wait_for_load_state()
        assert self.page.locator("html").get_attribute("lang") == self.language
        if self.language != "en":
            assert not self.untranslated(), f"{self.page.url}: {self.untranslated()}"
        self.page.set_viewport_size(PHONE)
        assert self.page.evaluate(OVERFLOW) <= 0, f"{self.page.url} is wider than a phone"
        self.page.set_viewport_size(DESK)

    def untranslated(self) -> list[str]:
        shown = self.page.evaluate(VISIBLE_SIGNS, SIGNS)
        return [
            sign
            for sign in shown
            if IS_LATIN.search(sign)
            and not IS_CHINESE.search(sign)
            and sign not in SAME_IN_EVERY_LANGUAGE
        ]

    # --- Steps -----------------------------------------------------------------------------

    def go(self, address: str) -> None:
        self.page.goto(address)
        self.look()

    def is_refused(self, address: str, *, code: int, en: str, zh: str) -> None:
        self.refusals.add(code)
        answer = self.page.goto(address)
        assert answer is not None
        assert answer.status == code
        self.look()
        self.sees(en, zh)

    def button(self, english: str, within: Locator | None = None) -> Locator:
        """A button or a link that is named so."""
        where, name = within or self.page, self.say(english)
        named = where.get_by_role("button", name=name, exact=True)
        return named.or_(where.get_by_role("link", name=name, exact=True)).first

    def press(self, english: str, within: Locator | None = None) -> None:
        """And come to the next page."""
        with self.page.expect_navigation():
            self.button(english, within).click()
        self.look()

    def choose_from_menu(self, english: str) -> None:
        self.page.locator("details.menu summary").click()
        self.press(english, self.page.locator(".menu-items"))

    def fill(self, **fields: str) -> None:
        for name, value in fields.items():
            self.page.fill(f"[name='{name}']", value)

    def sign_up(self, name: str) -> None:
        self.go("/account/signup/")
        self.fill(username=name, password1=PASSWORD, password2=PASSWORD)
        self.press("Make the account")

    def log_in(self, name: str, password: str = PASSWORD) -> None:
        self.go("/account/login/")
        self.fill(login=name, password=password)
        self.press("Log in")

    def choose_files(self, files: dict[str, bytes]) -> None:
        self.go("/")
        mime = "application/octet-stream"
        self.page.set_input_files(
            "#files",
            [{"name": name, "mimeType": mime, "buffer": data} for name, data in files.items()],
        )

    def hand_in(self, files: dict[str, bytes]) -> str:
        """Upload, and come to the job's page: its address."""
        self.choose_files(files)
        self.press("Upload")
        return self.page.url

    def watch_until(self, english: str) -> None:
        """The job's heading changes without loading the page again."""
        heading = self.page.get_by_role("heading", name=self.say(english), exact=True)
        expect(heading).to_be_visible(timeout=READ_MILLISECONDS)

    def act(self, table: str, action: str, *, search: str, **fields: str) -> None:
        """In the administration: find rows, select them all, have something done to them."""
        self.go(f"/admin/{table}/?q={search}")
        self.page.locator("#action-toggle").check()
        self.page.select_option("select[name=action]", label=self.say(action))
        self.fill(**fields)
        with self.page.expect_navigation():
            self.page.locator(".actions button[type=submit]").click()
        self.look()

    def rows(self) -> Locator:
        return self.page.locator("#result_list tbody tr")
