"""The owner's own documents, and pages that are not there. Who else may what: tests/isolation/."""

import pytest
from django.urls import reverse

from tests.personas import make_read_document

pytestmark = pytest.mark.django_db


def test_the_owner_sees_their_own(owner, owner_client):
    document = make_read_document(owner)
    for name, key in [("document", document.id), ("job", document.job_id)]:
        assert owner_client.get(reverse(name, args=[key])).status_code == 200
    assert document.title in owner_client.get(reverse("documents")).content.decode()


@pytest.mark.parametrize("page", ["0", "2", "-1", "x", "1e3", "²", "9" * 40])
def test_a_page_that_does_not_exist_is_404(owner, owner_client, page):
    address = reverse("document", args=[make_read_document(owner).id])
    assert owner_client.get(address, {"page": page}).status_code == 404
