"""What a database that is away means for people and programs: wait, and nothing was changed."""

import sqlite3
import uuid

import psycopg
import pytest
from django.db import InterfaceError, OperationalError
from django.urls import reverse

from documents.errors import DatabaseAway, DiskFull, trouble_of


def caused(outer: Exception, inner: Exception) -> Exception:
    outer.__cause__ = inner
    return outer


def of_sqlite(code: int) -> Exception:
    error = sqlite3.OperationalError("it says no")
    error.sqlite_errorcode = code
    return caused(OperationalError("it says no"), error)


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (of_sqlite(sqlite3.SQLITE_BUSY), DatabaseAway),
        (of_sqlite(sqlite3.SQLITE_BUSY | 1 << 8), DatabaseAway),
        (of_sqlite(sqlite3.SQLITE_FULL), DiskFull),
        (of_sqlite(sqlite3.SQLITE_ERROR), type(None)),
        (caused(OperationalError("x"), psycopg.OperationalError("refused")), DatabaseAway),
        (caused(OperationalError("x"), psycopg.errors.AdminShutdown("bye")), DatabaseAway),
        (caused(OperationalError("x"), psycopg.errors.DiskFull("full")), DiskFull),
        (caused(InterfaceError("x"), psycopg.InterfaceError("closed")), DatabaseAway),
        (caused(Exception("x"), psycopg.errors.UndefinedTable("no such")), type(None)),
        (KeyError("x"), type(None)),
    ],
)
def test_only_what_passes_by_itself_is_called_so(error, meaning):
    assert type(trouble_of(error)) is meaning


@pytest.fixture
def database_away(monkeypatch):
    def away(*_: object, **__: object) -> None:
        raise of_sqlite(sqlite3.SQLITE_BUSY)

    monkeypatch.setattr("documents.access.visible_documents", away)


def test_a_program_is_told_when_to_come_back(owner_client, database_away):
    answer = owner_client.get(reverse("api:documents"))
    assert (answer.status_code, answer.json()["code"]) == (503, "database_away")
    assert answer["Retry-After"] == "5"


def test_a_person_is_told_to_wait_a_moment(owner_client, database_away):
    answer = owner_client.get(reverse("document", args=[uuid.uuid4()]))
    assert answer.status_code == 503
    assert "try again in a few seconds" in answer.content.decode()
