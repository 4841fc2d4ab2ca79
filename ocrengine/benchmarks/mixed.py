"""Pages as people hand them in: receipts, letters, tables, photos, screens, and a few huge ones.

Drawn in the typeface that Pillow carries, and in Chinese where the system has a typeface for it.
The same number gives the same file. What was written is known, so that a page can be said to have
been read and not only to have been answered.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Gray = NDArray[np.uint8]

_ENGLISH = """
council bridge resolved winter harbour station invoice quantity delivery account balance received
paper cartridge office meeting minutes annual report budget proposal library reader garden market
street summer schedule payment customer receipt discount service telephone number address
department manager project contract supplier material transport between through before during
without against under over because therefore however
"""
_CHINESE = """
中华人民共和国 上海市 北京路 有限公司 销售清单 商品名称 单价 数量 金额 合计 收款人 日期 联系电话
谢谢惠顾 欢迎再次光临 会议记录 年度报告 项目进度 经济发展 社会保障 科学技术 文化教育 环境保护
城市规划 交通运输 农业生产 图书馆 办公用品 打印纸 文件夹 订书机 发票号码 纳税人 开户银行
"""
_WORDS, _PHRASES = tuple(_ENGLISH.split()), tuple(_CHINESE.split())
CHINESE_SHARE = 0.4
"""Of the pages, where there is a typeface for it"""
PDF_PAGES = 5


@dataclass(frozen=True)
class Kind:
    """What is handed in, how often, and how it is spoiled."""

    name: str
    share: int
    """Of a hundred pages"""
    size: tuple[int, int]
    """Width and height in pixels"""
    letter: int
    """Height of a line of print in pixels"""
    layout: str
    finish: str
    suffix: str
    enlarged: int = 1
    """Photographs have more pixels than detail: times that many of both sides"""


KINDS = (
    Kind("receipt, photographed", 24, (640, 1900), 26, "prices", "photo", ".jpg"),
    Kind("invoice, A4 at 150 dpi", 14, (1240, 1754), 24, "table", "scan", ".jpg"),
    Kind("letter, A4 at 200 dpi", 10, (1654, 2339), 32, "letter", "clean", ".png"),
    Kind("letter, A4 at 300 dpi", 6, (2480, 3508), 46, "letter", "scan", ".jpg"),
    Kind("fax, A4 at 300 dpi", 5, (2480, 3508), 46, "table", "fax", ".tif"),
    Kind("PDF of five pages, A4 at 200 dpi", 15, (1654, 2339), 32, "letter", "scan", ".pdf"),
    Kind("page photographed, 12 megapixels", 8, (1500, 2000), 30, "letter", "photo", ".jpg", 2),
    Kind("screenshot", 8, (1920, 1080), 22, "table", "clean", ".png"),
    Kind("label", 4, (480, 160), 24, "letter", "clean", ".png"),
    Kind("small print in columns, 300 dpi", 3, (2480, 3508), 32, "columns", "scan", ".jpg"),
    Kind("scan of 24 megapixels", 2, (4000, 6000), 60, "letter", "scan", ".jpg"),
    Kind("photograph of 48 megapixels", 1, (3000, 4000), 56, "letter", "photo", ".jpg", 2),
)  # fmt: skip


@dataclass(frozen=True)
class Drawn:
    """One file, and what stands on each of its pages."""

    path: Path
    kind: str
    words: tuple[tuple[str, ...], ...]


def write_pages(folder: Path, count: int) -> list[Drawn]:
    """Files of `count` pages together, kinds mixed; those that are there already are kept."""
    han = chinese_typeface()
    drawn = []
    for number, kind in enumerate(_deal(count)):
        path = folder / f"page-{number:04}{kind.suffix}"
        rng = np.random.default_rng([7, number])
        pages = PDF_PAGES if kind.suffix == ".pdf" else 1
        sheets = [_Sheet(rng, kind, han) for _ in range(pages)]
        drawn.append(Drawn(path, kind.name, tuple(tuple(sheet.words) for sheet in sheets)))
        if not path.exists():
            _save([_spoil(sheet, rng) for sheet in sheets], path, kind)
    return drawn


def chinese_typeface() -> tuple[str, int] | None:
    """File and index of a typeface with hanzi, asked of fontconfig; None where there is none."""
    command = ["fc-match", "--format", "%{file}\t%{index}\t%{lang}", ":lang=zh-cn"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    path, index, languages = said.split("\t")
    return (path, int(index) & 0xFFFF) if "zh-cn" in languages.split("|") else None


def _deal(count: int) -> list[Kind]:
    """Files whose pages are `count`, of each kind its share, in a mixed order."""
    files: list[Kind] = []
    for kind in KINDS:
        pages = round(kind.share * count / 100)
        files += [kind] * (pages // PDF_PAGES if kind.suffix == ".pdf" else pages)
    order = np.random.default_rng(7).permutation(len(files))
    mixed = [files[i] for i in order]
    missing = count - sum(PDF_PAGES if kind.suffix == ".pdf" else 1 for kind in mixed)
    return mixed[: len(mixed) + min(0, missing)] + [KINDS[0]] * max(0, missing)


class _Sheet:
    """A page of print: black on white, and the words on it."""

    def __init__(self, rng: Generator, kind: Kind, han: tuple[str, int] | None) -> None:
        self.rng, self.kind = rng, kind
        is_chinese = han is not None and rng.random() < CHINESE_SHARE
        self.vocabulary = _PHRASES if is_chinese else _WORDS
        size = round(kind.letter * rng.uniform(0.9, 1.15))
        self.font: Font = (
            ImageFont.truetype(han[0], size, index=han[1])
            if han is not None and is_chinese
            else ImageFont.load_default(size)
        )
        self.step = round(size * 1.6)
        self.words: list[str] = []
        self.picture = Image.new("L", kind.size, 255)
        self.pen = ImageDraw.Draw(self.picture)
        margin = max(20, kind.size[0] // 14)
        {
            "letter": self._letter,
            "prices": self._prices,
            "table": self._table,
            "columns": self._columns,
        }[kind.layout](margin)

    def _rows(self, margin: int) -> Iterator[int]:
        """Tops of lines; a page is now and then not full."""
        height = self.kind.size[1]
        last = margin + (height - 2 * margin) * self.rng.uniform(0.6, 1.0)
        yield from range(margin, max(margin + 1, round(last) - self.step), self.step)

    def _write(self, x: float, y: int, text: str) -> float:
        """Where the writing ends"""
        self.pen.text((x, y), text, font=self.font, fill=0)
        self.words.append(text)
        return x + self.font.getlength(text)

    def _word(self) -> str:
        return self.vocabulary[int(self.rng.integers(len(self.vocabulary)))]

    def _line(self, left: float, right: float, y: int) -> None:
        x = left
        while True:
            word = self._word()
            if x + self.font.getlength(word) > right:
                return
            x = self._write(x, y, word) + self.step / 4

    def _letter(self, margin: int) -> None:
        for number, y in enumerate(self._rows(margin)):
            if number % 9 != 8:  # between paragraphs
                self._line(margin, self.kind.size[0] - margin, y)

    def _columns(self, margin: int) -> None:
        middle = self.kind.size[0] // 2
        for y in self._rows(margin):
            self._line(margin, middle - self.step, y)
            self._line(middle + self.step, self.kind.size[0] - margin, y)

    def _prices(self, margin: int) -> None:
        for y in self._rows(margin):
            price = f"{self.rng.integers(1, 90_000) / 100:.2f}"
            right = self.kind.size[0] - margin - self.font.getlength(price)
            self._line(margin, right - 3 * self.step, y)
            self._write(right, y, price)

    def _table(self, margin: int) -> None:
        width = self.kind.size[0] - 2 * margin
        for y in self._rows(margin):
            for column in range(4):
                text = self._word() if column < 2 else f"{self.rng.integers(100, 99_999)}"
                self._write(margin + width * column / 4, y, text)
            bottom = y + round(self.step * 0.9)
            self.pen.line((margin, bottom, margin + width, bottom), fill=170)


# --- Spoiling -------------------------------------------------------------------------------------


def _spoil(sheet: _Sheet, rng: Generator) -> Image.Image:
    kind = sheet.kind
    if kind.finish == "photo":
        picture = _photographed(sheet.picture, rng)
    elif kind.finish == "scan":
        turned = sheet.picture.rotate(
            rng.uniform(-0.7, 0.7), Image.Resampling.BICUBIC, fillcolor=255
        )
        picture = _grained(turned, rng, 5)
    else:
        picture = sheet.picture
    if kind.enlarged > 1:
        size = (picture.width * kind.enlarged, picture.height * kind.enlarged)
        picture = picture.resize(size, Image.Resampling.BICUBIC)
    if kind.finish == "fax":
        return picture.point(lambda value: 255 * (value > 128)).convert("1")
    return picture.convert("RGB")


def _photographed(picture: Image.Image, rng: Generator) -> Image.Image:
    """Seen from the side on a dark table, unevenly lit, with the grain of a small sensor."""
    width, height = picture.size
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], float)
    inward = np.array([(1, 1), (-1, 1), (-1, -1), (1, -1)])
    seen = corners + inward * rng.uniform(0.0, 0.04, (4, 2)) * min(width, height)
    matrix = _perspective(seen, corners)
    options = {"resample": Image.Resampling.BICUBIC, "fillcolor": 70}
    flat = picture.transform(picture.size, Image.Transform.PERSPECTIVE, matrix, **options)
    light = Image.fromarray(rng.integers(150, 256, (3, 3), np.uint8))
    shade = np.asarray(light.resize(picture.size, Image.Resampling.BICUBIC), np.uint16)
    lit = (np.asarray(flat, np.uint16) * shade // 255).astype(np.uint8)
    return _grained(Image.fromarray(lit), rng, 7)


def _perspective(seen: NDArray[np.float64], flat: NDArray[np.float64]) -> list[float]:
    """The eight numbers that lead from where a point is seen to where it lies on the sheet."""
    rows, values = [], []
    for (x, y), (u, v) in zip(seen, flat, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    return [float(number) for number in np.linalg.solve(np.array(rows), np.array(values))]


def _grained(picture: Image.Image, rng: Generator, strength: float) -> Image.Image:
    """Noise, the same in every square of 512 pixels."""
    tile = rng.normal(0, strength, (512, 512)).astype(np.int16)
    width, height = picture.size
    noise = np.tile(tile, (-(-height // 512), -(-width // 512)))[:height, :width]
    return Image.fromarray((np.asarray(picture) + noise).clip(0, 255).astype(np.uint8))


def _save(pages: list[Image.Image], path: Path, kind: Kind) -> None:
    """Under a name of its own first: a file that is there is whole."""
    half = path.with_name(f"half-{path.name}")
    first, *others = pages
    if kind.suffix == ".pdf":
        first.save(half, "PDF", save_all=True, append_images=others, resolution=200, quality=80)
    elif kind.suffix == ".tif":
        first.save(half, "TIFF", compression="group4")
    else:
        first.save(half, quality=85)
    half.replace(path)


def share_found(drawn: tuple[str, ...], text: str) -> float:
    """Of the words on a page, how many stand in what was read, as often as they were drawn."""
    left = "".join(text.split())
    found = 0
    for word in sorted(drawn, key=len, reverse=True):
        if word in left:
            left = left.replace(word, "\n", 1)
            found += 1
    return found / len(drawn) if drawn else 1.0


def summary(drawn: list[Drawn]) -> dict[str, int]:
    """Pages by kind"""
    counted: dict[str, int] = {}
    for file in drawn:
        counted[file.kind] = counted.get(file.kind, 0) + len(file.words)
    return counted
