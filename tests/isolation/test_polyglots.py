"""Files that are an image or a PDF and a page or script as well: handed back, none can run."""

import io
import re
import zlib

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image, PngImagePlugin

from documents.models import Document, Page
from documents.services import leases
from ocrengine.decoder.sniffing import MIME
from tests.fake_reader import FakeReader, read_leased

pytestmark = pytest.mark.django_db(transaction=True)

HEADS = {
    "html": b"<!doctype html><html><body><script>alert('cnr')</script></body></html>",
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg' onload=\"alert('cnr')\"><script/></svg>",
    "js": b"*/=1;alert('cnr');/*",
    "xml": b"<?xml version='1.0'?><?xml-stylesheet type='text/xsl' href='#'?><a>cnr</a>",
    "mhtml": b"MIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n<script>alert('cnr')</script>",
}
INERT = "default-src 'none'; sandbox"
DOWNLOADS = {"text/plain; charset=utf-8", "application/json", *MIME.values()}
SHOWN = {"image/jpeg", "image/webp"}


def image(kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (160, 120), "white").save(buffer, kind, **options)
    return buffer.getvalue()


def png(head: bytes) -> bytes:
    """In its first chunk of text, near the head of the file; and behind its end."""
    info = PngImagePlugin.PngInfo()
    info.add(b"tEXt", b"Comment\0" + head)
    return image("PNG", pnginfo=info) + head


def jpeg(head: bytes) -> bytes:
    return image("JPEG", comment=head) + head


def gif(head: bytes) -> bytes:
    return image("GIF", comment=head) + head


def bmp(head: bytes) -> bytes:
    """Its declared size makes "BM/*": a comment of JavaScript begins."""
    whole = bytearray(image("BMP") + head)
    whole[2:4] = b"/*"
    return bytes(whole)


def webp(head: bytes) -> bytes:
    return image("WEBP", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0" + head) + head


def tiff(head: bytes) -> bytes:
    return image("TIFF", tiffinfo={270: head.decode()}) + head


def pdf(head: bytes) -> bytes:
    """Right after its first line, in a comment."""
    page = zlib.compress(b"1 0 0 RG 10 10 m 90 90 l S")
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 100 100]/Contents 4 0 R>>",
        b"<</Length %d/Filter/FlateDecode>>stream\n%s\nendstream" % (len(page), page),
    ]
    whole, places = b"%PDF-1.4\n%" + head.replace(b"\r\n", b" ") + b"\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(whole))
        whole += b"%d 0 obj%s endobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    start = len(whole)
    whole += b"xref\n0 5\n0000000000 65535 f \n" + table
    return whole + b"trailer<</Size 5/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % start


CARRIERS = {"png": png, "jpg": jpeg, "gif": gif, "bmp": bmp, "webp": webp, "tif": tiff, "pdf": pdf}
NAMES = {
    "html": "page.html",
    "svg": "drawing.svg",
    "js": 'a";filename=run.js',
    "xml": "feed.xhtml\r\nContent-Type: text/html",
    "mhtml": "..\\letter.mht",
}


@pytest.fixture
def polyglots(owner, owner_client) -> list[Document]:
    """Each kind of file with each head, named as what it pretends to be, handed in and read."""
    for carrier in CARRIERS.values():
        files = [SimpleUploadedFile(NAMES[n], carrier(head)) for n, head in HEADS.items()]
        owner_client.post(reverse("upload"), {"files": files})
    worker = leases.worker_name()
    reader = FakeReader(texts=[head.decode() for head in HEADS.values()])
    while lease := leases.claim_next(worker=worker):
        read_leased(lease, reader, worker)
    return list(Document.objects.order_by("created_at", "position"))


def addresses(document: Document) -> dict[str, tuple[str, bool]]:
    """Every address that gives bytes of a document away: whether it is a download."""
    one, page = [document.pk], [document.pk, 1]
    return {
        reverse("document-original", args=one): True,
        reverse("document-text", args=one): True,
        reverse("document-json", args=one): True,
        reverse("api:document-original", args=one): True,
        reverse("api:document-text", args=one): True,
        reverse("api:document-json", args=one): True,
        reverse("api:page-text", args=page): False,
        reverse("cover", args=one): False,
        reverse("page-view", args=page): False,
        reverse("api:page-view", args=page): False,
    }


def test_nothing_that_was_handed_in_is_served_as_what_a_browser_would_run(polyglots, owner_client):
    assert len(polyglots) >= 30
    assert {document.kind for document in polyglots} == set(MIME)
    assert not Page.objects.exclude(state="done").exists()
    for document in polyglots:
        for address, is_download in addresses(document).items():
            answer = owner_client.get(address)
            whole = answer.getvalue()
            kind = answer["Content-Type"]
            assert answer.status_code == 200, address
            assert answer["X-Content-Type-Options"] == "nosniff"
            assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
            if is_download:
                assert kind in DOWNLOADS, (address, kind)
                assert re.match(r"attachment(;|$)", answer["Content-Disposition"])
                assert answer["Content-Security-Policy"] == INERT
                assert answer["Cache-Control"] == "private, no-store"
            elif kind in SHOWN:
                assert b"cnr" not in whole, "drawn anew, with nothing of the file's own words"
            else:
                assert kind == "text/plain; charset=utf-8", (address, kind)
                assert answer["Content-Security-Policy"] == INERT


def test_an_original_is_what_was_handed_in_under_a_type_that_we_found(polyglots, owner_client):
    for document in polyglots:
        answer = owner_client.get(reverse("document-original", args=[document.pk]))
        whole = answer.getvalue()
        assert b"cnr" in whole
        assert answer["Content-Type"] == MIME[document.kind]
        assert "\n" not in answer["Content-Disposition"]
