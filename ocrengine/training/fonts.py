"""Free fonts installed on this system, asked of fontconfig: which face can draw which characters.

A face may draw only what its own table covers, or a label would name a letter that is an empty
box in the picture.
"""

from __future__ import annotations

import re
import subprocess
import zlib
from dataclasses import dataclass, field
from functools import cache, cached_property

from ocrengine.errors import BundleError
from ocrengine.training.characters import build_charset

PACKAGES = (
    "fontconfig fonts-noto-core fonts-noto-mono fonts-noto-cjk fonts-noto-cjk-extra"
    " fonts-wqy-microhei fonts-wqy-zenhei fonts-arphic-uming fonts-arphic-ukai"
    " fonts-arphic-gbsn00lp fonts-arphic-gkai00mp fonts-arphic-bsmi00lp fonts-arphic-bkai00mp"
    " fonts-lxgw-wenkai fonts-cwtex-ming fonts-cwtex-kai fonts-cwtex-fs fonts-cwtex-heib"
    " fonts-dejavu fonts-liberation fonts-freefont-ttf fonts-urw-base35 fonts-texgyre"
    " fonts-lmodern fonts-lato fonts-roboto-slab fonts-open-sans fonts-inconsolata fonts-hack"
    " fonts-firacode fonts-crosextra-carlito fonts-crosextra-caladea fonts-linuxlibertine"
    " fonts-ebgaramond fonts-quicksand fonts-comfortaa fonts-sil-gentium fonts-sil-charis"
    " fonts-ocr-a fonts-cantarell fonts-anonymous-pro fonts-courier-prime fonts-jetbrains-mono"
    " fonts-croscore fonts-mononoki fonts-3270 fonts-averia-sans-gwf fonts-averia-serif-gwf"
    " fonts-prociono fonts-sil-andika fonts-league-spartan fonts-go fonts-stix fonts-inter"
)
"""Debian packages that training uses; whatever else is installed is used as well."""

# Faces whose small letters look like capitals, symbols, toys, and scripts that are not ours.
_UNFIT = re.compile(
    r"Caps|Smallcaps|Math|Symbol|Dingbat|Emoji|Initials|Keyboard|Dunhill|Bebas|D050000L|STIXSize"
    r"|STIXInt|STIXVar|STIXNon|OpenSymbol|Quotation|Music|Z003|Chorus|Icons|Looped|Rashi"
)
_NOTO_OF_OURS = re.compile(r"^Noto (Sans|Serif|Sans Mono|Mono|Sans Display|Serif Display)$")
_NOTO_CJK = re.compile(r"^Noto (Sans|Serif) CJK (SC|TC)$")
HELD_OUT_HAN = {"WenQuanYi Micro Hei", "WenQuanYi Micro Hei Mono", "AR PL KaitiM Big5"}
_LATIN = range(0x21, 0x7F)


@cache
def _known() -> frozenset[int]:
    return frozenset(map(ord, build_charset().characters))


@dataclass(frozen=True)
class Face:
    path: str
    index: int
    family: str
    style: str
    ranges: tuple[tuple[int, int], ...] = field(repr=False, compare=False)

    @cached_property
    def covers(self) -> frozenset[int]:
        """Code points of our charset that the face can draw."""
        known = _known()
        spans = (range(first, last + 1) for first, last in self.ranges)
        return frozenset(code for span in spans for code in span if code in known)

    def can_draw(self, text: str) -> bool:
        return all(ord(character) in self.covers for character in text if character != " ")

    @property
    def is_han(self) -> bool:
        return all(ord(character) in self.covers for character in "一中年月日")

    @property
    def has_pixels(self) -> bool:
        """Whether small sizes are not outlines but bitmaps, as on a screen of twenty years ago."""
        return self.family.startswith("AR PL UMing")

    @property
    def is_held_out(self) -> bool:
        """Never trained with, only scored with: one Latin family in eight, and named Han ones."""
        if self.is_han:
            return self.family in HELD_OUT_HAN
        return zlib.crc32(self.family.encode()) % 8 == 0


def installed_faces() -> list[Face]:
    """Every fit face, in an order that does not depend on the disk."""
    asked = "%{file}\t%{index}\t%{family[0]}\t%{style[0]}\t%{charset}\n"
    try:
        done = subprocess.run(
            ["fc-list", "--format", asked], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise BundleError(f"fontconfig does not answer; install {PACKAGES}") from error
    rows = sorted(set(done.stdout.splitlines()))
    faces = [face for face in map(_face, rows) if face is not None and _is_fit(face)]
    if not any(face.is_han for face in faces):
        raise BundleError(f"no Chinese font is installed; training uses {PACKAGES}")
    return faces


def _face(row: str) -> Face | None:
    path, index, family, style, charset = row.split("\t")
    # Higher bits name an instance of a variable font; the file's default is enough.
    if int(index) > 0xFFFF or not path.lower().endswith((".ttf", ".otf", ".ttc", ".pfb")):
        return None
    spans = [span.split("-") for span in charset.split()]
    ranges = tuple((int(span[0], 16), int(span[-1], 16)) for span in spans)
    return Face(path, int(index), family, style, ranges)


def _is_fit(face: Face) -> bool:
    name = f"{face.family} {face.style}"
    if _UNFIT.search(name) or not all(code in face.covers for code in _LATIN):
        return False
    if face.family.startswith("Noto "):
        return bool(_NOTO_OF_OURS.match(face.family) or _NOTO_CJK.match(face.family))
    return True
