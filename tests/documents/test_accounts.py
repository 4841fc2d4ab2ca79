"""Accounts: who may make one, how guessing is bounded, how one gets back in."""

from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from documents.errors import TooManyTries
from documents.models import Guess
from documents.services import guessing
from tests.personas import PASSWORD

pytestmark = pytest.mark.django_db

LOGIN = "/account/login/"


def log_in(client: Client, password: str = PASSWORD, name: str = "alice", **headers):
    return client.post(LOGIN, {"login": name, "password": password}, **headers)


# --- Making an account -------------------------------------------------------------------------

NEW = {"username": "newcomer", "email": "", "password1": PASSWORD, "password2": PASSWORD}


def test_where_registration_is_closed_nobody_makes_an_account(client, db):
    page = client.post(reverse("account_signup"), NEW)
    assert "Accounts are made by the keeper" in page.content.decode()
    assert not User.objects.exists()
    assert "Make an account" not in client.get(LOGIN).content.decode()


def test_where_registration_is_open_one_makes_an_account_and_is_in(client, settings):
    settings.OCR_REGISTRATION = True
    assert "Make an account" in client.get(LOGIN).content.decode()
    page = client.post(reverse("account_signup"), NEW, follow=True)
    assert page.context["user"].username == "newcomer"


def test_a_weak_password_is_refused_with_a_reason(client, settings):
    settings.OCR_REGISTRATION = True
    page = client.post(
        reverse("account_signup"), {**NEW, "password1": "12345678", "password2": "12345678"}
    )
    assert "too common" in page.content.decode()
    assert not User.objects.exists()


# --- Guessing ----------------------------------------------------------------------------------


def test_after_ten_wrong_passwords_even_the_right_one_must_wait(owner, client):
    for _ in range(10):
        assert "not correct" in log_in(client, "wrong").content.decode()
    answer = log_in(client)
    assert "Too many tries" in answer.content.decode()
    assert answer.status_code == 200


def test_names_that_nobody_has_are_bounded_alike(db, client):
    for _ in range(10):
        log_in(client, "wrong", name="nobody")
    assert "Too many tries" in log_in(client, "wrong", name="nobody").content.decode()


def test_a_right_password_costs_no_try(owner):
    for _ in range(15):
        assert log_in(Client()).status_code == 302


def test_another_person_at_the_same_address_is_not_shut_out(owner, stranger, client):
    for _ in range(11):
        log_in(client, "wrong")
    assert log_in(client, name="charlie").status_code == 302


def test_a_made_up_forwarding_header_buys_no_more_tries(owner, client):
    for number in range(10):
        log_in(client, "wrong", headers={"x-forwarded-for": f"10.0.0.{number}"})
    answer = log_in(client, headers={"x-forwarded-for": "10.9.9.9"})
    assert "Too many tries" in answer.content.decode()


def test_the_window_ends(owner, client):
    for _ in range(11):
        log_in(client, "wrong")
    Guess.objects.update(window_ends=timezone.now() - timedelta(seconds=1))
    assert log_in(client).status_code == 302


def test_the_admin_has_the_same_lock(owner, client):
    answer = client.get(reverse("admin:index"), follow=True)
    assert answer.redirect_chain[-1][0].startswith(LOGIN)
    answer = client.post(reverse("admin:login"), {"username": "alice", "password": "wrong"})
    assert (answer.status_code, answer.url.split("?")[0]) == (302, LOGIN)


def test_an_ipv6_household_counts_as_one_place():
    assert guessing.place_of("2001:db8::1") == guessing.place_of("2001:db8::ffff")
    assert guessing.place_of("2001:db8::1") != guessing.place_of("2001:db8:0:1::1")
    assert guessing.place_of("::ffff:192.0.2.1") == "192.0.2.1"


def test_one_place_cannot_try_a_few_passwords_at_every_name(db, monkeypatch):
    monkeypatch.setattr(guessing, "FROM_ONE_PLACE", 3)
    for name in "abc":
        guessing.count_try(kind="password", name=name, address="192.0.2.1")
    with pytest.raises(TooManyTries):
        guessing.count_try(kind="password", name="d", address="192.0.2.1")


def test_the_table_holds_neither_names_nor_addresses(db):
    guessing.count_try(kind="password", name="alice", address="192.0.2.1")
    assert not Guess.objects.filter(key__contains="alice").exists()
    assert {len(key) for key in Guess.objects.values_list("key", flat=True)} == {64}


def test_old_tries_are_forgotten(db):
    guessing.count_try(kind="password", name="alice", address="192.0.2.1")
    Guess.objects.update(window_ends=timezone.now() - timedelta(days=1))
    guessing.forget_old_tries()
    assert not Guess.objects.exists()


# --- Getting back in ---------------------------------------------------------------------------


def test_without_a_mail_server_the_page_says_whom_to_ask(client, db):
    page = client.get(reverse("account_reset_password")).content.decode()
    assert "This server sends no mail. Ask its keeper" in page
    assert "<input" not in page.split("gate-box")[1]


@pytest.fixture
def mailing(settings, owner):
    settings.OCR_SENDS_MAIL = True
    owner.email = "alice@example.org"
    owner.save()


def test_with_a_mail_server_a_link_is_sent_that_works_once(mailing, client):
    client.post(reverse("account_reset_password"), {"email": "alice@example.org"})
    (letter,) = mail.outbox
    link = next(word for word in letter.body.split() if "/password/reset/key/" in word)
    new = {"password1": "another fine password", "password2": "another fine password"}

    page = client.get(link, follow=True)
    assert client.post(page.redirect_chain[-1][0], new).status_code == 302
    assert log_in(Client(), "another fine password").status_code == 302
    assert "password1" not in Client().get(link, follow=True).content.decode()


def test_an_unknown_address_gets_the_same_answer(mailing, client):
    answers = [
        client.post(reverse("account_reset_password"), {"email": address}, follow=True)
        for address in ("alice@example.org", "nobody@example.org")
    ]
    assert answers[0].redirect_chain == answers[1].redirect_chain


def test_asking_for_links_is_bounded(mailing, client):
    address = {"email": "alice@example.org"}
    for _ in range(10):
        client.post(reverse("account_reset_password"), address)
    page = client.post(reverse("account_reset_password"), address)
    assert "Too many tries" in page.content.decode()


# --- The second factor -------------------------------------------------------------------------


def test_a_second_factor_is_asked_for_once_it_is_set_up(owner, client):
    secret = "JBSWY3DPEHPK3PXP"
    TOTP.activate(owner, secret)
    answer = log_in(client, follow=True)
    assert answer.redirect_chain[-1][0].startswith("/account/2fa/authenticate/")
    assert not answer.wsgi_request.user.is_authenticated

    counter = next(iter(yield_hotp_counters_from_time()))
    code = format_hotp_value(hotp_value(secret, counter))
    answer = client.post(reverse("mfa_authenticate"), {"code": code}, follow=True)
    assert answer.wsgi_request.user == owner


def test_the_page_of_the_second_factor_is_in_our_dress(owner_client):
    page = owner_client.get(reverse("mfa_index")).content.decode()
    assert 'class="top"' in page
    assert "Authenticator App" in page
    assert not Authenticator.objects.exists()


# --- Passwords at rest -------------------------------------------------------------------------


def test_passwords_are_kept_with_argon2_in_memory_a_small_machine_has(settings):
    settings.PASSWORD_HASHERS = ["ocrsite.hashers.LeanArgon2"]
    assert "$m=19456,t=2,p=1$" in make_password("x")
