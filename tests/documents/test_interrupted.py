"""Bodies that end before they should, through the real WSGI handler: nothing of them is kept."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.test import Client
from django.urls import reverse

from documents.models import Document, Job, Scope, Usage
from documents.services.tokens import create_token

pytestmark = pytest.mark.django_db(transaction=True)

BOUNDARY = "----a-boundary"
LAST = f"\r\n--{BOUNDARY}--\r\n".encode()
CSRF = "c" * 32
DOORS = ["web", "api"]


def body_of(content: bytes, field: str) -> bytes:
    token = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="csrfmiddlewaretoken"\r\n\r\n'
    head = (
        f'\r\n--{BOUNDARY}\r\nContent-Disposition: form-data; name="{field}";'
        ' filename="scan.png"\r\nContent-Type: image/png\r\n\r\n'
    )
    return token.encode() + CSRF.encode() + head.encode() + content + LAST


@pytest.fixture
def send(owner) -> Callable[[str, bytes, int], int]:
    """Status of the answer to so much of a body, through a door; -1 when it was not even asked."""
    application = WSGIHandler()
    client = Client()
    client.force_login(owner)
    cookies = f"{client.cookies.output(header='', sep=';').split(';')[0].strip()}; csrftoken={CSRF}"
    token = create_token(owner=owner, name="x", scope=Scope.WRITE)[1]
    doors = {
        "web": (reverse("upload"), {"HTTP_COOKIE": cookies}),
        "api": (reverse("api:documents"), {"HTTP_AUTHORIZATION": f"Bearer {token}"}),
    }

    def send(door: str, body: bytes, arrives: int) -> int:
        path, who = doors[door]
        environ: dict[str, Any] = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": path,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "CONTENT_TYPE": f"multipart/form-data; boundary={BOUNDARY}",
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_ACCEPT": "application/json",
            "wsgi.input": io.BytesIO(body[:arrives]),
            "wsgi.url_scheme": "http",
            **who,
        }
        statuses: list[int] = []
        answer = application(environ, lambda status, _headers: statuses.append(int(status[:3])))
        b"".join(answer)
        answer.close()
        return statuses[0]

    return send


@pytest.mark.parametrize("door", DOORS)
def test_a_whole_body_is_accepted(send, door, png):
    body = body_of(png, "files")
    assert send(door, body, len(body)) == 202


@pytest.mark.parametrize("door", DOORS)
def test_a_body_that_breaks_off_anywhere_leaves_nothing(send, door, png, settings):
    body = body_of(png + b"\0" * 200_000, "files")
    cuts = [0, 1, *(len(body) * part // 1000 for part in (250, 500, 750, 999)), body.index(LAST)]
    cuts += range(body.index(LAST) + 1, len(body) - 2)
    for cut in cuts:
        assert 400 <= send(door, body, cut) < 500, f"cut at {cut} of {len(body)}"
        assert list(Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir()) == []
    assert not Document.objects.exists()
    assert not Job.objects.exists()
    assert not Usage.objects.exclude(storage_bytes=0, pages_reserved=0).exists()
