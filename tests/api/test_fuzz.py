"""Made-up requests to every operation, good and bad: no crash, and no answer that was not promised.

Outside the ordinary run, since thousands of requests take minutes: `make fuzz`.
"""

import os
import random
import uuid
from collections.abc import Callable
from functools import cache
from typing import ClassVar

import pytest
import schemathesis
import yaml
from django.core.handlers.wsgi import WSGIHandler
from hypothesis import HealthCheck, settings
from schemathesis import AuthContext, Case
from schemathesis.core.transport import Response
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    negative_data_rejection,
    positive_data_acceptance,
    use_after_free,
)

from documents.api.reference import SCHEMA_FILE
from documents.models import Document, Job, Scope, Usage
from documents.services import leases
from documents.services.tokens import create_token
from ocrengine.errors import FileRefused
from tests.api.operations import OPERATIONS, document_for
from tests.fake_reader import FakeReader, read_leased

pytestmark = [pytest.mark.fuzz, pytest.mark.django_db(transaction=True)]
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "50"))
"""Of each operation; and chains of requests."""
TAKE_FILES = {"POST /api/v1/documents/": "files", "POST /api/v1/read/": "file"}
BY_NAME = {operation.name: operation for operation in OPERATIONS}


@cache
def handler() -> WSGIHandler:
    return WSGIHandler()


def application(environ: dict[str, object], start_response: Callable[..., object]):
    """The product's WSGI application, made when the first request comes; files are closed."""
    answer = handler()({**environ, "REMOTE_ADDR": "127.0.0.1"}, start_response)
    try:
        return [b"".join(answer)]
    finally:
        answer.close()


schema = schemathesis.openapi.from_dict(yaml.safe_load(SCHEMA_FILE.read_text()))
schema.app = application
schema.config.generation.update(modes=[GenerationMode.POSITIVE, GenerationMode.NEGATIVE])


@schema.auth(refresh_interval=None)
class Token:
    """The token of this test's owner; where a bad one is made up, that is sent instead."""

    secret = ""

    def get(self, case: Case, context: AuthContext) -> str:
        return self.secret

    def set(self, case: Case, data: str, context: AuthContext) -> None:
        case.headers["Authorization"] = f"Bearer {data}"


@pytest.fixture
def authorized(owner, settings, monkeypatch) -> None:
    settings.OCR_API_REQUESTS_PER_MINUTE = 10**9
    for limit in ("AT_ONE_NAME", "FROM_ONE_PLACE"):
        monkeypatch.setattr(f"documents.services.guessing.{limit}", 10**9)
    monkeypatch.setattr("documents.services.waiting.pause", lambda seconds: None)
    monkeypatch.setattr(
        Token, "secret", create_token(owner=owner, name="fuzz", scope=Scope.WRITE)[1]
    )


@pytest.fixture
def some_document(owner, png) -> Callable[[str], Document]:
    """A document in which the operation does something: the last one, if it is still there."""
    made: dict[str, Document] = {}

    def of(name: str) -> Document:
        if name not in made or not Document.objects.filter(pk=made[name].pk).exists():
            made[name] = document_for(BY_NAME[name], owner, png)
        return made[name]

    return of


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)
def test_every_answer_is_one_that_the_schema_promises(case: Case, authorized, some_document):
    if case.meta.generation.mode.is_positive:
        lead_somewhere(case, some_document)
    case.call_and_validate(excluded_checks=checks_that_do_not_apply(case))


def checks_that_do_not_apply(case: Case) -> list[Callable[..., object]]:
    takes_files = case.operation.label in TAKE_FILES
    # What is an image and what is not, no schema can say; a form cannot say null, and the client
    # that makes forms here leaves empty values out.
    excluded = [positive_data_acceptance, negative_data_rejection] if takes_files else []
    if isinstance(case.body, dict) and all(map(is_sent, case.body.values())):
        excluded = excluded[:1]
    return excluded


def lead_somewhere(case: Case, some_document: Callable[[str], Document]) -> None:
    """Half of the made-up ids are replaced by ones that exist, else all would end in 404."""
    spare(case)
    if not case.path_parameters or random.random() < 0.5:
        return
    document = some_document(case.operation.definition.raw["operationId"])
    known = {"document_id": str(document.pk), "job_id": str(document.job_id), "number": 1}
    for name in case.path_parameters:
        case.path_parameters[name] = known[name]


def spare(case: Case) -> None:
    """What no schema can say: no Idempotency-Key is used for two requests, no cursor can be made
    up, and no title holds a NUL, which no database takes."""
    case.query.pop("cursor", None)
    if "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = str(uuid.uuid4())
    if isinstance(title := case.query.get("title"), str):
        case.query["title"] = title.replace("\0", "")


def is_sent(value: object) -> bool:
    return value is not None and value != ""


# --- Chains --------------------------------------------------------------------------------------


class Walk(schema.as_state_machine()):
    """From upload to job, document, pages, lines, retry, cancel, delete, as links lead there."""

    png = b""
    reached: ClassVar[set[str]] = set()
    """Operations that did what they were asked for."""
    taken_back: ClassVar[set[object]] = set()
    """Documents: deleted, then restored."""

    def setup(self) -> None:
        """Each chain begins with nothing: hypothesis repeats it, and the same must follow."""
        for model in (Document, Job, Usage):
            model.objects.all().delete()

    def before_call(self, case: Case) -> None:
        spare(case)
        if case.operation.label in TAKE_FILES and random.random() < 0.8:
            case.body = {TAKE_FILES[case.operation.label]: self.png}

    def after_call(self, response: Response, case: Case) -> None:
        """Now and then a worker comes by, and sometimes finds all pages damaged: who failed is
        retried. All, because hypothesis repeats a chain, and their order hangs on made-up ids."""
        super().after_call(response, case)
        if response.status_code < 300:
            self.reached.add(case.operation.definition.raw["operationId"])
            self.keep_books_of_the_trash(case)
        if response.status_code == 202 and random.random() < 0.5:
            worker = leases.worker_name()
            errors = [FileRefused("damaged", page=1)] * random.randint(0, 1)
            while lease := leases.claim_next(worker=worker):
                read_leased(lease, FakeReader(errors=errors), worker)

    def keep_books_of_the_trash(self, case: Case) -> None:
        """What was deleted and taken back is there again, by another path than it was deleted."""
        document = case.path_parameters.get("document_id")
        if case.operation.label.endswith("/restore/"):
            self.taken_back.add(document)
        elif case.operation.label.startswith("DELETE"):
            self.taken_back.discard(document)

    def validate_response(self, response: Response, case: Case, **options: object) -> None:
        excluded = checks_that_do_not_apply(case)
        if case.operation.label in TAKE_FILES:
            excluded = [positive_data_acceptance, negative_data_rejection]
        if case.path_parameters.get("document_id") in self.taken_back:
            excluded = [*excluded, use_after_free]
        case.validate_response(response, excluded_checks=excluded, recorder=self.recorder)


def test_wherever_an_answer_leads_the_next_is_one_that_the_schema_promises(
    authorized, png, monkeypatch
):
    monkeypatch.setattr(Walk, "png", png)
    Walk.run(
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=True,
        )
    )
    assert Walk.reached >= {"getJob", "getDocument", "listLines", "retryPage", "deleteDocument"}
