"""What an installation may not be, the names it answers to, what its log and its probes say."""

import json
import logging
import os
import subprocess
import sys
from datetime import timedelta

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from documents import correlation, files
from documents.models import Page
from ocrsite.hosts import default_hosts
from ocrsite.logs import JsonFormatter, LineFormatter, RefusalsInOneLine
from ocrsite.production import refuse_unsafe
from tests.personas import make_document

SAFE = {"debug": False, "secret_key": "q8#kd02mX!lP5vTz" * 4, "hosts": ["folio.example.org"]}


# --- Production --------------------------------------------------------------------------------


def test_a_safe_production_is_not_refused():
    refuse_unsafe(**SAFE)


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"debug": True}, "OCR_DEBUG"),
        ({"secret_key": "short"}, "at least 50"),
        ({"secret_key": "a" * 60}, "random"),
        ({"secret_key": "django-insecure-0123456789-abcdefghijklmnopqrstuvwxyz"}, "placeholder"),
        ({"hosts": ["folio.example.org", "*"]}, "OCR_ALLOWED_HOSTS"),
    ],
)
def test_an_unsafe_production_is_refused_by_name(wrong, word):
    with pytest.raises(ImproperlyConfigured, match=word):
        refuse_unsafe(**{**SAFE, **wrong})


def test_the_refusal_is_one_sentence_and_not_a_traceback(tmp_path):
    environment = {
        **os.environ,
        "OCR_DATA_DIR": str(tmp_path),
        "OCR_ENV": "production",
        "OCR_DEBUG": "yes",
    }
    command = [sys.executable, "manage.py", "check"]
    done = subprocess.run(
        command, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert done.stderr.startswith("Settings: OCR_ENV=production: OCR_DEBUG must be no")
    assert "Traceback" not in done.stderr


# --- Names -------------------------------------------------------------------------------------


def test_on_loopback_it_answers_to_loopback_only():
    assert default_hosts("127.0.0.1:8000") == ["localhost", "127.0.0.1", "[::1]"]


def test_on_one_address_it_answers_to_that():
    assert "192.0.2.7" in default_hosts("192.0.2.7:8000")
    assert "[2001:db8::7]" in default_hosts("[2001:db8::7]:8000")


@pytest.mark.parametrize("address", ["0.0.0.0:8000", ":8000", "[::]:8000"])
def test_everywhere_it_answers_to_this_machines_names_and_never_to_any(address, monkeypatch):
    monkeypatch.setattr("socket.gethostname", lambda: "archive-box")
    hosts = default_hosts(address)
    assert "archive-box" in hosts
    assert "*" not in hosts


# --- Logs --------------------------------------------------------------------------------------


def record(message: str, *args: object) -> logging.LogRecord:
    return logging.LogRecord("documents", logging.INFO, "", 0, message, args, None)


def test_a_line_of_json_carries_the_ids_that_are_known():
    token = correlation.REQUEST.set("r-12345678")
    try:
        line = json.loads(JsonFormatter().format(record("upload_accepted job=%s", 7)))
    finally:
        correlation.REQUEST.reset(token)
    assert (line["message"], line["request"]) == ("upload_accepted job=7", "r-12345678")
    assert "page" not in line


def test_a_name_cannot_move_the_cursor_of_whoever_reads_the_log():
    line = LineFormatter("{message}", style="{").format(record("name=%s", "a\x1b[2Kb\u202ec"))
    assert line == "name=a\\x1b[2Kb\\u202ec"


def test_a_refusal_is_one_line_of_the_log_and_a_fault_keeps_its_traceback():
    for level, kept in ((logging.WARNING, False), (logging.ERROR, True)):
        fault = (ValueError, ValueError("no"), None)
        said = logging.LogRecord("django.request", level, "", 0, "Forbidden", (), fault)
        assert RefusalsInOneLine().filter(said)
        assert bool(said.exc_info) == kept


def test_every_answer_names_its_request(client):
    answer = client.get(reverse("healthz"))
    assert len(answer["X-Request-ID"]) == 32
    kept = client.get(reverse("healthz"), headers={"x-request-id": "proxy-0123456789"})
    assert kept["X-Request-ID"] == "proxy-0123456789"
    forged = client.get(reverse("healthz"), headers={"x-request-id": "a b\x1b[2K"})
    assert len(forged["X-Request-ID"]) == 32


# --- Probes ------------------------------------------------------------------------------------


def ready(client: Client) -> tuple[int, dict[str, str]]:
    answer = client.get(reverse("readyz"))
    return answer.status_code, answer.json()


@pytest.mark.django_db
def test_a_whole_installation_is_ready(client):
    assert ready(client) == (200, {"database": "ok", "storage": "ok", "queue": "ok"})


@pytest.mark.django_db
def test_a_full_disk_is_not_ready(client, monkeypatch):
    monkeypatch.setattr(files, "free_bytes", lambda: 1)
    assert ready(client) == (503, {"database": "ok", "storage": "failing", "queue": "ok"})


@pytest.mark.django_db
def test_pages_that_nobody_takes_are_not_ready(client, owner):
    make_document(owner)
    Page.objects.update(due_at=timezone.now() - timedelta(minutes=5))
    assert ready(client) == (503, {"database": "ok", "storage": "ok", "queue": "failing"})
