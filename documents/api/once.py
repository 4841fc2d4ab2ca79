"""Idempotency-Key: a request sent again, even at the same moment, is answered as it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from time import sleep as pause
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from documents import files
from documents.api.problems import PROBLEM
from documents.errors import IdempotencyKeyBusy, IdempotencyKeyInvalid
from documents.services import idempotency
from documents.services.idempotency import Answer, Claim

BUSY_SECONDS = 20.0
"""How long a second request waits for the first one's answer."""
LOOK_EVERY_SECONDS = 0.1
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[\\x20-\\x7e]+$"},
    OpenApiParameter.HEADER,
    description=(
        "Any text of your own, new for each thing to be done. The same key with the same request"
        " does it once and is given the same answer for 24 hours."
    ),
)

Record = Callable[[Answer], None]
"""Stores the answer; to be called inside the transaction that does the work."""


def answer_of(status: int, body: Any) -> Answer:
    return Answer(status, JSONRenderer().render(body).decode())


@dataclass(frozen=True)
class Asked:
    """What a request asks for, as far as it decides whether two are the same."""

    request: Request
    values: Mapping[str, Any] = field(default_factory=dict)
    files: Sequence[UploadedFile] = ()

    @property
    def fingerprint(self) -> str:
        sent = [[file.name, file.size, _digest(file)] for file in self.files]
        told = [self.request.method, self.request.path, sorted(self.values.items()), sent]
        return hashlib.sha256(json.dumps(told, default=str).encode()).hexdigest()


def answer_once(asked: Asked, act: Callable[[Record], Answer]) -> HttpResponse:
    """What `act` answers, or what it answered when the key was first sent.

    `act` calls its argument inside the transaction that does the work, or raises, or refuses; only
    what was recorded is remembered.
    """
    key = asked.request.headers.get("Idempotency-Key")
    answer = act(lambda answer: None) if key is None else _with_key(asked, key, act)
    kind = "application/json" if answer.status < 400 else PROBLEM
    return HttpResponse(answer.body, status=answer.status, content_type=kind)


def in_one_transaction(verb: Callable[[], Answer]) -> Callable[[Record], Answer]:
    """For work that is nothing but rows."""

    @transaction.atomic
    def act(record: Record) -> Answer:
        answer = verb()
        record(answer)
        return answer

    return act


def _with_key(asked: Asked, key: str, act: Callable[[Record], Answer]) -> Answer:
    if not (1 <= len(key) <= 255 and key.isascii() and key.isprintable()):
        raise IdempotencyKeyInvalid
    claim = _begin(asked, key)
    if isinstance(claim, Answer):
        return claim
    try:
        return act(lambda answer: idempotency.finish(claim, answer))
    finally:
        idempotency.let_go(claim)  # which does nothing where an answer was recorded


def _begin(asked: Asked, key: str) -> Claim | Answer:
    owner, fingerprint = asked.request.user, asked.fingerprint
    end = monotonic() + BUSY_SECONDS
    while True:
        try:
            return idempotency.begin(owner=owner, key=key, fingerprint=fingerprint)
        except IdempotencyKeyBusy:
            if monotonic() > end:
                raise
            pause(LOOK_EVERY_SECONDS)


def _digest(file: UploadedFile) -> str:
    """Of what arrived; a file that was not written, being too large, is known by its size."""
    if not hasattr(file, "temporary_file_path") or getattr(file, "too_large", False):
        return ""
    return files.digest(Path(file.temporary_file_path()))[0]
