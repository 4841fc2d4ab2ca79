"""What no address may hold is nobody's, whatever the database would say to it."""

import pytest
from django.contrib import admin
from django.urls import reverse

pytestmark = pytest.mark.django_db
TABLES = sorted(f"{m._meta.app_label}_{m._meta.model_name}" for m in admin.site._registry)


@pytest.mark.parametrize("table", TABLES)
def test_a_key_or_filter_with_a_nul_finds_nothing_in_the_administration(client, admin_user, table):
    client.force_login(admin_user)
    rows = reverse(f"admin:{table}_changelist")

    for address in (f"{rows}%00/change/", f"{rows}%00/history/", f"{rows}?q=a%00"):
        assert client.get(address).status_code == 404


def test_a_search_for_a_nul_finds_nothing(client, owner):
    client.force_login(owner)
    assert client.get("/?q=a%00").status_code == 404
