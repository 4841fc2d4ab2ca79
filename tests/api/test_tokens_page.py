"""Tokens in the web: made and shown once, listed without their secret, revoked."""

import re
import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from documents.models import ApiToken, Scope
from documents.services import tokens
from documents.services.tokens import create_token

pytestmark = pytest.mark.django_db
ASKED = {"name": "nightly script", "scope": "write", "days": "30"}
SECRET = re.compile(r"folio_[A-Za-z0-9]{8}_[A-Za-z0-9_-]{43}")


def test_a_token_is_shown_once_and_works(owner_client):
    shown = owner_client.post(reverse("tokens"), ASKED)
    [secret] = SECRET.findall(shown.content.decode())
    assert "no-store" in shown["Cache-Control"]

    program = Client(headers={"authorization": f"Bearer {secret}"})
    assert program.get("/api/v1/account/").json()["token"]["name"] == "nightly script"
    later = owner_client.get(reverse("tokens")).content.decode()
    assert "nightly script" in later
    assert not SECRET.search(later)


def test_a_token_lasts_as_long_as_was_asked(owner_client):
    owner_client.post(reverse("tokens"), ASKED)
    left = ApiToken.objects.get().expires_at - timezone.now()
    assert timedelta(days=29, hours=23) < left <= timedelta(days=30)

    owner_client.post(reverse("tokens"), {**ASKED, "days": ""})
    assert ApiToken.objects.filter(expires_at=None).count() == 1


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"scope": "admin"}, {"days": "7"}, {"name": "x" * 81}]
)
def test_what_the_form_does_not_offer_makes_no_token(owner_client, wrong):
    page = owner_client.post(reverse("tokens"), {**ASKED, **wrong})
    assert page.status_code == 200
    assert not ApiToken.objects.exists()


def test_a_revoked_token_opens_nothing_from_the_next_request_on(owner, owner_client):
    token, secret = create_token(owner=owner, name="old", scope=Scope.READ)
    program = Client(headers={"authorization": f"Bearer {secret}"})
    assert program.get("/api/v1/account/").status_code == 200

    page = owner_client.post(reverse("token-revoke", args=[token.id]), follow=True)
    assert program.get("/api/v1/account/").status_code == 401
    assert "revoked" in page.content.decode()


def test_an_expired_token_is_called_expired(owner, owner_client):
    create_token(owner=owner, name="old", expires_at=timezone.now() - timedelta(days=1))
    page = owner_client.get(reverse("tokens")).content.decode()
    assert "expired" in page
    assert reverse("token-revoke", args=[ApiToken.objects.get().id]) not in page


def test_a_strangers_token_does_not_exist(owner, stranger_client):
    token, secret = create_token(owner=owner, name="diary")
    for token_id in (token.id, uuid.uuid4()):
        answer = stranger_client.post(reverse("token-revoke", args=[token_id]))
        assert answer.status_code == 404
    assert "diary" not in stranger_client.get(reverse("tokens")).content.decode()
    assert tokens.recognise(secret) == token


def test_revoking_needs_a_login_a_post_and_a_csrf_token(owner, owner_client):
    address = reverse("token-revoke", args=[create_token(owner=owner, name="x")[0].id])
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(owner)
    assert Client().post(address).status_code == 302
    assert owner_client.get(address).status_code == 405
    assert strict.post(address).status_code == 403
    assert ApiToken.objects.get().revoked_at is None


def test_nobody_can_have_tokens_without_end(owner, owner_client, monkeypatch):
    monkeypatch.setattr(tokens, "TOKENS_PER_USER", 2)
    for _ in range(3):
        page = owner_client.post(reverse("tokens"), ASKED).content.decode()
    assert "You have 2 tokens; that is the most." in page
    assert ApiToken.objects.count() == 2

    tokens.revoke_token(ApiToken.objects.first())
    owner_client.post(reverse("tokens"), ASKED)
    assert ApiToken.objects.count() == 3
