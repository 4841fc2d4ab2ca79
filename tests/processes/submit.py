"""Run by a test: hand in one image of one page. The argument is the order to the fake engine."""

import io
import os
import sys

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.processes.settings"
django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.core.files.uploadedfile import TemporaryUploadedFile  # noqa: E402
from PIL import Image  # noqa: E402

from documents.services.uploads import accept_upload  # noqa: E402

if __name__ == "__main__":
    order = int(sys.argv[1])
    content = io.BytesIO()
    Image.new("RGB", (320, 200), (order, 255, 255)).save(content, "PNG")
    upload = TemporaryUploadedFile("scan.png", "image/png", len(content.getvalue()), None)
    upload.write(content.getvalue())
    upload.flush()
    owner, _ = User.objects.get_or_create(username="alice")
    acceptance = accept_upload(owner=owner, uploaded=[upload])
    assert acceptance.documents, acceptance.refused
    print(acceptance.documents[0].pages.get().pk.hex)
