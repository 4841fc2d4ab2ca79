"""A session's key changes when what it opens changes, and ends when it should."""

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from documents.services import accounts
from tests.personas import PASSWORD, make_user

pytestmark = pytest.mark.django_db
NEW_PASSWORD = "another fine 77 password"


def key_of(client: Client) -> str:
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def holding(key: str) -> Client:
    """Somebody with a copy of the cookie."""
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = key
    return client


def is_in(client: Client) -> bool:
    return client.get(reverse("documents")).status_code == 200


def log_in() -> Client:
    client = Client()
    client.post(reverse("account_login"), {"login": "alice", "password": PASSWORD})
    assert is_in(client)
    return client


def test_a_session_that_somebody_planted_is_not_the_one_that_is_logged_in(owner):
    visitor = Client()
    session = visitor.session
    session["planted"] = True
    session.save()
    visitor.cookies[settings.SESSION_COOKIE_NAME] = session.session_key
    visitor.post(reverse("account_login"), {"login": "alice", "password": PASSWORD})
    assert is_in(visitor)
    assert key_of(visitor) != session.session_key
    assert not is_in(holding(session.session_key))


def test_logging_out_ends_the_session_for_whoever_has_its_key(owner):
    client = log_in()
    key = key_of(client)
    client.post(reverse("account_logout"))
    assert not is_in(holding(key))
    assert not Session.objects.filter(pk=key).exists()


def test_a_new_password_ends_every_other_session_and_changes_the_key_of_this_one(owner):
    here, elsewhere = log_in(), log_in()
    before = key_of(here)
    form = {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    here.post(reverse("account_change_password"), form)
    assert (is_in(here), is_in(elsewhere)) == (True, False)
    assert key_of(here) != before
    assert not is_in(holding(before))


def test_a_password_chosen_by_a_one_time_link_ends_every_session(owner):
    elsewhere, visitor = log_in(), Client()
    owner.refresh_from_db()
    form = visitor.get(accounts.one_time_link(owner), follow=True)
    new = {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    assert visitor.post(form.redirect_chain[-1][0], new).status_code == 302
    assert (is_in(visitor), is_in(elsewhere)) == (True, False)


def test_a_password_that_staff_set_ends_every_session(owner, staff_client):
    elsewhere = log_in()
    address = reverse("admin:auth_user_password_change", args=[owner.pk])
    form = {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD, "usable_password": "true"}
    assert staff_client.post(address, form).status_code == 302
    assert not is_in(elsewhere)


def changed(client: Client, user: User, **fields: object) -> None:
    """Send the form of a user's page with some fields changed."""
    address = reverse("admin:auth_user_change", args=[user.pk])
    form = client.get(address).context["adminform"].form
    values = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}
    values |= {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
    values |= {"usage-TOTAL_FORMS": "0", "usage-INITIAL_FORMS": "0", **fields}
    shown = {n: v for n, v in values.items() if v not in (None, False)}
    assert client.post(address, shown).status_code == 302


@pytest.mark.parametrize("fields", [{"is_staff": "on"}, {"user_permissions": "view_job"}])
def test_who_may_do_more_than_before_logs_in_anew(owner, staff_client, fields):
    elsewhere, other = log_in(), Client()
    other.force_login(make_user("dora"))
    if "user_permissions" in fields:
        codename = fields["user_permissions"]
        fields = {"user_permissions": [Permission.objects.get(codename=codename).pk]}
    changed(staff_client, owner, **fields)
    assert (is_in(elsewhere), is_in(other)) == (False, True)
    assert is_in(log_in())


def test_another_address_of_theirs_ends_nothing(owner, staff_client):
    elsewhere = log_in()
    changed(staff_client, owner, email="alice@example.org")
    assert User.objects.get(pk=owner.pk).email == "alice@example.org"
    assert is_in(elsewhere)


def test_staff_who_change_their_own_rights_stay_in_with_another_key(staff, staff_client):
    elsewhere, before = Client(), key_of(staff_client)
    elsewhere.force_login(staff)
    permission = Permission.objects.get(codename="view_job").pk
    changed(staff_client, staff, user_permissions=[permission])
    assert (is_in(staff_client), is_in(elsewhere)) == (True, False)
    assert key_of(staff_client) != before
    assert not is_in(holding(before))


def test_who_is_switched_off_is_out_at_once(owner):
    client = log_in()
    User.objects.update(is_active=False)
    assert not is_in(client)
