"""Files that are wrong on purpose, made by code: builders that return bytes."""

import io
import random
import struct
import zlib

import pikepdf
from PIL import Image


def chunk(kind: bytes, data: bytes, crc: int | None = None, length: int | None = None) -> bytes:
    checksum = zlib.crc32(kind + data) if crc is None else crc
    size = len(data) if length is None else length
    return struct.pack(">I", size) + kind + data + struct.pack(">I", checksum)


def ihdr(width: int, height: int, depth: int = 8, colour: int = 0) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))


def png(*chunks: bytes) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks) + chunk(b"IEND", b"")


def noise(size: tuple[int, int], seed: int = 0) -> Image.Image:
    """Grey pixels that are the same each time."""
    return Image.frombytes("L", size, random.Random(seed).randbytes(size[0] * size[1]))


def image(form: str, size: tuple[int, int] = (60, 40), mode: str = "RGB", **options) -> bytes:
    """A picture with some structure, so that cutting its file costs pixels."""
    buffer = io.BytesIO()
    noise(size).convert(mode).save(buffer, form, **options)
    return buffer.getvalue()


def frames(form: str, count: int, size: tuple[int, int] = (40, 30)) -> bytes:
    pictures = [noise(size, seed).convert("RGB") for seed in range(count)]
    buffer = io.BytesIO()
    pictures[0].save(buffer, form, save_all=True, append_images=pictures[1:])
    return buffer.getvalue()


def with_jpeg_size(jpeg: bytes, width: int, height: int) -> bytes:
    """The same JPEG, claiming another size in its frame header."""
    at = jpeg.index(b"\xff\xc0")
    return jpeg[: at + 5] + struct.pack(">HH", height, width) + jpeg[at + 9 :]


def tiff(
    width: int, height: int, next_directory: int = 0, samples: int = 1, rows: int = 0
) -> bytes:
    """One small uncompressed directory; `next_directory` 8 points at itself. All strips, of
    `rows` rows each, are the same 1,024 bytes, whatever they should hold."""
    data = b"\x80" * (32 * 32)
    strips = -(-height // rows) if rows else 1
    entries = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, 1, 8),
        (259, 3, 1, 1),
        (262, 3, 1, 2 if samples == 3 else 1),
        (273, 4, strips, 0),
        (277, 3, 1, samples),
        (278, 4, 1, rows or height),
        (279, 4, strips, len(data)),
    ]
    end = 8 + 2 + len(entries) * 12 + 4
    lists = b""
    if strips > 1:
        entries[5] = (273, 4, strips, end)
        entries[8] = (279, 4, strips, end + 4 * strips)
        lists = struct.pack("<I", end + 8 * strips) * strips + struct.pack("<I", 1024) * strips
    else:
        entries[5] = (273, 4, 1, end)
    directory = struct.pack("<H", len(entries))
    directory += b"".join(struct.pack("<HHII", *entry) for entry in entries)
    directory += struct.pack("<I", next_directory)
    return b"II*\0" + struct.pack("<I", 8) + directory + lists + data


def pdf(content: bytes = b"", box: str = "0 0 200 100", extra: str = "", pages: int = 1) -> bytes:
    """A PDF whose pages all show `content`, with a correct cross-reference table."""
    kids = " ".join(f"{4 + n} 0 R" for n in range(pages))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {pages} >>".encode(),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        *[
            f"<< /Type /Page /Parent 2 0 R /MediaBox [{box}] /Contents 3 0 R {extra} >>".encode()
            for _ in range(pages)
        ],
    ]
    out, offsets = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    trailer = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
    return out + trailer % (len(objects) + 1, start)


def encrypted_pdf(user: str, owner: str) -> bytes:
    buffer = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf())) as document:
        document.save(buffer, encryption=pikepdf.Encryption(user=user, owner=owner))
    return buffer.getvalue()


def pdf_with_image(
    data: bytes,
    filter_name: str,
    width: int = 400,
    height: int = 200,
    content: bytes = b"q 200 0 0 100 0 0 cm /Im Do Q",
    **more: object,
) -> bytes:
    """One page of 200 x 100 points that shows an image, whatever its bytes are worth."""
    buffer = io.BytesIO()
    with pikepdf.new() as document:
        page = document.add_blank_page(page_size=(200, 100))
        picture = pikepdf.Stream(document, data)
        entries = {
            "Type": pikepdf.Name.XObject,
            "Subtype": pikepdf.Name.Image,
            "Width": width,
            "Height": height,
            "ColorSpace": pikepdf.Name.DeviceRGB,
            "BitsPerComponent": 8,
            "Filter": pikepdf.Name(filter_name),
            **more,
        }
        picture.update({f"/{name}": value for name, value in entries.items()})
        page.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Im=picture))
        page.Contents = pikepdf.Stream(document, content)
        document.save(buffer)
    return buffer.getvalue()


def pdf_with_fax(data: bytes, width: int = 400, height: int = 200) -> bytes:
    parameters = pikepdf.Dictionary(K=-1, Columns=width, Rows=height)
    grey = {"ColorSpace": pikepdf.Name.DeviceGray, "BitsPerComponent": 1}
    return pdf_with_image(data, "/CCITTFaxDecode", width, height, DecodeParms=parameters, **grey)


def fax(picture: Image.Image) -> bytes:
    """Its G4 data alone."""
    buffer = io.BytesIO()
    picture.save(buffer, "TIFF", compression="group4", strip_size=2**30)
    tags = Image.open(buffer).tag_v2
    return buffer.getvalue()[tags[273][0] :][: tags[279][0]]
