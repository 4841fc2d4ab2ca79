"""What the owner may, and which tokens open nothing. Who else may what: tests/isolation/."""

from datetime import timedelta

import pytest
import yaml
from django.test import Client
from django.utils import timezone

from documents.api.reference import SCHEMA_FILE
from documents.models import ApiToken, Scope
from documents.services.tokens import create_token, revoke_token
from tests.api.operations import OPERATIONS, document_for

pytestmark = pytest.mark.django_db(transaction=True)
each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda o: o.name)


def test_no_operation_of_the_schema_is_missing_here():
    paths = yaml.safe_load(SCHEMA_FILE.read_text())["paths"]
    told = {op["operationId"] for item in paths.values() for op in item.values()}
    assert told == {operation.name for operation in OPERATIONS}


@each_operation
def test_the_owner_may(operation, owner, program, png):
    answer = operation.call(program, document_for(operation, owner, png), png)
    assert answer.status_code == operation.status


@each_operation
def test_a_logged_in_browser_may_too(operation, owner, owner_client, png):
    answer = operation.call(owner_client, document_for(operation, owner, png), png)
    assert answer.status_code == operation.status


def test_lists_hold_nobody_elses(owner, strange_program, png):
    document_for(OPERATIONS[0], owner, png)
    for name in ("documents", "jobs"):
        assert strange_program.get(f"/api/v1/{name}/").json() == {"next": None, "results": []}


def revoked(owner) -> str:
    token, secret = create_token(owner=owner, name="x", scope=Scope.WRITE)
    revoke_token(token)
    return secret


def expired(owner) -> str:
    past = timezone.now() - timedelta(seconds=1)
    return create_token(owner=owner, name="x", scope=Scope.WRITE, expires_at=past)[1]


def of_a_user_who_left(owner) -> str:
    secret = create_token(owner=owner, name="x", scope=Scope.WRITE)[1]
    owner.is_active = False
    owner.save()
    return secret


def with_a_wrong_end(owner) -> str:
    return create_token(owner=owner, name="x", scope=Scope.WRITE)[1][:-1] + "!"


def of_another_prefix(owner) -> str:
    return "folio_00000000" + create_token(owner=owner, name="x")[1][14:]


@pytest.mark.parametrize(
    "made", [revoked, expired, of_a_user_who_left, with_a_wrong_end, of_another_prefix]
)
def test_a_token_that_is_no_good_opens_nothing(made, owner):
    client = Client(headers={"authorization": f"Bearer {made(owner)}"})
    answer = client.get("/api/v1/documents/")
    assert (answer.status_code, answer.json()["code"]) == (401, "token_invalid")


@pytest.mark.parametrize("said", ["Bearer", "Bearer ", "Basic YTpi", "Bearer é", "Token x", "x"])
def test_nonsense_in_place_of_a_token_opens_nothing(said, db):
    answer = Client(headers={"authorization": said}).get("/api/v1/documents/")
    assert answer.status_code == 401


def test_a_wrong_token_is_refused_even_where_a_session_would_do(owner_client):
    answer = owner_client.get("/api/v1/documents/", headers={"authorization": "Bearer folio_x"})
    assert answer.status_code == 401


def test_the_database_holds_no_usable_secret(owner):
    _, secret = create_token(owner=owner, name="x")
    kept = repr(list(ApiToken.objects.values()))
    assert secret not in kept
    assert secret[15:] not in kept


def test_use_is_noted_once_a_minute(owner, program, django_assert_num_queries):
    program.get("/api/v1/account/")
    first = ApiToken.objects.get().last_used_at
    program.get("/api/v1/account/")
    assert ApiToken.objects.get().last_used_at == first

    ApiToken.objects.update(last_used_at=first - timedelta(minutes=2))
    program.get("/api/v1/account/")
    assert ApiToken.objects.get().last_used_at > first


def test_guessing_tokens_is_bounded_and_a_right_one_is_not_held_up(owner, program):
    prefix = ApiToken.objects.get().prefix
    guesser = Client(headers={"authorization": f"Bearer {prefix}_{'x' * 43}"})
    answers = [guesser.get("/api/v1/account/") for _ in range(12)]
    assert [a.status_code for a in answers] == [401] * 10 + [429] * 2
    assert answers[-1].json()["code"] == "too_many_tries"
    assert int(answers[-1]["Retry-After"]) > 0
    assert program.get("/api/v1/account/").status_code == 200
