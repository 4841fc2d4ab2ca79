"""The staff's door: everything visible, nothing writable, and the same services behind it."""

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import reverse

from documents.models import Document, Job, JobState, Page, PageState, Usage
from documents.services import leases
from tests.personas import make_document, make_read_document, make_user

pytestmark = pytest.mark.django_db

LISTS = ["job", "document", "page", "attempt", "line", "usage", "worker"]


def act(client: Client, model: str, action: str, rows) -> None:
    url = reverse(f"admin:documents_{model}_changelist")
    data = {"action": action, "_selected_action": [str(row.pk) for row in rows]}
    assert client.post(url, data, follow=True).status_code == 200


@pytest.fixture
def viewer_client(db) -> Client:
    """Staff who may look at jobs and pages, and nothing else."""
    viewer = make_user("vera", is_staff=True)
    for codename in ("view_job", "view_page"):
        viewer.user_permissions.add(Permission.objects.get(codename=codename))
    client = Client()
    client.force_login(viewer)
    return client


@pytest.mark.parametrize("model", LISTS)
def test_staff_see_every_table_in_few_queries(
    staff_client, owner, model, django_assert_max_num_queries
):
    for _ in range(10):
        make_read_document(owner)
        leases.claim_next(worker=leases.worker_name())
    with django_assert_max_num_queries(20):
        response = staff_client.get(reverse(f"admin:documents_{model}_changelist"))
    assert response.status_code == 200


@pytest.mark.parametrize("model", ["job", "document", "page"])
def test_a_row_can_be_looked_at_but_not_written(staff_client, owner, model):
    make_read_document(owner)
    row = {"job": Job, "document": Document, "page": Page}[model].objects.get()
    url = reverse(f"admin:documents_{model}_change", args=[row.pk])
    assert staff_client.get(url).status_code == 200
    assert staff_client.post(url, {"state": "failed"}).status_code == 403


def test_rows_can_be_neither_added_nor_deleted_behind_the_services(staff_client, owner):
    document = make_read_document(owner)
    assert staff_client.get(reverse("admin:documents_document_add")).status_code == 403
    url = reverse("admin:documents_document_delete", args=[document.pk])
    assert staff_client.post(url, {"post": "yes"}).status_code == 403


def test_retry_and_cancel_go_through_the_services(staff_client, owner):
    document = make_document(owner, pages=2)
    act(staff_client, "job", "cancel", [document.job])
    assert Job.objects.get().state == JobState.CANCELLED

    act(staff_client, "job", "retry", [document.job])

    assert Job.objects.get().state == JobState.QUEUED
    assert set(Page.objects.values_list("state", flat=True)) == {PageState.PENDING}


def test_a_failed_page_can_be_retried_alone_and_its_reason_is_shown(staff_client, owner):
    document = make_document(
        owner, state=PageState.FAILED, error_code="damaged", error_params={"page": 1}
    )
    Job.objects.update(state=JobState.FAILED)
    shown = staff_client.get(reverse("admin:documents_document_change", args=[document.pk]))
    assert "damaged at page 1" in shown.content.decode()

    act(staff_client, "page", "retry", document.pages.all())

    assert document.pages.get().state == PageState.PENDING


def test_what_a_service_refuses_is_said_and_not_a_crash(staff_client, owner):
    document = make_read_document(owner)
    Job.objects.update(state=JobState.DONE)
    url = reverse("admin:documents_job_changelist")
    data = {"action": "cancel", "_selected_action": [str(document.job.pk)]}
    response = staff_client.post(url, data, follow=True)
    assert "nothing to cancel" in response.content.decode()


def test_deleting_from_the_admin_gives_the_storage_back(staff_client, owner):
    document = make_read_document(owner)
    Usage.objects.create(owner=owner, storage_bytes=document.size_bytes)
    act(staff_client, "document", "remove", [document])
    assert not Document.objects.exists()
    assert Usage.objects.get().storage_bytes == 0


def test_staff_who_may_only_look_have_no_actions(viewer_client, owner):
    document = make_document(owner)
    act(viewer_client, "job", "cancel", [document.job])
    assert Job.objects.get().state == JobState.QUEUED
    assert viewer_client.get(reverse("admin:documents_line_changelist")).status_code == 403


def test_somebody_who_is_not_staff_is_sent_to_the_login(owner_client):
    response = owner_client.get(reverse("admin:documents_job_changelist"))
    assert response.status_code == 302
    assert "login" in response.url


def test_only_the_limits_of_a_person_can_be_set(staff_client, owner):
    usage = Usage.objects.create(owner=owner, storage_bytes=5, pages_used=3)
    url = reverse("admin:documents_usage_change", args=[usage.pk])
    staff_client.post(url, {"storage_limit_bytes": "1000", "storage_bytes": "0", "pages_used": "0"})
    usage.refresh_from_db()
    assert (usage.storage_limit_bytes, usage.storage_bytes) == (1000, 5)
    assert (usage.pages_per_month, usage.pages_used) == (None, 3)


def test_staff_give_a_group_its_limits(staff_client):
    group = Group.objects.create(name="archive")
    form = {
        "name": "archive",
        "limits-TOTAL_FORMS": "1",
        "limits-INITIAL_FORMS": "0",
        "limits-0-pages_per_month": "50",
    }
    staff_client.post(reverse("admin:auth_group_change", args=[group.pk]), form)
    assert group.limits.pages_per_month == 50
