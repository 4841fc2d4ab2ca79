"""The programs' door of the real product: the README as pasted, and fifty requests at once."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e.product import CHROMIUM, QUIET, ROOT, Product, picture, running_product, shell

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed"),
]
MAKE_TOKEN = (
    "from django.contrib.auth.models import User; from documents.services.tokens import *;"
    " print(create_token(owner=User.objects.get(), name='x', scope=Scope.WRITE)[1])"
)


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with running_product(tmp_path_factory.mktemp("product")) as product:
        yield product


@pytest.fixture(scope="module")
def environment(product: Product) -> dict[str, str]:
    """What a person has exported who follows the README."""
    token = shell(product, MAKE_TOKEN)
    return {"FOLIO": product.url, "TOKEN": token, "PATH": "/usr/bin:/bin", "NO_PROXY": "*"}


def pasted(lines: str, folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", lines],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def blocks_of_the_readme() -> list[str]:
    section = (ROOT / "README.md").read_text().partition("## For programs")[2].partition("\n## ")[0]
    return re.findall(r"```bash\n(.*?)```", section, re.DOTALL)


def test_the_lines_of_the_readme_work_when_pasted(environment, tmp_path):
    (tmp_path / "letter.png").write_bytes(picture("Hello letter"))
    upload, listed, read = blocks_of_the_readme()[1].splitlines()

    told = json.loads(pasted(upload, tmp_path, environment))
    assert [file["name"] for file in told["accepted"]] == ["letter.png"]
    assert json.loads(pasted(listed, tmp_path, environment))["results"]
    page = json.loads(pasted(read, tmp_path, environment)).get("page")
    assert page is None or "Hello" in page["text"]


def test_a_script_of_ten_lines_uploads_a_folder_and_saves_the_texts(environment, tmp_path):
    script = blocks_of_the_readme()[2]
    assert len(script.splitlines()) <= 10
    (tmp_path / "scans").mkdir()
    words = ("Apple", "Bread", "Cheese")
    for word in words:
        (tmp_path / "scans" / f"{word} page.png").write_bytes(picture(f"{word} Hello"))

    pasted(script, tmp_path, environment)
    for word in words:
        assert word in (tmp_path / "texts" / f"{word} page.png.txt").read_text()


def test_fifty_requests_at_once_with_one_key_are_one_job_and_fifty_equal_answers(
    environment, product
):
    form = '--b\r\nContent-Disposition: form-data; name="files"; filename="once.png"\r\n\r\n'
    body = form.encode() + picture("Once") + b"\r\n--b--\r\n"
    bearer = f"Bearer {environment['TOKEN']}"
    headers = {
        "Authorization": bearer,
        "Content-Type": "multipart/form-data; boundary=b",
        "Idempotency-Key": "fifty at once",
    }
    address = f"{product.url}/api/v1/documents/"
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def send(_: int) -> tuple[int, bytes]:
        with direct.open(urllib.request.Request(address, body, headers), timeout=60) as answer:
            return answer.status, answer.read()

    with ThreadPoolExecutor(50) as pool:
        answers = set(pool.map(send, range(50)))

    [(status, _)] = answers
    assert status == 202
    listed = urllib.request.Request(f"{address}?title=once.png", headers={"Authorization": bearer})
    with direct.open(listed) as answer:
        assert len(json.loads(answer.read())["results"]) == 1


@pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed")
def test_a_token_is_made_in_the_browser_and_tried_in_the_interactive_page(product):
    from playwright.sync_api import expect, sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = browser.new_page(locale="en-GB")
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
        page.goto(f"{product.url}/account/tokens/")
        page.fill("#id_login", product.user)
        page.fill("#id_password", product.password)
        page.get_by_role("button", name="Log in").click()

        page.get_by_label("What is it for?").fill("trying out")
        page.get_by_role("button", name="Make a token").click()
        secret = page.get_by_label("Your new token").last.input_value()
        page.get_by_role("link", name="What programs can do").click()
        page.get_by_role("button", name="Authorize").click()
        bearer = page.locator(".auth-container form", has=page.locator("#auth-bearer-value"))
        bearer.locator("input").fill(secret)
        bearer.get_by_role("button", name="Apply credentials").click()
        page.get_by_role("button", name="Close", exact=True).first.click()
        page.locator("#operations-account-getAccount button").first.click()
        page.get_by_role("button", name="Try it out").click()
        page.get_by_role("button", name="Execute").click()
        answer = page.locator(".live-responses-table .response").first
        expect(answer).to_contain_text("trying out")
        expect(answer).to_contain_text("200")
        assert complaints == []
        browser.close()
