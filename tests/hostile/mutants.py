"""H189: whole files of every kind, damaged at random, each by its number and nothing else."""

from __future__ import annotations

import random
from functools import cache

from tests.hostile import documents
from tests.ocrengine.hostile import fax, frames, image, noise, pdf_with_fax

INTERESTING = (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f")


@cache
def seeds() -> tuple[tuple[str, bytes], ...]:
    """(kind, file): whole ones, of all seven kinds."""
    made = {
        "png": (image("PNG", (120, 80)), image("PNG", (90, 60), "P")),
        "jpeg": (image("JPEG", (160, 120)), image("JPEG", (160, 120), progressive=True)),
        "tiff": (
            frames("TIFF", 3),
            image("TIFF", (160, 120), compression="tiff_lzw"),
            image("TIFF", (160, 120), "1", compression="group4"),
        ),
        "webp": (image("WEBP", (120, 80)), image("WEBP", (60, 40), lossless=True)),
        "bmp": (image("BMP", (60, 40)),),
        "gif": (frames("GIF", 3),),
        "pdf": (
            documents.page(documents.DRAWN),
            documents.in_pdf("JPEG", "/DCTDecode"),
            pdf_with_fax(fax(noise((400, 200)).convert("1"))),
            documents.font_in_itself(),
        ),
    }
    return tuple((kind, data) for kind, files in made.items() for data in files)


def mutant(number: int, seed: int = 0) -> tuple[str, bytes]:
    """(kind of the file it was made from, what became of it)."""
    dice = random.Random(f"{seed}:{number}")
    kind, data = dice.choice(seeds())
    mutated = bytearray(data)
    for _ in range(dice.randint(1, 8)):
        _damage(mutated, dice)
    return kind, bytes(mutated)


def _damage(data: bytearray, dice: random.Random) -> None:
    at = dice.randrange(len(data) + 1)
    length = dice.choice((1, 4, 16, 64, 512))
    match dice.choice(("flip", "splice", "delete", "double", "cut")):
        case "flip" if at < len(data):
            data[at] ^= 1 << dice.randrange(8)
        case "splice":
            value = dice.choice(INTERESTING)
            data[at : at + len(value)] = value
        case "delete":
            del data[at : at + length]
        case "double":
            data[at:at] = data[at : at + length]
        case "cut" if dice.random() < 0.2:  # rarer: not much is left to be read of it
            del data[at:]
