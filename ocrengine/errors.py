"""Everything that can go wrong while a page is decoded or read.

EngineError                     code                  retryable
|- FileRefused                  (its own, see below)  no    the file is at fault
|- DecoderFailed                decoder_failed        no    the decoder child did not survive
|  |- DecoderTimeout            page_timeout          no
|  |- DecoderOutOfMemory        page_memory           no
|  `- DecoderCrashed            decoder_crashed       no
|- DecoderDiskFull              disk_full             yes   no room for the working image
|- OutOfMemory                  out_of_memory         yes   the engine child hit its ceiling
|- EngineTimeout                engine_timeout        yes   the engine child took too long
|- EngineCrashed                engine_crashed        yes   the engine child died
|- Cancelled                    cancelled             no    the caller asked to stop
`- BundleError                  bundle_missing        no    model files are absent or altered

`retryable` says whether the same page may succeed if it is tried again. Codes are stable: they
are stored, shown, translated and answered by the API.

FileRefused carries one of REFUSAL_CODES and the figures its sentence needs.
"""

from __future__ import annotations

from typing import Any

REFUSAL_CODES = {
    "empty_file": "The file is empty.",
    "unsupported_type": (
        "This is not one of the accepted kinds (PNG, JPEG, TIFF, WebP, BMP, GIF, PDF);"
        " it looks like {looks_like}."
    ),
    "file_too_large": "The file is {size_mb} MB; the limit is {limit_mb} MB.",
    "too_many_pixels": (
        "Page {page} is {width} x {height} pixels; the limit is {limit_mp} megapixels."
        " Scan at a lower resolution or split it."
    ),
    "side_too_long": (
        "Page {page} is {width} x {height} pixels; the limit is {limit} pixels per side. Split it."
    ),
    "too_many_pages": "The file has {pages} pages; the limit is {limit}. Split it.",
    "no_page_size": "Page {page} has no usable size ({width} x {height} points).",
    "damaged": ("The file is damaged at page {page} and could not be read. Save or scan it again."),
    "suspect_blank": (
        "Page {page} holds a picture that could not be drawn; it would have come out blank."
    ),
    "encrypted": "The PDF needs a password. Remove the password and upload it again.",
    "no_pages": "The file has no pages.",
}


class EngineError(Exception):
    """Base of all errors here. `params` are the figures that the sentence of `code` needs."""

    code = "engine_error"
    retryable = False
    exit_status: int | None = None
    """Of the child that ended, as of subprocess: negative is a signal's number."""

    def __init__(self, message: str = "", **params: Any) -> None:
        super().__init__(message or self.code)
        self.params = params


class FileRefused(EngineError):
    """The file is at fault, and no amount of trying will change that."""

    def __init__(self, code: str, **params: Any) -> None:
        super().__init__(REFUSAL_CODES[code].format(**params), **params)
        self.code = code


class DecoderFailed(EngineError):
    code = "decoder_failed"


class DecoderTimeout(DecoderFailed):
    code = "page_timeout"


class DecoderOutOfMemory(DecoderFailed):
    code = "page_memory"


class DecoderCrashed(DecoderFailed):
    code = "decoder_crashed"


class DecoderDiskFull(EngineError):
    """Neither the page's fault nor the decoder's."""

    code = "disk_full"
    retryable = True


class OutOfMemory(EngineError):
    code = "out_of_memory"
    retryable = True


class EngineTimeout(EngineError):
    code = "engine_timeout"
    retryable = True


class EngineCrashed(EngineError):
    code = "engine_crashed"
    retryable = True


class Cancelled(EngineError):
    code = "cancelled"


class BundleError(EngineError):
    code = "bundle_missing"
