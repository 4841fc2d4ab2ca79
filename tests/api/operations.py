"""Every operation of the schema as a test calls it, on one document of its owner."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from documents import files
from documents.models import Document, JobState, PageState
from tests.personas import make_read_document

PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Operation:
    name: str
    method: str
    address: Callable[[Document], str]
    status: int
    body: Callable[[bytes], dict[str, Any]] = field(default=lambda png: {})
    json: bool = False
    has_id: bool = True
    state: str = "done"
    """In which state of its document the operation does something."""
    in_trash: bool = False

    @property
    def changes(self) -> bool:
        return self.method != "get"

    def call(self, client: Client, document: Document, png: bytes = PNG, **headers: str):
        """The answer, with all its bytes in .whole."""
        extra: dict[str, Any] = {"headers": headers} if headers else {}
        body = [self.body(png)] if self.method == "post" else []
        if self.json:
            extra["content_type"] = "application/json"
        answer = getattr(client, self.method)(self.address(document), *body, **extra)
        answer.whole = answer.getvalue()
        answer.close()
        return answer


def _plain(name: str) -> Callable[[Document], str]:
    return lambda document: reverse(f"api:{name}")


def _document(name: str) -> Callable[[Document], str]:
    return lambda document: reverse(f"api:{name}", args=[document.pk])


def _page(name: str) -> Callable[[Document], str]:
    return lambda document: reverse(f"api:{name}", args=[document.pk, 1])


def _job(name: str) -> Callable[[Document], str]:
    return lambda document: reverse(f"api:{name}", args=[document.job_id])


def _with_file(field_name: str, **more: Any) -> Callable[[bytes], dict[str, Any]]:
    return lambda png: {field_name: SimpleUploadedFile("scan.png", png), **more}


OPERATIONS = [
    Operation("getAccount", "get", _plain("account"), 200, has_id=False),
    Operation("listDocuments", "get", _plain("documents"), 200, has_id=False),
    Operation(
        "uploadDocuments", "post", _plain("documents"), 202, _with_file("files"), has_id=False
    ),
    Operation("getDocument", "get", _document("document"), 200),
    Operation("getDocumentText", "get", _document("document-text"), 200),
    Operation("getDocumentJson", "get", _document("document-json"), 200),
    Operation("getDocumentOriginal", "get", _document("document-original"), 200),
    Operation("retryDocument", "post", _document("document-retry"), 202, state="failed"),
    Operation("rerunDocument", "post", _document("document-rerun"), 202, json=True),
    Operation("listPages", "get", _document("pages"), 200),
    Operation("getPage", "get", _page("page"), 200),
    Operation("listLines", "get", _page("lines"), 200),
    Operation("getPageText", "get", _page("page-text"), 200),
    Operation("getPageView", "get", _page("page-view"), 200),
    Operation("retryPage", "post", _page("page-retry"), 202, state="failed"),
    Operation("listJobs", "get", _plain("jobs"), 200, has_id=False),
    Operation("getJob", "get", _job("job"), 200),
    Operation("cancelJob", "post", _job("job-cancel"), 202, state="pending"),
    Operation("retryJob", "post", _job("job-retry"), 202, state="failed"),
    Operation("readNow", "post", _plain("read"), 202, _with_file("file", wait="0"), has_id=False),
    Operation("listTrash", "get", _plain("trash"), 200, has_id=False),
    Operation("restoreDocument", "post", _document("restore"), 200, in_trash=True),
    Operation("purgeDocument", "delete", _document("in-trash"), 204, in_trash=True),
    Operation("deleteDocument", "delete", _document("document"), 204),
]


def document_for(operation: Operation, owner, png: bytes) -> Document:
    """A read document with its bytes in the store, brought into the operation's state."""
    document = make_read_document(owner)
    incoming = files.incoming_dir() / "bytes"
    incoming.write_bytes(png)
    document.original_name = files.keep(incoming, "originals")
    document.trashed_at = timezone.now() if operation.in_trash else None
    document.save()
    page = document.pages.get()
    page.view_name = files.keep(incoming, "views", ".jpg")
    page.state = PageState(operation.state)
    page.error_code = "engine_timeout" if operation.state == "failed" else ""
    page.save()
    document.job.state = {"pending": JobState.QUEUED, "failed": JobState.FAILED}.get(
        operation.state, JobState.DONE
    )
    document.job.save()
    return document
