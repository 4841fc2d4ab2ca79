"""Whatever a form says it is answered: no value of any field brings about a 5xx."""

from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse

from documents.services import sharing
from tests.isolation import probes, rules
from tests.isolation.probes import Probe, Prober
from tests.isolation.rules import Route
from tests.isolation.world import NOBODY, OWNER, ROOT, World, build
from tests.personas import make_read_document

pytestmark = pytest.mark.django_db
MALFORMED = ("x", "9" * 40, "a\0b")
FILLED_IN_BY = {"staff": ROOT, "open": NOBODY}


class Fields(HTMLParser):
    """name -> value of what is on a page to be filled in, as a browser would send it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self.select = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        name = said.get("name", "")
        if tag == "select":
            self.select = name
        if tag in ("input", "select", "textarea", "button") and name:
            self.found.setdefault(name, said.get("value", ""))
        if tag == "option" and "selected" in said:
            self.found[self.select] = said.get("value", "")


def forms_of(route: Route, world: World) -> Iterator[Probe]:
    """What the pages at this address offer to be sent there, one field malformed at a time."""
    rule = route.rule
    assert rule is not None
    persona = world.persona(FILLED_IN_BY.get(rule.door, OWNER))
    key = ""
    if probes.has_key(route):
        things = world.own[OWNER]
        key = str(getattr(things, rule.thing) if rule.thing else world.rows[rule.table])
    shown = Probe(route, "GET", persona, "", probes.address_of(route, key), key)
    page = Prober().ask(shown)
    fields = Fields(page.body.decode(errors="replace")).found if page.status == 200 else {}
    whole = {**fields, **(rule.body or {})}
    for field in whole:
        if field == "csrfmiddlewaretoken" or field.startswith("_"):  # which button was pressed
            continue
        for value in MALFORMED:
            yield replace(shown, method="POST", body={**whole, field: value})


def test_no_field_of_any_page_brings_about_a_5xx(db):
    world, prober, asked, failed = build(), Prober(), 0, []
    routes = [route for route in rules.all_routes() if not route.name.startswith("api:")]
    with probes.quiet():
        for route in routes:
            for probe in forms_of(route, world):
                asked += 1
                failed += [probe] if prober.ask(probe).status >= 500 else []
    assert failed == []
    assert asked >= 800


def test_no_key_in_a_deed_of_staff_brings_about_a_5xx(db):
    world, prober, failed = build(), Prober(), []
    with probes.quiet():
        for deed in probes.deeds_at_the_tables(world, world.persona(ROOT)):
            for key in (*MALFORMED, "", "0", "-1"):
                probe = replace(deed, body={**deed.body, "_selected_action": key})
                failed += [probe] if prober.ask(probe).status >= 500 else []
    assert failed == []


def test_a_name_of_control_characters_alone_is_none(owner, owner_client):
    answer = owner_client.post(reverse("collections"), {"name": "\0\u202e"})

    assert [str(told) for told in get_messages(answer.wsgi_request)] == [
        "Give the collection a name."
    ]
    assert not owner.collections.exists()


def test_what_nobody_sees_in_a_user_name_does_not_count(owner, teammate):
    given = sharing.share(
        thing=make_read_document(owner), username="bob\u200b\0 ", can_change=False
    )
    assert given.user == teammate
