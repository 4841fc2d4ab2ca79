"""Choosing what reads: at upload, and for a document that was read before."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from documents.models import Job, PageState, Share
from ocrengine.forecast import forecast_page_bytes
from tests.personas import make_document, make_read_document

pytestmark = pytest.mark.django_db(transaction=True)
JSON = {"accept": "application/json"}


def upload_with(client, png, bundle):
    body = {"files": [SimpleUploadedFile("a.png", png)], "bundle": bundle}
    return client.post(reverse("upload"), body, headers=JSON)


def reread(client, document, **form):
    return client.post(reverse("document-reread", args=[document.id]), form, follow=True)


def test_both_readers_are_offered_the_installations_own_first(owner_client, settings):
    settings.OCR_BUNDLE = "fast"
    page = owner_client.get(reverse("documents")).content.decode()
    assert 0 < page.index('value="fast"') < page.index('value="accurate"')


def test_an_upload_is_read_by_what_was_chosen(owner_client, png):
    assert upload_with(owner_client, png, "fast").status_code == 202
    assert Job.objects.get().bundle == "fast"


def test_an_upload_that_does_not_choose_is_read_as_the_installation_is_set(owner_client, png):
    assert upload_with(owner_client, png, "").status_code == 202
    assert Job.objects.get().bundle == "accurate"


def test_a_reader_that_does_not_exist_is_a_sentence_and_nothing_is_kept(owner_client, png):
    answer = upload_with(owner_client, png, "clairvoyant")
    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_bundle")
    assert "clairvoyant" in answer.json()["detail"]
    assert not Job.objects.exists()


def test_a_document_is_read_again_by_another(owner, owner_client):
    document = make_read_document(owner)
    answer = reread(owner_client, document, bundle="fast")
    document.refresh_from_db()
    assert document.job.bundle == "fast"
    assert document.pages.get().state == PageState.PENDING
    assert answer.redirect_chain[-1][0] == reverse("job", args=[document.job_id])


def test_its_memory_is_forecast_for_what_will_read_it(owner, owner_client, settings):
    document = make_read_document(owner)
    reread(owner_client, document, bundle="fast")
    page = document.pages.get()
    assert page.forecast_bytes == forecast_page_bytes(800, 600, settings.OCR_PROFILE, "fast")


def test_the_question_names_what_read_it_last(owner, owner_client):
    document = make_read_document(owner)
    page = owner_client.get(reverse("document-reread", args=[document.id])).content.decode()
    assert f'value="{document.job.bundle}" selected' in page


def test_a_document_that_still_waits_is_not_read_again(owner, owner_client):
    document = make_document(owner)
    answer = reread(owner_client, document, bundle="fast")
    assert "still waiting" in answer.content.decode()


def test_a_teammate_who_may_change_stays_at_the_document(owner, teammate, teammate_client):
    document = make_read_document(owner)
    Share.objects.create(document=document, user=teammate, can_change=True)
    answer = reread(teammate_client, document)
    assert answer.redirect_chain[-1][0] == reverse("document", args=[document.id])


def test_a_teammate_who_may_only_read_finds_no_such_address(owner, teammate, teammate_client):
    document = make_read_document(owner)
    Share.objects.create(document=document, user=teammate)
    assert reread(teammate_client, document).status_code == 404
