"""What is this file really? Its first bytes decide; names and declared types are hints at best."""

from __future__ import annotations

HEAD_BYTES = 1024

MIME = {
    "png": "image/png",
    "jpeg": "image/jpeg",
    "tiff": "image/tiff",
    "webp": "image/webp",
    "bmp": "image/bmp",
    "gif": "image/gif",
    "pdf": "application/pdf",
}

_ACCEPTED = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"II+\x00", "tiff"),
    (b"MM\x00+", "tiff"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"BM", "bmp"),
)
_REFUSED = (
    (b"%!PS", "PostScript"),
    (b"\xc5\xd0\xd3\xc6", "PostScript"),
    (b"8BPS", "a Photoshop file"),
    (b"\x00\x00\x00\x0cjP", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"PK\x03\x04", "a ZIP archive or an Office file"),
    (b"\xd0\xcf\x11\xe0", "an old Office file"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"SIMPLE  =", "a FITS file"),
    (b"MZ", "a Windows program"),
    (b"\x7fELF", "a Linux program"),
    (b"DDS ", "a DDS texture"),
    (b"{\\rtf", "a rich text file"),
)
_HEIF = (b"heic", b"heix", b"mif1", b"msf1", b"avif")


def kind_of(head: bytes) -> str | None:
    """One of MIME's keys, or None. `head` is the file's first HEAD_BYTES bytes."""
    for magic, kind in _ACCEPTED:
        if head.startswith(magic):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    # Readers accept some bytes of junk before a PDF's header.
    return "pdf" if b"%PDF-" in head else None


def looks_like(head: bytes) -> str:
    """What a refused file seems to be, for its sentence."""
    for magic, name in _REFUSED:
        if head.startswith(magic):
            return name
    if head[4:8] == b"ftyp":
        return "a HEIC or AVIF photo" if head[8:12] in _HEIF else "a video"
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "a web page"
    if b"<svg" in start[:512]:
        return "an SVG drawing"
    if start.startswith(b"<?xml"):
        return "an XML file"
    return "text" if _is_text(head) else "something else"


def _is_text(head: bytes) -> bool:
    if not head or b"\x00" in head:
        return False
    try:
        # A multi-byte character may be cut at the end of the head.
        head[: max(1, len(head) - 3)].decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
