"""Ask every route with every method, as everybody, with every kind of key; judge the answers."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, unquote, urlencode

from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.core.cache import cache
from django.db import connection, transaction
from django.http.response import HttpResponseBase
from django.test import RequestFactory
from django.test.client import ClientHandler
from django.urls import reverse

from documents.api.problems import PROBLEM
from tests.isolation.rules import METHODS, Route, all_routes, let_in
from tests.isolation.world import CLERK, NOBODY, ROOT, UNKNOWN, Persona, World

MALFORMED = ("x", "0", "-1", "9" * 40, "%00", "..%2f..", "4000-8000")
PLACES = {
    "account_confirm_email": "account/confirm-email/abc/",
    "account_reset_password_from_key": "account/password/reset/key/1-abc/",
    "admin:app_list": "admin/documents/",
    "admin:(?P<url>.*)$": "admin/nowhere/",
    "api:nothing": "api/v1/nowhere/",
}
"""Of routes that are regular expressions."""
OTHER_PARTS = {"number": "1", "to": "paused", "how": "dry"}
KEY = re.compile(r"<(?:\w+:)?(?!(?:number|to|how)>)\w+>")
WRITE = re.compile(r'(?:INSERT INTO|UPDATE|DELETE FROM|REPLACE INTO)\s+"(\w+)"', re.IGNORECASE)
CSRF = re.compile(r'csrfmiddlewaretoken" value="\w+"')
COUNTS_GUESSES = frozenset({"documents_guess"})
"""Wrong secrets are counted: the only trace that a refusal leaves."""
TRACE_OF_STAFF = frozenset({"documents_auditevent", "django_session"})
MULTIPART = ("api:documents", "api:read")
DIGEST_EVERY = 2000
CODES = {
    "401": ("not_authenticated", "token_invalid"),
    "403": ("scope_missing",),
    "404": ("not_found",),
    "405": ("method_not_allowed",),
}
"""How programs are refused."""


@dataclass(frozen=True)
class Probe:
    route: Route
    method: str
    persona: Persona
    position: str
    """own, shared, foreign, unknown, misplaced, malformed; empty where no key is asked for."""
    address: str
    key: str = ""
    body: Any = None

    def __str__(self) -> str:
        return f"{self.method} {self.route.name} ({self.position}) as {self.persona.name}"


@dataclass
class Answer:
    outcome: str
    status: int
    text: str
    """Headers and body, without what differs from request to request."""
    headers: Mapping[str, str]
    body: bytes
    wrote: frozenset[str] = frozenset()


@dataclass
class Findings:
    probes: int = 0
    routes: set[str] = field(default_factory=set)
    outcomes: Counter[str] = field(default_factory=Counter)
    pairs: int = 0
    """Foreign and unknown, held against each other."""
    kinds: Counter[str] = field(default_factory=Counter)
    """How many problems of each: leak, unlike, change, 5xx, rule."""
    problems: list[str] = field(default_factory=list)

    def add(self, kind: str, sentence: str) -> None:
        self.kinds[kind] += 1
        self.problems.append(sentence)


# --- Addresses ---------------------------------------------------------------------------------


def address_of(route: Route, key: object = "") -> str:
    if route.name in PLACES:
        return f"/{PLACES[route.name]}"
    place = KEY.sub(lambda _: str(key), route.pattern)
    for name, value in OTHER_PARTS.items():
        place = re.sub(rf"<\w+:{name}>", value, place)
    return f"/{place}"


def has_key(route: Route) -> bool:
    return route.name not in PLACES and bool(KEY.search(route.pattern))


def keys_for(route: Route, persona: Persona, world: World) -> Iterator[tuple[str, object]]:
    """(position, key): each kind of key that this person could put into this address."""
    rule = route.rule
    assert rule is not None, route.name
    if rule.thing:
        own = world.own.get(persona.acts_as)
        if own is not None:
            yield "own", getattr(own, rule.thing)
            if rule.thing != "share":  # whose keys are numbers
                yield "misplaced", own.document if rule.thing == "trashed" else own.trashed
        yield "shared", getattr(world.shared, rule.thing)
        yield "foreign", getattr(world.foreign_to(persona), rule.thing)
        yield "unknown", getattr(UNKNOWN, rule.thing)
    else:
        known = world.rows[rule.table]
        yield "foreign", known
        yield "unknown", {"int": 10**9}.get(type(known).__name__, UNKNOWN.document)
    yield from (("malformed", key) for key in MALFORMED)


# --- What should come of it --------------------------------------------------------------------


def may(probe: Probe) -> bool:
    """Whether the thing itself is theirs to touch in this way; methods are another question."""
    rule = probe.route.rule
    assert rule is not None
    if probe.position in ("own", ""):
        return True
    if probe.position != "shared" or rule.thing == "share":
        # Of a share of the owner's there are several; any of them is the owner's to take back.
        return probe.position == "shared" and probe.persona.acts_as == "owner"
    right = "own" if probe.method == "DELETE" else rule.right
    return let_in(probe.persona.acts_as, right)


def expected(probe: Probe) -> set[str]:
    rule = probe.route.rule
    assert rule is not None
    if probe.key == "%00" and rule.door != "api":  # refused before anybody is asked who they are
        return {"404"}
    judge: dict[str, Callable[[Probe], set[str]]] = {
        "open": lambda _: {"open", "login", "401", "403", "404", "405"},
        "account": _of_account,
        "web": _of_web,
        "api": _of_api,
        "staff": _of_staff,
    }
    return judge[rule.door](probe)


def _is_logged_in(probe: Probe) -> bool:
    return bool(probe.persona.acts_as) and not probe.persona.is_program


def _of_account(probe: Probe) -> set[str]:
    return {"open", "403", "404", "405"} if _is_logged_in(probe) else {"login", "405"}


def _of_web(probe: Probe) -> set[str]:
    rule = probe.route.rule
    assert rule is not None
    if probe.position == "malformed":  # some numbers are no worse than unknown
        return {"404", "405"} if _is_logged_in(probe) else {"404", "login"}
    if not _is_logged_in(probe):
        return {"login", "405"} if probe.route.name == "upload" else {"login"}
    if probe.method not in rule.methods:
        return {"405"}
    return {"open"} if may(probe) else {"404"}


def _of_api(probe: Probe) -> set[str]:
    rule = probe.route.rule
    assert rule is not None
    if not probe.persona.acts_as:
        return {"401"}
    if not probe.persona.may_write and probe.method not in ("GET", "HEAD", "OPTIONS"):
        return {"403"}
    if probe.position == "malformed" or probe.route.name == "api:nothing":
        return {"404"}
    if probe.method not in rule.methods:
        return {"405"}
    return {"open"} if may(probe) else {"404"}


def _of_staff(probe: Probe) -> set[str]:
    rule, route = probe.route.rule, probe.route.name
    assert rule is not None
    if not _is_logged_in(probe) or probe.persona.acts_as not in (CLERK, ROOT):
        return {"login"}
    is_shown = route.endswith(("_changelist", "_change", "_history")) and probe.method == "GET"
    if probe.persona.acts_as == ROOT:
        found = probe.position in ("", "foreign")
        return {"open"} if is_shown and found else {"open", "403", "404", "405"}
    if rule.see and rule.see.partition(".")[2] not in ("view_job", "view_worker", "view_group"):
        # Asked which methods there are, or for an address that matches none: a redirect, or names.
        harmless = probe.method == "OPTIONS" or probe.position == "malformed"
        return {"403", "404", "405"} | ({"open"} if harmless else set())
    return {"open", "403", "404", "405"}


# --- Asking ------------------------------------------------------------------------------------


class Prober(RequestFactory):
    """A client without a memory: every probe begins anew, and its rows are rolled back."""

    def __init__(self, *, csrf: bool = False) -> None:
        super().__init__()
        self.handler = ClientHandler(enforce_csrf_checks=csrf)

    def request(self, **request: Any) -> HttpResponseBase:
        return self.handler(self._base_environ(**request))

    def ask(self, probe: Probe) -> Answer:
        self.cookies.clear()
        cache.clear()  # no probe spends another's requests
        headers = {}
        if probe.persona.session:
            self.cookies[settings.SESSION_COOKIE_NAME] = probe.persona.session
        if probe.persona.token:
            headers["authorization"] = f"Bearer {probe.persona.token}"
        data, kind = _body_of(probe)
        wrote: set[str] = set()
        with transaction.atomic(), connection.execute_wrapper(_note_writes(wrote)):
            response = self.generic(
                probe.method, probe.address, data, content_type=kind, headers=headers
            )
            whole = response.getvalue()
            transaction.set_rollback(True)
        told = _told(probe, response, whole)
        return Answer(
            _outcome(response),
            response.status_code,
            told,
            response.headers,
            whole,
            frozenset(wrote),
        )


def _note_writes(wrote: set[str]) -> Callable[..., Any]:
    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if found := WRITE.match(sql):
            wrote.add(found[1])
        return execute(sql, params, many, context)

    return note


def _body_of(probe: Probe) -> tuple[str, str]:
    if probe.method in ("GET", "HEAD", "OPTIONS"):
        return "", ""
    if probe.route.name in MULTIPART:
        return "--B--\r\n", "multipart/form-data; boundary=B"
    if probe.address.startswith("/api/"):
        return "{}", "application/json"
    form = probe.body or (probe.route.rule and probe.route.rule.body) or {}
    return urlencode(form, doseq=True), "application/x-www-form-urlencoded"


def _outcome(response: HttpResponseBase) -> str:
    status = response.status_code
    where = response.headers.get("Location", "").partition("?")[0]
    if status == 302 and where in (reverse("account_login"), reverse("admin:login")):
        return "login"
    return str(status) if status in (401, 403, 404, 405) or status >= 500 else "open"


def _told(probe: Probe, response: HttpResponseBase, whole: bytes) -> str:
    """All that the answer says, less the key that was asked with and what is new each time."""
    new_each_time = ("X-Request-ID", "RateLimit-Reset", "RateLimit-Remaining", "ETag", "Expires")
    headers = {n: v for n, v in response.headers.items() if n not in new_each_time}
    headers["cookies"] = "; ".join(
        cookie.OutputString()
        for name, cookie in response.cookies.items()
        if name != settings.CSRF_COOKIE_NAME
    )
    text = f"{response.status_code} {json.dumps(headers)} {whole.decode(errors='replace')}"
    text = CSRF.sub("", text)
    for asked in (probe.address, quote(probe.address), quote(unquote(probe.address))):
        text = text.replace(asked, "ADDRESS")
    return text.replace(probe.key, "KEY") if len(probe.key) > 8 else text


# --- Judging -----------------------------------------------------------------------------------


def digest() -> str:
    """Of every row of every table, guesses apart."""
    seen = hashlib.sha256()
    for model in sorted(apps.get_models(), key=lambda model: model._meta.db_table):
        if model._meta.managed and model._meta.db_table not in COUNTS_GUESSES:
            rows = model._base_manager.order_by("pk").values_list()
            seen.update(repr((model._meta.db_table, list(rows))).encode())
    return seen.hexdigest()


def problems_of(probe: Probe, answer: Answer, world: World) -> Iterator[tuple[str, str]]:
    """(kind, what is wrong), for everything that is wrong with one answer."""
    if answer.status >= 500:
        yield "5xx", f"{answer.status}"
    if answer.outcome not in (wanted := expected(probe)):
        yield "rule", f"{answer.status} where {' or '.join(sorted(wanted))} was due"
    yield from (("leak", f"tells {found!r}") for found in leaks_of(probe, answer, world))
    yield from (("rule", fault) for fault in faults_of_headers(answer))
    is_programs = probe.route.rule is not None and probe.route.rule.door == "api"
    if is_programs and answer.outcome in CODES and probe.method != "HEAD":
        yield from (("rule", fault) for fault in faults_of_refusal(answer))
    wrote = answer.wrote - COUNTS_GUESSES
    if answer.outcome != "open" and wrote and not _is_entrance(probe):
        yield "change", f"refused, and wrote {sorted(wrote)}"
    # Who may only look changes nothing, whichever action their form names.
    is_clerk = probe.persona.acts_as == CLERK and probe.address.startswith("/admin/")
    if is_clerk and (changed := wrote - TRACE_OF_STAFF):
        yield "change", f"changed {sorted(changed)} and may only look"


def faults_of_headers(answer: Answer) -> Iterator[str]:
    """What a browser is told to do with it: on every answer, whatever it says."""
    policy = answer.headers.get("Content-Security-Policy", "")
    if "default-src 'none'" not in policy or "unsafe" in policy:
        yield f"policy {policy!r}"
    if answer.headers.get("X-Content-Type-Options") != "nosniff":
        yield "may be sniffed"
    if answer.headers.get("Cross-Origin-Resource-Policy") != "same-origin":
        yield "may be loaded by other sites"


def faults_of_refusal(answer: Answer) -> Iterator[str]:
    """Programs are refused in problem details, with a code."""
    kind = answer.headers.get("Content-Type", "")
    code = json.loads(answer.body)["code"] if kind == PROBLEM else None
    if code not in CODES[answer.outcome]:
        yield f"refused as {kind} with {code!r}"
    if answer.outcome == "401" and not answer.headers["WWW-Authenticate"].startswith("Bearer"):
        yield "does not tell how to say who one is"


def _is_entrance(probe: Probe) -> bool:
    return probe.route.rule is not None and probe.route.rule.door in ("open", "account")


def leaks_of(probe: Probe, answer: Answer, world: World) -> Iterator[str]:
    is_staffs = probe.address.startswith("/admin/") and _is_logged_in(probe)
    for canary in world.canaries:
        if canary.text not in answer.text or probe.persona.acts_as in canary.seen_by:
            continue
        if not (is_staffs and probe.persona.acts_as in canary.by_staff):
            yield canary.text


# --- The whole of it ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Extent:
    """How much of the matrix is asked."""

    methods: tuple[str, ...] = METHODS
    malformed: tuple[str, ...] = MALFORMED
    is_short: bool = False
    routes: tuple[str, ...] = ()
    """Empty for all of them."""

    def methods_at(self, door: str, persona: Persona) -> tuple[str, ...]:
        """A short walk deletes only where programs can, and whom the staff's door shuts out at all
        only knocks."""
        if not self.is_short:
            return self.methods
        if door == "staff" and persona.name not in (CLERK, ROOT, NOBODY):
            return ("GET",)
        return self.methods if door == "api" else ("GET", "POST")

    def malformed_at(self, door: str) -> tuple[str, ...]:
        """At the staff's door a key may look like anything: a malformed one is only unknown."""
        return () if self.is_short and door == "staff" else self.malformed


FULL = Extent()
SHORT = Extent(("GET", "POST", "DELETE"), MALFORMED[:1], is_short=True)


def probes_of(world: World, extent: Extent) -> Iterator[Probe]:
    for route in all_routes():
        rule = route.rule
        if rule is None or (extent.routes and route.name not in extent.routes):
            continue  # who lacks a rule is told by name, by a test of its own
        for persona in _who_comes(world, route):
            for method in extent.methods_at(rule.door, persona):
                probe = Probe(route, method, persona, "", "")
                yield from _probes_with_keys(probe, world, extent.malformed_at(rule.door))
    if not extent.routes:
        # By who may look at most: forms can name what no page offers.
        yield from deeds_at_the_tables(world, world.persona(CLERK))


def _who_comes(world: World, route: Route) -> list[Persona]:
    """A token is one for each right that it gives or lacks; pages take none, so one is enough."""
    if route.name.startswith("api:"):
        return world.personas
    return [p for p in world.personas if not p.is_program or p.name == "a write token"]


def _probes_with_keys(probe: Probe, world: World, malformed: tuple[str, ...]) -> Iterator[Probe]:
    if not has_key(probe.route):
        yield replace(probe, address=address_of(probe.route))
        return
    for position, key in keys_for(probe.route, probe.persona, world):
        if position != "malformed" or key in malformed:
            address = address_of(probe.route, key)
            yield replace(probe, position=position, address=address, key=str(key))


def deeds_at_the_tables(world: World, persona: Persona) -> Iterator[Probe]:
    """Every action of every table, on the row that the world has of it."""
    routes = {route.name: route for route in all_routes()}
    for model, table in admin.site._registry.items():
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        route = routes[f"admin:{name}_changelist"]
        actions = [getattr(action, "__name__", action) for action in table.actions or ()]
        for action in [*actions, "delete_selected"]:
            body = {"action": action, "_selected_action": world.rows[name], "post": "yes"}
            yield Probe(route, "POST", persona, "", address_of(route), body=body)


def walk(world: World, extent: Extent) -> Findings:
    findings, prober, before = Findings(), Prober(), digest()
    foreign: dict[tuple[str, str, str], str] = {}
    for probe in probes_of(world, extent):
        answer = prober.ask(probe)
        findings.probes += 1
        findings.routes.add(probe.route.name)
        findings.outcomes[answer.outcome] += 1
        for kind, sentence in problems_of(probe, answer, world):
            findings.add(kind, f"{probe}: {sentence}")
        if "documents_document" in answer.wrote:
            world.mend_files()
        if probe.position in ("foreign", "unknown") and not _sees_both(probe):
            same = (probe.route.name, probe.method, probe.persona.name)
            if probe.position == "foreign":
                foreign[same] = answer.text
            else:
                findings.pairs += 1
                if answer.text != foreign.pop(same):
                    findings.add("unlike", f"{probe}: unlike what is somebody else's")
        if findings.probes % DIGEST_EVERY == 0 and digest() != before:
            findings.add("change", f"before probe {findings.probes}: a row has changed")
    if digest() != before:
        findings.add("change", "a row is not as it was")
    return findings


def _sees_both(probe: Probe) -> bool:
    """Staff who may see the table: they are told that there is none."""
    rule = probe.route.rule
    if rule is None or rule.door != "staff":
        return False
    sees = not rule.see or rule.see.partition(".")[2] in ("view_job", "view_worker", "view_group")
    return probe.persona.acts_as == ROOT or (probe.persona.acts_as == CLERK and sees)


@contextmanager
def quiet() -> Iterator[None]:
    """Thousands of refusals are no news for a log."""
    import logging

    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
