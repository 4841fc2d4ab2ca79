"""H69 to H113: PDFs."""

from __future__ import annotations

import io
import random
import zlib
from collections.abc import Sequence

import pikepdf
from PIL import Image

from tests.hostile.judge import Item
from tests.hostile.pictures import black, cut, repeated, zeros
from tests.ocrengine.hostile import encrypted_pdf, image, pdf, pdf_with_image

DRAWN = b"0 0 10 10 re f " * 50
CRASHES = "page_memory|page_timeout|decoder_crashed"
BOUNDED = f"ok|damaged|partial|suspect_blank|{CRASHES}"
REPAIRED = "pdfium looks for the objects itself, and finds them"


def objects(bodies: Sequence[bytes], trailer: bytes = b"") -> bytes:
    """A PDF of numbered objects, the first its catalogue, with a correct cross-reference table."""
    out, offsets = [b"%PDF-1.7\n"], []
    at = len(out[0])
    for number, body in enumerate(bodies, start=1):
        offsets.append(at)
        out.append(b"%d 0 obj\n%s\nendobj\n" % (number, body))
        at += len(out[-1])
    out.append(b"xref\n0 %d\n0000000000 65535 f \n" % (len(bodies) + 1))
    out.extend(b"%010d 00000 n \n" % offset for offset in offsets)
    closing = b"trailer\n<< /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n"
    return b"".join(out) + closing % (len(bodies) + 1, trailer, at)


def stream(data: bytes, entries: bytes = b"") -> bytes:
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(data), entries, data)


def page(
    content: bytes,
    resources: bytes = b"",
    *more: bytes,
    box: bytes = b"0 0 200 100",
    extra: bytes = b"",
    content_entries: bytes = b"",
    catalogue: bytes = b"",
) -> bytes:
    """One page; `more` are objects 5, 6 and so on."""
    return objects(
        [
            b"<< /Type /Catalog /Pages 2 0 R %s >>" % catalogue,
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [%s] /Contents 4 0 R /Resources << %s >> %s >>"
            % (box, resources, extra),
            stream(content, content_entries),
            *more,
        ]
    )


def tree(kids: bytes, count: int) -> bytes:
    return objects(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, count),
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 100] /Contents 4 0 R >>",
            stream(DRAWN),
        ]
    )


def form(content: bytes, resources: bytes = b"") -> bytes:
    entries = b"/Type /XObject /Subtype /Form /BBox [0 0 200 100] /Resources << %s >>" % resources
    return stream(content, entries)


def many_kids(count: int) -> bytes:
    kids = b" ".join(b"%d 0 R" % (3 + n) for n in range(count))
    leaf = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] >>"
    root = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, count)
    return objects([b"<< /Type /Catalog /Pages 2 0 R >>", root, *[leaf] * count])


def without_table() -> bytes:
    data = pdf(DRAWN)
    return data[: data.index(b"xref\n")]


def noisy() -> bytes:
    """Two bytes of a hundred changed."""
    data, dice = bytearray(pdf(DRAWN * 20)), random.Random(72)
    for _ in range(len(data) // 50):
        data[dice.randrange(len(data))] = dice.randrange(256)
    return bytes(data)


def table_loop() -> bytes:
    data = pdf(DRAWN)
    at = int(data.rsplit(b"startxref\n", 1)[1].split()[0])
    return data.replace(b"/Root 1 0 R", b"/Root 1 0 R /Prev %d" % at)


def twice_deflated() -> bytes:
    """2 KB that unpack to 1 GiB."""
    return page(
        zlib.compress(zeros(2**30), 9), content_entries=b"/Filter [/FlateDecode /FlateDecode]"
    )


def nested_forms(levels: int = 9, calls: int = 10) -> bytes:
    forms = [
        form(b"/F Do " * calls, b"/XObject << /F %d 0 R >>" % (6 + level))
        for level in range(levels)
    ]
    return page(b"/F Do", b"/XObject << /F 5 0 R >>", *forms, form(b"0 0 1 1 re f"))


def form_in_itself() -> bytes:
    own = form(b"0 0 40 40 re f /F Do", b"/XObject << /F 5 0 R >>")
    return page(b"/F Do", b"/XObject << /F 5 0 R >>", own)


def mask_in_itself() -> bytes:
    state = b"/ExtGState << /G 6 0 R >>"
    own = stream(
        b"/G gs 0 0 40 40 re f",
        b"/Type /XObject /Subtype /Form /BBox [0 0 200 100] /Group << /S /Transparency /CS"
        b" /DeviceGray >> /Resources << %s >>" % state,
    )
    gs = b"<< /Type /ExtGState /SMask << /S /Luminosity /G 5 0 R >> >>"
    return page(b"/G gs 0 0 90 90 re f", state, own, gs)


def deflated(content: bytes, box: bytes = b"0 0 200 100") -> bytes:
    return page(content, box=box, content_entries=b"/Filter /FlateDecode")


def tiled() -> bytes:
    pattern = stream(
        b"0 0 .01 .01 re f",
        b"/PatternType 1 /PaintType 1 /TilingType 1 /BBox [0 0 .02 .02] /XStep .02 /YStep .02"
        b" /Resources << >>",
    )
    content = b"/Pattern cs /P scn 0 0 3000 3000 re f"
    return page(content, b"/Pattern << /P 5 0 R >>", pattern, box=b"0 0 3000 3000")


def annotated(count: int) -> bytes:
    note = b"<< /Type /Annot /Subtype /Square /Rect [1 1 9 9] /C [1 0 0] >>"
    kids = b" ".join([note] * count)
    return page(DRAWN, extra=b"/Annots [%s]" % kids)


def huge_image(side: int, bits: int, space: str) -> bytes:
    """One large picture with dark and light stripes."""
    samples = 3 if space == "DeviceRGB" else 1
    rows = side * bits * samples // 8 * 500
    data = repeated(bytes(rows) + b"\xff" * rows, side // 1000)
    colours = {"ColorSpace": pikepdf.Name(f"/{space}"), "BitsPerComponent": bits}
    return pdf_with_image(data, "/FlateDecode", side, side, **colours)


def in_pdf(form_name: str, filter_name: str, share: float = 1.0) -> bytes:
    return pdf_with_image(cut(image(form_name, (400, 200)), share), filter_name)


def acting(target: bytes = b"http://127.0.0.1:9/") -> bytes:
    script = b'<< /S /JavaScript /JS (app.launchURL\\("%s"\\)) >>' % target
    launch = b"<< /S /Launch /F (/bin/sh) >>"
    uri = b"<< /S /URI /URI (%s) >>" % target
    link = b"<< /Type /Annot /Subtype /Link /Rect [0 0 90 90] /A %s >>" % uri
    return page(
        DRAWN,
        extra=b"/AA << /O %s >> /Annots [%s]" % (launch, link),
        catalogue=b"/OpenAction %s" % script,
    )


def xfa() -> bytes:
    packet = b"<xdp><template><script>xfa.host.gotoURL('http://127.0.0.1:9/')</script></template>"
    return page(DRAWN, b"", stream(packet), catalogue=b"/AcroForm << /XFA 5 0 R /Fields [] >>")


def with_program() -> bytes:
    buffer = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf(DRAWN))) as document:
        document.attachments["run.exe"] = b"MZ evil"
        document.save(buffer)
    return buffer.getvalue()


def updated(times: int) -> bytes:
    data = pdf(DRAWN)
    root = b"<< /Type /Catalog /Pages 2 0 R >>"
    before = int(data.rsplit(b"startxref\n", 1)[1].split()[0])
    pieces, at = [data], len(data)
    for _ in range(times):
        body = b"1 0 obj\n%s\nendobj\n" % root
        table = b"xref\n1 1\n%010d 00000 n \n" % at
        table += b"trailer\n<< /Size 5 /Root 1 0 R /Prev %d >>\n" % before
        before = at + len(body)
        pieces.append(body + table + b"startxref\n%d\n%%%%EOF\n" % before)
        at += len(pieces[-1])
    return b"".join(pieces)


def many_in_a_stream(count: int) -> bytes:
    buffer = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf(DRAWN))) as document:
        document.Root.Many = pikepdf.Array(
            [document.make_indirect(pikepdf.Dictionary(N=n)) for n in range(count)]
        )
        document.save(buffer, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    return buffer.getvalue()


def jbig2_symbols() -> bytes:
    """A symbol dictionary that claims 2^32-1 new symbols, and a page of 4 x 10^9 rows."""
    page_info = bytes.fromhex(
        "000000003000010000001300000190ffffffff00000000000000000000000000"[:60]
    )
    symbols = bytes.fromhex("0000000100000100000018") + bytes.fromhex(
        "000003fffdff02fefefeffffffffffffffff0000000000000000"
    )
    grey = {"ColorSpace": pikepdf.Name.DeviceGray, "BitsPerComponent": 1}
    return pdf_with_image(page_info + symbols, "/JBIG2Decode", **grey)


def font_in_itself() -> bytes:
    """A Type 3 font whose glyph shows text in that same font."""
    font = (
        b"<< /Type /Font /Subtype /Type3 /FontBBox [0 0 9 9] /FontMatrix [1 0 0 1 0 0] "
        b"/FirstChar 65 /LastChar 65 /Widths [9] /Encoding << /Differences [65 /a] >>"
        b" /CharProcs << /a 6 0 R >> /Resources << /Font << /T 5 0 R >> >> >>"
    )
    glyph = stream(b"9 0 d0 0 0 5 5 re f BT /T 1 Tf (AAAA) Tj ET")
    return page(b"BT /T 1 Tf 9 9 Td (AA) Tj ET", b"/Font << /T 5 0 R >>", font, glyph)


def patches(count: int) -> bytes:
    """A Coons patch mesh of a million patches, which are all the same."""
    one = b"\0" + b"".join(
        bytes([x, y])
        for x, y in [
            (0, 0),
            (0, 80),
            (0, 160),
            (0, 255),
            (80, 255),
            (160, 255),
            (255, 255),
            (255, 160),
            (255, 80),
            (255, 0),
            (160, 0),
            (80, 0),
        ]
    )
    one += bytes([0, 85, 170, 255])
    mesh = stream(
        zlib.compress(one * count, 9),
        b"/Filter /FlateDecode /ShadingType 6 /ColorSpace /DeviceGray /BitsPerCoordinate 8"
        b" /BitsPerComponent 8 /BitsPerFlag 8 /Decode [0 200 0 100 0 1]",
    )
    return page(b"/S sh", b"/Shading << /S 5 0 R >>", mesh)


def fonts(count: int) -> bytes:
    names = b" ".join(b"/F%d %d 0 R" % (n, 5 + n) for n in range(count))
    bodies = [b"<< /Type /Font /Subtype /Type1 /BaseFont /Font%d >>" % n for n in range(count)]
    text = b"BT " + b" ".join(b"/F%d 9 Tf (a) Tj" % n for n in range(count)) + b" ET"
    return page(text, b"/Font << %s >>" % names, *bodies)


def legal_strip() -> bytes:
    strip = Image.new("L", (30_000, 2600), 255)
    strip.paste(0, (100, 100, 29_000, 200))
    buffer = io.BytesIO()
    strip.save(buffer, "PNG")
    return buffer.getvalue()


ITEMS = (
    Item("H69", "a header alone", lambda: b"%PDF-1.7\n", "damaged"),
    Item("H70", "cut at 300 bytes", lambda: pdf(DRAWN)[:300], "damaged"),
    Item("H71", "no table", without_table, "ok|damaged", why=REPAIRED),
    Item("H72", "two bytes of a hundred changed", noisy, "ok|damaged|no_page_size", why=REPAIRED),
    Item("H73", "900 bytes of junk first", lambda: b"x" * 900 + pdf(DRAWN), "ok", drawn=True),
    Item("H74", "no pages", lambda: pdf(pages=0), "no_pages|damaged"),
    Item("H75", "a tree that holds itself", lambda: tree(b"2 0 R", 1), "ok|damaged|no_pages"),
    Item("H76", "a table that points at itself", table_loop, "ok|damaged"),
    Item("H77", "2 x 10^9 pages claimed", lambda: tree(b"3 0 R", 2_000_000_000),
         "ok|damaged|too_many_pages", why="pdfium believes some of it; none costs anything"),
    Item("H78", "500,000 pages claimed", lambda: tree(b"3 0 R", 500_000), "too_many_pages|damaged"),
    Item("H79", "100,000 pages", lambda: many_kids(100_000), "too_many_pages"),
    Item("H80", "a page of 10^9 points", lambda: pdf(box="0 0 1000000000 1000000000"),
         "no_page_size"),
    Item("H81", "a page of 14,400 points", lambda: pdf(box="0 0 14400 14400"), "ok|no_page_size",
         why="at 80 megapixels it has 45 pixels an inch, which is more than the 36 asked for"),
    Item("H82", "a page of nothing", lambda: pdf(DRAWN, box="0 0 0 0"), "ok"),
    Item("H83", "corners the other way round", lambda: pdf(DRAWN, box="200 100 0 0"), "ok"),
    Item("H84", "a page without height", lambda: pdf(box="0 0 14400 .001"), "no_page_size"),
    Item("H85", "a unit of 75,000", lambda: pdf(DRAWN, extra="/UserUnit 75000"),
         "ok|no_page_size"),
    Item("H86", "turned by 45", lambda: pdf(DRAWN, extra="/Rotate 45"), "ok"),
    Item("H87", "1 GiB in 2 KB", twice_deflated, f"ok|{CRASHES}"),
    Item("H88", "forms of forms", nested_forms, CRASHES, hungry=True),
    Item("H89", "a form that draws itself", form_in_itself, "ok"),
    Item("H90", "a mask that masks itself", mask_in_itself, "ok"),
    Item("H91", "5 million strokes",
         lambda: deflated(repeated(b"0 0 m 200 100 l S " * 5000, 1000)), f"ok|{CRASHES}",
         hungry=True),
    Item("H92", "a million saved states",
         lambda: deflated(zlib.compress(b"q " * 1_000_000 + DRAWN)), "ok"),
    Item("H93", "tiles of .02 points", tiled, f"ok|{CRASHES}", hungry=True),
    Item("H94", "100,000 annotations", lambda: annotated(100_000), f"ok|{CRASHES}", hungry=True),
    Item("H95", "200,000 nested arrays", lambda: page(b"[" * 200_000 + b"]" * 200_000 + DRAWN),
         "ok"),
    Item("H96", "30,000 squared, one bit", lambda: huge_image(30_000, 1, "DeviceGray"),
         "ok|page_memory", drawn=True),
    Item("H97", "20,000 squared, colour", lambda: huge_image(20_000, 8, "DeviceRGB"),
         "partial|page_memory", drawn=True,
         why="pdfium unpacks 1 GiB of an image, and leaves the rest of it black"),
    Item("H98", "JPEG 2000 in a PDF", lambda: in_pdf("JPEG2000", "/JPXDecode"), "ok", drawn=True),
    Item("H99", "a cut JPEG in a PDF", lambda: in_pdf("JPEG", "/DCTDecode", 0.5), "partial"),
    Item("H100", "a lost JPEG in a PDF", lambda: pdf_with_image(b"\xff\xd8\xff no", "/DCTDecode"),
         "suspect_blank"),
    Item("H101", "scripts, programs and links", acting, "ok"),
    Item("H103", "a form with a script", xfa, "ok"),
    Item("H104", "a password", lambda: encrypted_pdf("secret", "owner"), "encrypted"),
    Item("H105", "an owner's password", lambda: encrypted_pdf("", "owner"), "ok"),
    Item("H106", "a program attached", with_program, "ok", absent=(b"MZ evil",)),
    Item("H107", "1,000 updates", lambda: updated(1000), "ok"),
    Item("H108", "200,000 objects in streams", lambda: many_in_a_stream(200_000), "ok"),
    Item("H109", "a PNG before the PDF", lambda: image("PNG") + pdf(DRAWN), "ok"),
    Item("H110", "a strip of 30,000 x 2,600", legal_strip, "ok", drawn=True),
    Item("H111", "one pixel", lambda: black(1, 1, 8, 0, 8), "ok"),
    Item("H112", "a clean PDF", lambda: pdf(DRAWN), "ok", drawn=True),
    Item("H113a", "JBIG2 of 2^32 symbols", jbig2_symbols, "suspect_blank|page_memory"),
    Item("H113b", "a font drawn in itself", font_in_itself, "ok"),
    Item("H113c", "a million patches", lambda: patches(1_000_000), BOUNDED, hungry=True),
    Item("H113d", "10,000 fonts", lambda: fonts(10_000), BOUNDED, hungry=True),
)  # fmt: skip
