"""Programs that call: with a token that may change things, one that may read, and none."""

import pytest
from django.test import Client

from documents.models import Scope
from documents.services.tokens import create_token


def program_of(user, scope: Scope = Scope.WRITE) -> Client:
    """A client that shows a token of this user."""
    _, secret = create_token(owner=user, name="a script", scope=scope)
    return Client(headers={"authorization": f"Bearer {secret}"})


@pytest.fixture(autouse=True)
def fresh_counts():
    """No test spends another's requests."""
    from django.core.cache import cache

    cache.clear()


@pytest.fixture
def program(owner) -> Client:
    return program_of(owner)


@pytest.fixture
def reader(owner) -> Client:
    return program_of(owner, Scope.READ)


@pytest.fixture
def strange_program(stranger) -> Client:
    return program_of(stranger)
