"""Accepted means on disk, in the database and queued; refused leaves nothing behind."""

import io
from pathlib import Path

import pytest
from django_q.models import OrmQ
from PIL import Image

from documents import files
from documents.errors import BatchTooLarge, DiskFull, NothingUploaded
from documents.limits import UploadLimits, UserLimits
from documents.models import Document, Job, Page, Usage
from documents.names import clean_name
from documents.services import uploads
from documents.services.retention import delete_document
from documents.services.uploads import accept_upload

pytestmark = pytest.mark.django_db(transaction=True)


def stored_files() -> list[Path]:
    root = files.incoming_dir().parent
    return [p for p in root.glob("*/**/*") if p.is_file() and "incoming" not in p.parts]


def pdf_of(pages: int) -> bytes:
    buffer = io.BytesIO()
    sheet = Image.new("RGB", (300, 400), "white")
    sheet.save(buffer, "PDF", save_all=True, append_images=[sheet] * (pages - 1))
    return buffer.getvalue()


def test_an_accepted_file_is_on_disk_in_the_database_and_queued(owner, upload_of, png):
    accepted = accept_upload(owner=owner, uploaded=[upload_of("scan.png", png)])

    document = Document.objects.get()
    assert accepted.documents == (document,)
    assert (document.owner, document.title, document.kind) == (owner, "scan.png", "png")
    assert files.path_of(document.original_name).read_bytes() == png
    page = document.pages.get()
    assert (page.width, page.height, page.state) == (320, 200, "pending")
    assert page.forecast_bytes > 0
    assert OrmQ.objects.count() == 1
    assert Usage.objects.get(owner=owner).storage_bytes == len(png)


def test_every_page_of_a_pdf_is_a_page_of_its_own(owner, upload_of):
    accept_upload(owner=owner, uploaded=[upload_of("book.pdf", pdf_of(3))])
    assert [p.index for p in Document.objects.get().pages.all()] == [0, 1, 2]


def test_each_refused_file_has_its_own_sentence_and_does_not_touch_the_others(
    owner, upload_of, png
):
    result = accept_upload(
        owner=owner,
        uploaded=[
            upload_of("empty.png", b""),
            upload_of("good.png", png),
            upload_of("letter.png", b"Dear Sir or Madam, this is only text.\n"),
            upload_of("cut.pdf", pdf_of(2)[:300]),
        ],
    )

    assert [d.title for d in result.documents] == ["good.png"]
    assert [(r.name, r.code) for r in result.refused] == [
        ("empty.png", "empty_file"),
        ("letter.png", "unsupported_type"),
        ("cut.pdf", "damaged"),
    ]
    assert len({r.sentence for r in result.refused}) == 3
    assert len(stored_files()) == 1


def test_an_upload_in_which_nothing_is_good_makes_no_job_and_leaves_no_file(owner, upload_of):
    result = accept_upload(owner=owner, uploaded=[upload_of("empty.png", b"")])

    assert result.job is None
    assert not Job.objects.exists()
    assert stored_files() == []
    assert not Usage.objects.filter(storage_bytes__gt=0).exists()


def test_a_batch_over_the_cap_is_refused_whole_before_anything_is_looked_at(
    owner, upload_of, png, settings
):
    settings.OCR_USER_LIMITS = UserLimits(files_per_batch=2)
    with pytest.raises(BatchTooLarge) as caught:
        accept_upload(owner=owner, uploaded=[upload_of(f"{n}.png", png) for n in range(3)])

    assert "3" in caught.value.sentence
    assert not Document.objects.exists()
    assert stored_files() == []


def test_an_upload_without_a_file_is_refused(owner):
    with pytest.raises(NothingUploaded):
        accept_upload(owner=owner, uploaded=[])


def test_a_file_cut_at_the_size_limit_by_the_handler_is_refused_with_both_figures(
    owner, upload_of, settings
):
    settings.OCR_UPLOAD_LIMITS = UploadLimits(file_bytes=2 * 1024 * 1024)
    upload = upload_of("big.png", b"")
    upload.too_large, upload.size = True, 3 * 1024 * 1024

    (refused,) = accept_upload(owner=owner, uploaded=[upload]).refused

    assert refused.code == "file_too_large"
    assert "3.0 MB" in refused.sentence
    assert "2.0 MB" in refused.sentence


def test_a_file_that_does_not_fit_the_storage_left_is_refused_and_a_smaller_one_is_kept(
    owner, upload_of, png
):
    big = pdf_of(30)
    Usage.objects.create(owner=owner, storage_limit_bytes=len(png) + 10)

    result = accept_upload(
        owner=owner, uploaded=[upload_of("big.pdf", big), upload_of("small.png", png)]
    )

    assert [r.code for r in result.refused] == ["storage_full"]
    assert [d.title for d in result.documents] == ["small.png"]


def test_when_the_rows_cannot_be_written_the_files_and_the_storage_come_back(
    owner, upload_of, png, monkeypatch
):
    def broken(*args: object) -> None:
        raise RuntimeError("no database")

    monkeypatch.setattr(uploads, "_insert", broken)
    with pytest.raises(RuntimeError):
        accept_upload(owner=owner, uploaded=[upload_of("scan.png", png)])

    assert stored_files() == []
    assert not Usage.objects.filter(storage_bytes__gt=0).exists()
    assert not OrmQ.objects.exists()


def test_a_disk_that_fills_while_files_are_kept_is_a_full_disk_and_nothing_else(
    owner, upload_of, png, monkeypatch
):
    def full(*args: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "keep", full)
    with pytest.raises(DiskFull):
        accept_upload(owner=owner, uploaded=[upload_of("scan.png", png)])
    assert not Usage.objects.filter(storage_bytes__gt=0).exists()


def test_uploads_stop_before_the_disk_is_so_full_that_the_database_cannot_write(
    owner, upload_of, png, monkeypatch
):
    monkeypatch.setattr(files, "free_bytes", lambda: 1)
    with pytest.raises(DiskFull):
        accept_upload(owner=owner, uploaded=[upload_of("scan.png", png)])


def test_deleting_a_document_removes_its_files_and_gives_the_storage_back(owner, upload_of, png):
    accept_upload(owner=owner, uploaded=[upload_of("scan.png", png)])

    assert delete_document(Document.objects.get()) == len(png)

    assert stored_files() == []
    assert Usage.objects.get().storage_bytes == 0
    assert not Page.objects.exists()
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("scan.png", "scan.png"),
        ("  a\tb \n", "a b"),
        ("evil\u202egnp.exe", "evilgnp.exe"),
        ("zero\u200bwidth", "zerowidth"),
        ("e\u0301.png", "é.png"),
        ("\x00", ""),
        (None, ""),
        ("x" * 300, "x" * 200),
        ("发票 2024.pdf", "发票 2024.pdf"),
    ],
)
def test_a_name_is_a_clean_label(raw, clean):
    assert clean_name(raw) == clean


def test_a_stored_name_cannot_leave_the_store():
    with pytest.raises(ValueError, match="leaves the root"):
        files.path_of("../../etc/passwd")
