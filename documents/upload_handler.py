"""Files of a request on their way to disk, counted as they arrive and cut at the limits.

Nothing is written unless the view has opened the door, so that a request to another address, or
by somebody who is not logged in, cannot fill the disk.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile
from django.core.files.uploadhandler import SkipFile, StopUpload, TemporaryFileUploadHandler
from django.http import HttpRequest

from documents import files
from documents.errors import DiskFull, DocumentsError, UploadInterrupted

_FAULT = "upload_fault"
_DOOR = "upload_files_allowed"


def open_the_door(request: HttpRequest, *, files: int) -> None:
    """Let so many of this request's files reach the disk. Call before anything reads its POST."""
    setattr(request, _DOOR, files)


def upload_fault(request: HttpRequest) -> DocumentsError | None:
    """Why the files of this request cannot be trusted to be whole, if they cannot."""
    return getattr(request, _FAULT, None)


class BoundedUploadHandler(TemporaryFileUploadHandler):
    """One file at a time to FILE_UPLOAD_TEMP_DIR.

    A file over the limit is no longer written, what was written of it is given back, and it is
    marked `too_large` with its true size. Files beyond the batch's cap are counted, never written.
    The disk's reserve is looked at before the first file, with the length that the request
    announces, and again before each piece, because others are writing too.
    """

    def __init__(self, request: HttpRequest | None = None) -> None:
        super().__init__(request)
        self.limits = settings.OCR_UPLOAD_LIMITS
        self.files_seen = 0
        self.announced = 0
        self.in_a_file = self.beyond_the_cap = self.too_large = False

    def handle_raw_input(
        self, input_data: Any, META: Any, content_length: int, *args: Any, **kwargs: Any
    ) -> None:
        self.announced = content_length

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        allowed = getattr(self.request, _DOOR, 0)
        if not allowed:
            raise SkipFile
        self.files_seen += 1
        self.in_a_file = True
        self.beyond_the_cap = self.files_seen > allowed
        self.too_large = False
        if self.beyond_the_cap:
            # What TemporaryFileUploadHandler does, without its file.
            super(TemporaryFileUploadHandler, self).new_file(*args, **kwargs)
            return
        self._insist_on_room(min(self.announced, allowed * self.limits.file_bytes))
        self.announced = 0
        Path(settings.FILE_UPLOAD_TEMP_DIR).mkdir(mode=0o750, parents=True, exist_ok=True)
        super().new_file(*args, **kwargs)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        if self.beyond_the_cap or self.too_large:
            return
        if start + len(raw_data) > self.limits.file_bytes:
            self.too_large = True
            self.file.seek(0)
            self.file.truncate(0)
            return
        self._insist_on_room(len(raw_data))
        try:
            self.file.write(raw_data)
        except OSError as error:
            raise self._disk_is_full() from error

    def _insist_on_room(self, size_bytes: int) -> None:
        if not files.has_room(size_bytes):
            raise self._disk_is_full()

    def _disk_is_full(self) -> StopUpload:
        """What was written of this file is removed; the view says why nothing was accepted."""
        setattr(self.request, _FAULT, DiskFull())
        return StopUpload(connection_reset=True)

    def file_complete(self, file_size: int) -> UploadedFile:
        self.in_a_file = False
        if self.beyond_the_cap:
            return UploadedFile(file=BytesIO(), name=self.file_name, size=file_size)
        file: TemporaryUploadedFile = super().file_complete(file_size)
        file.flush()
        file.too_large = self.too_large
        return file

    def upload_interrupted(self) -> None:
        """The body ended inside a file: whoever sent it is gone, and nothing of it is kept.

        Django also calls this when the last file of a body was skipped; that is no fault.
        """
        if not self.in_a_file:
            return
        setattr(self.request, _FAULT, UploadInterrupted())
        if not self.beyond_the_cap:
            super().upload_interrupted()
