"""The staff's door: everything visible, nothing writable, and the same services behind it."""

import json
import re
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialApp, SocialToken
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from documents.errors import next_step_for
from documents.models import Document, Job, JobState, Page, PageState, RetentionPolicy, Usage
from documents.services import leases, retention, tokens
from ocrengine.errors import EngineError
from tests.personas import make_document, make_read_document, make_user

pytestmark = pytest.mark.django_db

LISTS = [
    *("job", "document", "page", "attempt", "usage", "worker", "pause"),
    *("apitoken", "collection", "share", "retentionpolicy", "purgerun"),
]


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
    assert f"Job {document.job}: This job is finished; there is nothing to cancel." in (
        response.content.decode()
    )


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
    assert viewer_client.get(reverse("admin:documents_usage_changelist")).status_code == 403


def test_somebody_who_is_not_staff_is_not_let_in(owner_client):
    response = owner_client.get(reverse("admin:documents_job_changelist"), follow=True)
    assert response.status_code == 403


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


# --- The queue as a whole ----------------------------------------------------------------------


def test_the_start_page_says_what_is_going_on(staff_client, owner, django_assert_max_num_queries):
    for _ in range(3):
        make_document(owner, pages=2)
    leases.claim_next(worker=leases.worker_name())
    with django_assert_max_num_queries(20):
        page = staff_client.get(reverse("admin:index")).content.decode()
    assert re.search(r"Pages waiting</th><td>5\b", page)
    assert re.search(r"Pages being read</th><td>1\b", page)
    assert leases.worker_name() in page


def test_a_paused_queue_hands_out_nothing_and_goes_on_where_it_was(staff_client, owner):
    make_document(owner)
    staff_client.post(reverse("admin:documents_queue_switch", args=["paused"]))
    assert leases.claim_next(worker=leases.worker_name()) is None
    assert "paused" in staff_client.get(reverse("admin:index")).content.decode()
    staff_client.post(reverse("admin:documents_queue_switch", args=["running"]))
    assert leases.claim_next(worker=leases.worker_name()) is not None


def test_a_paused_user_waits_and_nobody_else_does(staff_client, owner, stranger):
    make_document(owner)
    theirs = make_document(stranger)
    act_on_users(staff_client, "pause", owner)
    lease = leases.claim_next(worker=leases.worker_name())
    assert lease.page_id == theirs.pages.get().pk
    assert leases.claim_next(worker=leases.worker_name()) is None
    act_on_users(staff_client, "resume", owner)
    assert leases.claim_next(worker=leases.worker_name()) is not None


def act_on_users(client: Client, action: str, *users):
    url = reverse("admin:auth_user_changelist")
    data = {"action": action, "_selected_action": [str(user.pk) for user in users]}
    return client.post(url, data, follow=True)


def test_a_job_of_higher_priority_goes_first(staff_client, owner):
    make_document(owner)
    urgent = make_document(owner)
    url = reverse("admin:documents_job_changelist")
    data = {"action": "set_priority", "_selected_action": [str(urgent.job.pk)], "priority": "10"}
    staff_client.post(url, data)
    assert leases.claim_next(worker=leases.worker_name()).page_id == urgent.pages.get().pk


def test_without_a_figure_no_priority_is_set(staff_client, owner):
    document = make_document(owner)
    url = reverse("admin:documents_job_changelist")
    data = {"action": "set_priority", "_selected_action": [str(document.job.pk)], "priority": ""}
    answer = staff_client.post(url, data, follow=True)
    assert "Give a priority from -100 to 100." in answer.content.decode()
    assert Job.objects.get().priority == 0


def test_a_page_set_aside_is_not_read_until_it_is_released(staff_client, owner):
    document = make_document(owner)
    Usage.objects.create(owner=owner, pages_reserved=1)
    act(staff_client, "page", "set_aside", document.pages.all())
    assert document.pages.get().state == PageState.QUARANTINED
    assert Usage.objects.get().pages_reserved == 0
    assert leases.claim_next(worker=leases.worker_name()) is None
    act(staff_client, "page", "retry", document.pages.all())
    assert leases.claim_next(worker=leases.worker_name()) is not None


def test_failures_are_grouped_by_code_with_the_sentence_and_the_next_step(staff_client, owner):
    for _ in range(2):
        make_document(
            owner, state=PageState.FAILED, error_code="out_of_memory", settled_at=timezone.now()
        )
    make_document(
        owner,
        state=PageState.QUARANTINED,
        error_code="damaged",
        error_params={"page": 3},
        settled_at=timezone.now(),
    )
    page = staff_client.get(reverse("admin:documents_failures")).content.decode()
    assert re.search(r"error_code=out_of_memory.*?<td>2</td><td>1</td>", page, re.DOTALL)
    assert "damaged at page 3" in page
    assert "Scan at a lower resolution, or split the page." in page
    assert page.index("out_of_memory") < page.index("damaged")


def test_every_way_a_page_can_fail_has_a_next_step():
    ways = [EngineError]
    for way in ways:
        ways += way.__subclasses__()
    codes = {way.code for way in ways} | {"damaged", "worker_lost", "internal_error", "set_aside"}
    assert [code for code in sorted(codes) if not next_step_for(code)] == []


def test_a_failure_that_the_databases_clock_dated_keeps_its_figures(staff_client, owner):
    make_document(owner, state=PageState.FAILED, error_code="damaged", error_params={"page": 3})
    Page.objects.update(settled_at=Now())
    page = staff_client.get(reverse("admin:documents_failures")).content.decode()
    assert "damaged at page 3" in page


def test_actions_leave_a_line_in_the_log(staff_client, owner, staff):
    document = make_document(owner)
    act(staff_client, "job", "cancel", [document.job])
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id) == (staff, str(document.job.pk))
    assert "cancel" in entry.change_message


# --- People ------------------------------------------------------------------------------------


def test_a_one_time_link_lets_a_person_choose_a_new_password_once(staff_client, owner):
    answer = act_on_users(staff_client, "make_link", owner).content.decode()
    link = re.search(r"http://testserver(/account/password/reset/key/[\w-]+/)", answer)[1]
    new = {"password1": "another fine password", "password2": "another fine password"}

    visitor = Client()
    page = visitor.get(link, follow=True)
    assert visitor.post(page.redirect_chain[-1][0], new).status_code == 302
    assert Client().login(username="alice", password="another fine password")
    assert "opens nothing any more" in Client().get(link, follow=True).content.decode()


def test_staff_cannot_make_themselves_a_link_into_an_administrators_account(db, staff):
    helper = make_user("hal", is_staff=True)
    for codename in ("view_user", "change_user"):
        helper.user_permissions.add(Permission.objects.get(codename=codename))
    client = Client()
    client.force_login(helper)
    answer = act_on_users(client, "make_link", staff).content.decode()
    assert "/password/reset/key/" not in answer
    assert "Only an administrator can do that" in answer


def test_staff_revoke_a_token_and_never_see_its_secret(staff_client, owner):
    token, secret = tokens.create_token(owner=owner, name="scanner", scope="read")
    url = reverse("admin:documents_apitoken_change", args=[token.pk])
    shown = staff_client.get(url).content.decode()
    assert token.prefix in shown
    assert secret not in shown
    assert token.digest not in shown
    act(staff_client, "apitoken", "revoke", [token])
    token.refresh_from_db()
    assert not token.is_valid


def test_staff_let_a_person_in_whose_second_factor_is_lost(staff_client, owner):
    Authenticator.objects.create(user=owner, type=Authenticator.Type.TOTP, data={"secret": "x"})
    act_on_users(staff_client, "remove_second_factor", owner)
    assert not Authenticator.objects.exists()
    assert "second factor removed" in LogEntry.objects.get().change_message


@pytest.mark.parametrize("model", [Authenticator, SocialApp, SocialToken])
def test_staff_do_not_see_the_secrets_of_others(model):
    assert not admin.site.is_registered(model)


# --- Upkeep ------------------------------------------------------------------------------------


def test_a_purge_can_be_tried_dry_and_then_run(staff_client, owner):
    document = make_document(owner)
    long_ago = timezone.now() - timedelta(days=60)
    Document.objects.update(trashed_at=long_ago)
    answer = staff_client.post(reverse("admin:documents_purge_run", args=["dry"]), follow=True)
    assert "Would free 1000" in answer.content.decode()
    assert document.title in answer.content.decode()
    assert Document.objects.exists()
    answer = staff_client.post(reverse("admin:documents_purge_run", args=["now"]), follow=True)
    assert "Freed 1000" in answer.content.decode()
    assert not Document.objects.exists()


def test_what_a_purge_would_take_is_named_for_those_who_may_see_names(staff_client, owner):
    make_document(owner, title="Lease.png")
    Document.objects.update(trashed_at=timezone.now() - timedelta(days=60))
    run = retention.purge(dry=True)
    url = reverse("admin:documents_purgerun_change", args=[run.pk])
    keeper = make_user("kim", is_staff=True)
    keeper.user_permissions.add(Permission.objects.get(codename="view_purgerun"))
    client = Client()
    client.force_login(keeper)

    named = staff_client.get(url).content.decode()
    assert re.search(r"is deleted for good</td>.*Lease\.png</a></td><td>alice<", named)
    assert "Lease.png" not in client.get(url).content.decode()


def test_a_purge_that_is_over_names_what_it_took_by_its_id(staff_client, owner):
    document = make_document(owner, title="Lease.png")
    Document.objects.update(trashed_at=timezone.now() - timedelta(days=60))
    run = retention.purge()
    url = reverse("admin:documents_purgerun_change", args=[run.pk])
    assert f"<td>{document.pk}</td>" in staff_client.get(url).content.decode()


def test_changing_a_policy_starts_its_announcement_again(staff_client):
    url = reverse("admin:documents_retentionpolicy_add")
    staff_client.post(url, {"keep_days": "10", "notice_days": "7"})
    RetentionPolicy.objects.update(changed_at=timezone.now() - timedelta(days=90))
    policy = RetentionPolicy.objects.get()
    url = reverse("admin:documents_retentionpolicy_change", args=[policy.pk])
    staff_client.post(url, {"keep_days": "5", "notice_days": "7"})
    policy.refresh_from_db()
    assert policy.keep_days == 5
    assert timezone.now() - policy.changed_at < timedelta(minutes=1)


def test_each_bundle_shows_its_latest_scores_and_what_nobody_can_choose_shows_none(
    settings, tmp_path
):
    from documents.inforce import bundle_scores

    (tmp_path / "docs").mkdir()
    settings.BASE_DIR = tmp_path
    assert bundle_scores() == []
    one = {"fast, balanced": {"scores": {"sroie": {"w_f": 0.8, "cer_loc": 0.1}}}}
    two = {"fast, balanced": {"scores": {"ALL": {"w_f": 0.9, "cer_loc": 0.05}}}}
    other = {"accurate, balanced": {"scores": {"ALL": {"w_f": 0.95, "cer_loc": 0.03}}}}
    peer = {"rapidocr package": {"scores": {"ALL": {"w_f": 0.95, "cer_loc": 0.03}}}}
    lines = [{"measured": {"receipts": rows}} for rows in (one, other | peer, two)]
    (tmp_path / "docs" / "benchmarks.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert [(s.bundle, s.w_f) for s in bundle_scores()] == [("accurate", 0.95), ("fast", 0.9)]


def test_settings_in_force_are_shown_with_their_reason(staff_client):
    page = staff_client.get(reverse("admin:documents_in_force")).content.decode()
    assert "OCR_TILE_SIDE" in page
    assert "disk free" in page


@pytest.mark.parametrize(
    ("method", "name", "args"),
    [
        ("post", "documents_queue_switch", ["paused"]),
        ("post", "documents_purge_run", ["now"]),
        ("get", "documents_in_force", []),
    ],
)
def test_staff_with_partial_rights_meet_a_closed_door(viewer_client, method, name, args):
    answer = getattr(viewer_client, method)(reverse(f"admin:{name}", args=args))
    assert answer.status_code == 403
