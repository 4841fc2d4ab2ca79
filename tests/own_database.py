"""A database of its own for every installation that a test starts for real."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg


@dataclass(frozen=True)
class OwnDatabase:
    """SQLite in the installation's data folder; on PostgreSQL a fresh one on the same server."""

    url: str
    data_dir: Path

    @property
    def environment(self) -> dict[str, str]:
        return {"DATABASE_URL": self.url} if self.url else {}

    def row(self, query: str, *values: Any) -> Any:
        """First row of a query whose values stand at '?'."""
        if self.url:
            with psycopg.connect(self.url) as connection:
                return connection.execute(query.replace("?", "%s"), values).fetchone()
        path = self.data_dir / "db.sqlite3"
        with contextlib.closing(sqlite3.connect(path)) as connection:
            return connection.execute(query, values).fetchone()


@contextlib.contextmanager
def own_database(data_dir: Path) -> Iterator[OwnDatabase]:
    server = os.environ.get("DATABASE_URL", "")
    if not server.startswith("postgres"):
        yield OwnDatabase("", data_dir)
        return
    name = f"folio_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
        try:
            yield OwnDatabase(urlunsplit(urlsplit(server)._replace(path=f"/{name}")), data_dir)
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())
