"""Every list of the three doors, with the ways that each offers to narrow, sort and turn it.

The addresses of the administration are those that its own pages offer: each table's filters,
columns and last page are read out of the table's first page.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from urllib.parse import parse_qsl, urlencode

from django.contrib import admin
from django.core import signing
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from documents.api.documents import ORDERS
from documents.api.paging import SALT
from documents.models import Collection, Document, Job, Scope
from documents.services.tokens import create_token
from documents.summaries import DocumentState
from tests.scale.fill import People

WORDS = {"many": "council", "some": "79", "none": "nobody-wrote-this", "person": "library"}


@dataclass(frozen=True)
class Visit:
    """One address of a list, and who looks at it."""

    door: str
    list: str
    client: Client
    address: str

    def __str__(self) -> str:
        return f"{self.door} {self.address}"


@dataclass(frozen=True)
class Walker:
    people: People

    def visits(self) -> Iterator[Visit]:
        yield from self._web()
        yield from self._api()
        yield from self._admin()

    # --- The people's door --------------------------------------------------------------------

    def _web(self) -> Iterator[Visit]:
        mine, theirs = Client(), Client()
        mine.force_login(self.people.library)
        theirs.force_login(self.people.reader)
        annals = Collection.objects.get(name="The annals").pk
        for name, client, address in (
            ("documents", mine, reverse("documents")),
            ("jobs", mine, reverse("jobs")),
            ("trash", mine, reverse("trash")),
            ("collections", mine, reverse("collections")),
            ("a collection", mine, reverse("collection", args=[annals])),
            ("tokens", mine, reverse("tokens")),
            ("shared with me", theirs, reverse("shared")),
            ("a shared collection", theirs, reverse("collection", args=[annals])),
        ):
            yield Visit("web", name, client, address)
            for query in ("?page=2", "?page=last"):
                if name not in ("collections", "tokens"):
                    yield Visit("web", name, client, address + query.replace("last", "999999"))

    # --- The programs' door -------------------------------------------------------------------

    def _api(self) -> Iterator[Visit]:
        mine, theirs = _program_of(self.people.library), _program_of(self.people.reader)
        documents, jobs = reverse("api:documents"), reverse("api:jobs")
        for query in _asked_of_documents():
            yield Visit("api", "documents", mine, f"{documents}?{query}")
        for query in ("", "sort=title", "state=failed", "title=council"):
            yield Visit("api", "documents of others", theirs, f"{documents}?{query}")
        for query in ("", "limit=200"):
            yield Visit("api", "jobs", mine, f"{jobs}?{query}")
            yield Visit("api", "trash", mine, f"{reverse('api:trash')}?{query}")
        yield from self._deep(mine)
        document = self._in_the_middle(Document)
        for name, arguments in (("pages", []), ("lines", [1])):
            address = reverse(f"api:{name}", args=[document.pk, *arguments])
            yield Visit("api", f"{name} of one", mine, address)

    def _deep(self, client: Client) -> Iterator[Visit]:
        """Where a program stands that has walked half of a list."""
        documents, jobs = reverse("api:documents"), reverse("api:jobs")
        for sort, order in ORDERS.items():
            cursor = _cursor(self._in_the_middle(Document), order, documents)
            yield Visit("api", "documents", client, f"{documents}?sort={sort}&cursor={cursor}")
        cursor = _cursor(self._in_the_middle(Job), ("-created_at", "-id"), jobs)
        yield Visit("api", "jobs", client, f"{jobs}?cursor={cursor}")

    def _in_the_middle(self, model: type[Document | Job]) -> Document | Job:
        rows = model.objects.filter(owner=self.people.library).order_by("created_at")
        return rows[rows.count() // 2]

    # --- The staff's door ---------------------------------------------------------------------

    def _admin(self) -> Iterator[Visit]:
        client = Client()
        client.force_login(self.people.keeper)
        for name, address in (
            ("start page", "admin:index"),
            ("failures by reason", "admin:documents_failures"),
            ("settings in force", "admin:documents_in_force"),
        ):
            yield Visit("admin", name, client, reverse(address))
        for model, table in admin.site._registry.items():
            name = f"{model._meta.app_label}.{model._meta.model_name}"
            start = reverse(f"admin:{name.replace('.', '_')}_changelist")
            for query in _offered(client, start):
                yield Visit("admin", name, client, start + query)
            for query in _searches(model) if table.search_fields else ():
                yield Visit("admin", name, client, f"{start}?{urlencode({'q': query})}")


def _program_of(user: object) -> Client:
    secret = create_token(owner=user, name="scale", scope=Scope.READ)[1]
    return Client(headers={"authorization": f"Bearer {secret}"})


def _asked_of_documents() -> Iterator[str]:
    yield from ("", "limit=200", "kind=pdf", "created_after=2020-01-01T00:00:00Z")
    yield from (f"sort={order}" for order in ORDERS)
    yield from (f"state={state}" for state in DocumentState)
    yield from (f"title={word}" for word in WORDS.values())
    yield "state=failed&kind=pdf&sort=title&title=79"


def _cursor(row: Model, order: tuple[str, str], path: str) -> str:
    values = [row.serializable_value(field.lstrip("-")) for field in order]
    told = [v.isoformat() if hasattr(v, "isoformat") else str(v) for v in values]
    return signing.dumps([[*order, path], told], salt=SALT)


def _searches(model: type[Model]) -> Iterator[str]:
    yield from WORDS.values()
    yield f"{WORDS['many']} {WORDS['some']}"
    key = model._default_manager.order_by("pk").values_list("pk", flat=True).first()
    if isinstance(key, uuid.UUID):
        yield str(key)


def _offered(client: Client, start: str) -> list[str]:
    """Queries that a table's first page links to, and the last page in every order of it."""
    page = client.get(start).content.decode()
    queries = [unescape(found) for found in re.findall(r'href="(\?[^"]*)"', page)]
    found = ["", *dict.fromkeys(_with(query) for query in queries)]
    last = max([1, *(int(dict(parse_qsl(query[1:])).get("p", 1)) for query in found)])
    orders = [query for query in found if query.startswith("?o=")] if last > 1 else []
    return list(dict.fromkeys([*found, *(_with(query, p=last) for query in orders)]))


def _with(query: str, **more: object) -> str:
    asked = dict(parse_qsl(query.lstrip("?"), keep_blank_values=True)) | more
    return f"?{urlencode(asked)}" if asked else ""
