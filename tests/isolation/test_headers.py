"""What browsers are told: error pages too; and cookies that neither scripts nor neighbours reach.

That every route's answers carry the policy is part of the matrix.
"""

import json
import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from documents import queries
from tests.isolation.probes import Answer, faults_of_headers
from tests.personas import make_read_document

pytestmark = pytest.mark.django_db


def faults(answer) -> list[str]:
    told = Answer("", answer.status_code, "", answer.headers, b"")
    return list(faults_of_headers(told))


def test_a_refusal_before_any_view_carries_the_policy(client, settings):
    settings.SECURE_SSL_REDIRECT = True
    for host, status in (("evil.example", 400), ("testserver", 301)):
        answer = Client(headers={"host": host}).get("/")
        assert (answer.status_code, faults(answer)) == (status, [])


def test_a_missing_csrf_token_an_unknown_address_and_a_large_body_carry_the_policy(owner):
    strict = Client(enforce_csrf_checks=True)
    too_large = str(settings.OCR_UPLOAD_LIMITS.body_bytes + 1)
    answers = {
        403: strict.post(reverse("account_login")),
        404: strict.get("/nowhere/"),
        413: strict.post("/upload/", CONTENT_LENGTH=too_large),
    }
    for status, answer in answers.items():
        assert (answer.status_code, faults(answer)) == (status, [])


@pytest.mark.parametrize("name", ["document", "api:page-text"])
def test_a_fault_of_ours_carries_the_policy(owner, owner_client, monkeypatch, name):
    def broken(page: object) -> None:
        raise RuntimeError("planted")

    monkeypatch.setattr(queries, "page_lines", broken)
    owner_client.raise_request_exception = False
    key = make_read_document(owner).pk
    answer = owner_client.get(reverse(name, args=[key] if name == "document" else [key, 1]))
    assert (answer.status_code, faults(answer)) == (500, [])


def test_planted_faults_are_seen():
    policy = "default-src 'none'; script-src 'unsafe-inline'"
    answer = Answer("", 200, "", {"Content-Security-Policy": policy}, b"")
    assert len(list(faults_of_headers(answer))) == 3


# --- Cookies -----------------------------------------------------------------------------------

ASKED = [
    *(f"{cookie}_COOKIE_NAME" for cookie in ("SESSION", "CSRF")),
    *(f"{cookie}_COOKIE_DOMAIN" for cookie in ("SESSION", "CSRF")),
    *(f"{cookie}_COOKIE_PATH" for cookie in ("SESSION", "CSRF")),
    *(f"{cookie}_COOKIE_SECURE" for cookie in ("SESSION", "CSRF", "LANGUAGE")),
    *(f"{cookie}_COOKIE_HTTPONLY" for cookie in ("SESSION", "CSRF", "LANGUAGE")),
    *(f"{cookie}_COOKIE_SAMESITE" for cookie in ("SESSION", "CSRF", "LANGUAGE")),
]


def settings_of_an_installation(folder, **environment: str) -> dict[str, object]:
    code = (
        "import json; from django.conf import settings;"
        f" print(json.dumps([getattr(settings, name) for name in {ASKED}]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=settings.BASE_DIR,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "ocrsite.settings",
            "OCR_DATA_DIR": str(folder),
            **environment,
        },
        check=True,
        capture_output=True,
        text=True,
    )
    return dict(zip(ASKED, json.loads(done.stdout), strict=True))


def test_behind_tls_cookies_are_this_hosts_alone(tmp_path):
    found = settings_of_an_installation(tmp_path, OCR_TLS="yes")
    for name in ("SESSION", "CSRF"):
        # What the prefix demands, or browsers drop the cookie.
        assert found[f"{name}_COOKIE_NAME"].startswith("__Host-")
        assert found[f"{name}_COOKIE_SECURE"] is True
        assert (found[f"{name}_COOKIE_DOMAIN"], found[f"{name}_COOKIE_PATH"]) == (None, "/")
    assert found["LANGUAGE_COOKIE_SECURE"] is True


def test_without_tls_cookies_still_work_and_no_script_reads_them(tmp_path):
    found = settings_of_an_installation(tmp_path, OCR_TLS="no")
    assert found["SESSION_COOKIE_NAME"] == "sessionid"
    for name in ("SESSION", "CSRF", "LANGUAGE"):
        assert found[f"{name}_COOKIE_SECURE"] is False
        assert found[f"{name}_COOKIE_HTTPONLY"] is True
        assert found[f"{name}_COOKIE_SAMESITE"] == "Lax"
