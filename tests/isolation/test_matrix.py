"""Who may do what where: the matrix in a short form; tests/reliability/access.py asks all of it."""

import pytest
from django.db.models import QuerySet
from django.urls import path

from documents import access
from documents.models import Document, Job
from documents.services import retention
from documents.web import documents as web
from tests.isolation import probes, rules
from tests.isolation.probes import Extent, Probe, Prober
from tests.isolation.world import CLERK, OWNER, ROOT, STRANGER, UNKNOWN, World, build

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(db, settings) -> World:
    settings.OCR_API_REQUESTS_PER_MINUTE = 10**9
    return build()


def test_every_route_is_in_the_matrix_and_nothing_else():
    routes = {route.name for route in rules.all_routes()}
    assert routes - set(rules.MATRIX) == set(), "tell in tests/isolation/rules.py who may"
    assert set(rules.MATRIX) - routes == set()


def test_nobody_sees_or_changes_what_is_not_theirs(world):
    with probes.quiet():
        findings = probes.walk(world, probes.SHORT)
    assert findings.problems == []
    assert findings.probes >= 3000
    assert findings.pairs >= 1000
    assert findings.routes == set(rules.MATRIX)


def test_what_changes_something_needs_a_csrf_token_at_every_address(world):
    prober, unmoved = Prober(csrf=True), []
    for route in rules.all_routes():
        persona = world.persona(ROOT if route.name.startswith("admin:") else OWNER)
        keys = probes.keys_for(route, persona, world) if probes.has_key(route) else [("", "")]
        _position, key = next(iter(keys))
        with probes.quiet():
            address = probes.address_of(route, key)
            answer = prober.ask(Probe(route, "POST", persona, "", address, str(key)))
        unmoved += [] if answer.status == 403 and not answer.wrote else [(route.name, answer)]
    assert unmoved == []


def test_what_a_form_names_besides_is_held_to_the_same(world):
    """Into a collection of somebody else's, of one's own, into none that there is."""
    route = next(route for route in rules.all_routes() if route.name == "document-collect")
    persona, key = world.persona(STRANGER), world.own[STRANGER].document
    address = probes.address_of(route, key)
    answers = {}
    for name, collection in (
        ("own", world.own[STRANGER].collection),
        ("foreign", world.own[OWNER].collection),
        ("shared with others", world.shared.collection),
        ("unknown", UNKNOWN.collection),
        ("malformed", "x"),
    ):
        body = {"collection": collection}
        probe = Probe(route, "POST", persona, "own", address, str(key), body)
        with probes.quiet():
            answers[name] = Prober().ask(probe)
    assert answers.pop("own").outcome == "open"
    assert {answer.text for answer in answers.values()} == {answers["unknown"].text}
    assert {(answer.outcome, answer.wrote) for answer in answers.values()} == {("404", frozenset())}


@pytest.mark.parametrize("word", ["title", "sha256"])
def test_who_may_not_see_a_title_cannot_find_out_by_searching(world, word):
    secret = Document.objects.get(pk=world.own[OWNER].document)
    known = {"title": secret.title, "sha256": secret.sha256}[word]
    route = next(r for r in rules.all_routes() if r.name == "admin:documents_job_changelist")
    answers = {}
    for name in (CLERK, ROOT):
        for term in (known, "cnr-is-nowhere"):
            address = f"{probes.address_of(route)}?q={term}"
            probe = Probe(route, "GET", world.persona(name), "", address, term)
            answers[name, term == known] = str(secret.job_id) in Prober().ask(probe).text
    assert answers == {
        (CLERK, True): False,
        (CLERK, False): False,
        (ROOT, True): True,
        (ROOT, False): False,
    }


# --- A matrix that finds nothing must be one that would ------------------------------------------


def found_at(world: World, *routes: str, methods: tuple[str, ...] = ("GET", "POST")) -> str:
    with probes.quiet():
        return "\n".join(probes.walk(world, Extent(methods, (), routes=routes)).problems)


def everybodys(model: type) -> QuerySet:
    return model.objects.all()


def test_a_planted_gate_that_asks_nobody_is_caught(world, monkeypatch):
    monkeypatch.setattr(access, "visible_jobs", lambda user: everybodys(Job))
    found = found_at(world, "job", "api:job", "job-cancel")
    assert "GET job (foreign) as stranger: 200 where 404 was due" in found
    assert "GET api:job (foreign) as a stranger's token: tells 'cnr-owner-secret-title'" in found
    assert "GET job (unknown) as stranger: unlike what is somebody else's" in found


def test_a_planted_list_of_everything_is_caught(world, monkeypatch):
    monkeypatch.setattr(access, "own_documents", lambda user: everybodys(Document))
    assert "GET documents () as stranger: tells 'cnr-owner-secret-title'" in found_at(
        world, "documents"
    )


def test_a_planted_reader_who_may_change_is_caught(world, monkeypatch):
    monkeypatch.setattr(access, "_changeable_documents", access.visible_documents)
    found = found_at(world, "page-retry", "api:document-rerun")
    assert "POST page-retry (shared) as reader: 302 where 404 was due" in found
    assert "POST api:document-rerun (shared) as a token of whom it was shared with" in found


def test_a_planted_deed_before_the_refusal_is_caught(world, monkeypatch):
    """Refused in the end, and done all the same."""
    asked = access.document_for_owning

    def late(user, document_id):
        if document := Document.objects.filter(pk=document_id, trashed_at=None).first():
            retention.trash_document(document)
        return asked(user, document_id)

    monkeypatch.setattr(access, "document_for_owning", late)
    found = found_at(world, "document-delete")
    assert "POST document-delete (foreign) as stranger: refused, and wrote" in found


def test_a_planted_route_is_told_by_its_name(monkeypatch):
    from documents.web import urls

    new = path("planted/<uuid:document_id>/", web.document, name="planted")
    monkeypatch.setattr(urls, "urlpatterns", [*urls.urlpatterns, new])
    from django.urls import URLResolver
    from django.urls.resolvers import RegexPattern

    routes = {route.name for route in rules.all_routes(URLResolver(RegexPattern(""), urls))}
    assert routes - set(rules.MATRIX) == {"planted"}
