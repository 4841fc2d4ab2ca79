"""What lines say: words, sentences, amounts, dates, addresses, and hanzi nobody ever wrote.

Word lists and sentences come from Debian packages installed where training runs; none of them is
part of this repository. A fiftieth of the sentences is held out for scoring.
"""

from __future__ import annotations

import gzip
import re
import string
import unicodedata
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from ocrengine.errors import BundleError
from ocrengine.training.chance import choose
from ocrengine.training.characters import big5_level_one, build_charset, gb2312, is_hanzi

PACKAGES = (
    "wamerican wbritish miscfiles fortunes fortunes-zh python3-jieba rime-essay"
    " debian-reference-zh-cn debian-reference-zh-tw debian-faq-zh-cn manpages-zh debian-handbook"
    " installation-guide-amd64 libreoffice-help-zh-cn libreoffice-help-zh-tw"
)
_SHARE = Path("/usr/share")
_WORDS = ("dict/american-english", "dict/british-english")
_ENGLISH = (
    "games/fortunes/*.u8", "doc/debian-handbook/html/en-US/*.html",
    "doc/installation-guide-*/en/*.html",
)  # fmt: skip
_CHINESE = (
    "games/fortunes/*chinese*", "games/fortunes/*tang*", "games/fortunes/*song*",
    "doc/**/*.zh-cn.txt*", "doc/**/*.zh-tw.txt*", "doc/**/*zh_CN*.txt*", "man/zh_*/man*/*.gz",
    "doc/debian-reference-*/**/*.zh-*.html", "debian-reference/*.zh-*.html",
    "doc/debian-handbook/html/zh-*/*.html", "doc/installation-guide-*/zh_*/*.html",
    "libreoffice/help/zh-*/text/**/*.html",
)  # fmt: skip
_JIEBA = Path("/usr/lib/python3/dist-packages/jieba/dict.txt")
_ESSAY = _SHARE / "rime-data/essay.txt"
_MARKUP = re.compile(r"<[^>]*>|\\f[A-Z(]\w?|\\[-&e]|^\s*[.'\\].*$|&\w+;|\x1b\[[\d;]*m", re.M)
HELD_OUT_SHARE = 50
FLATTENED = 0.6
"""Power of a word's frequency that it is drawn with"""

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_LABELS_EN = [
    "TOTAL", "SUBTOTAL", "CASH", "CHANGE", "TAX INVOICE", "INVOICE NO", "RECEIPT", "DATE", "TIME",
    "QTY", "AMOUNT", "PRICE", "ITEM", "TEL", "FAX", "THANK YOU", "ROUNDING", "DISCOUNT", "BALANCE",
    "PAGE", "NAME", "ADDRESS", "SIGNATURE", "CASHIER", "TABLE", "BILL", "GST", "VAT", "REF",
    "ACCOUNT", "NO.", "DESCRIPTION", "UNIT PRICE", "PAYMENT", "CARD", "MEMBER", "ORDER", "CUSTOMER",
    "COMPANY", "REG NO",
]  # fmt: skip
_SIMPLIFIED = [
    "合计", "小计", "找零", "现金", "金额", "数量", "发票", "电话", "地址", "日期", "时间", "总计",
    "总额", "应付", "服务费", "单价", "品名", "编号", "姓名", "身份证", "银行", "账号", "开户行",
    "税率", "税额", "备注", "收款人", "经手人", "公司", "有限公司", "收据", "合同", "项目", "类型",
]  # fmt: skip
_TRADITIONAL = [
    "合計", "小計", "找續", "現金", "金額", "數量", "發票", "電話", "地址", "日期", "時間", "總計",
    "總額", "應付", "服務費", "單價", "品名", "編號", "姓名", "身份證", "銀行", "帳號", "稅額",
    "備註", "收款人", "經手人", "公司", "有限公司", "收據", "餐廳", "多謝惠顧", "歡迎光臨",
    "總店", "分店", "枱號", "人數",
]  # fmt: skip
_COUNTED = list("份年月日元步次人件位斤盒包本卷章分秒米行天口回句股期班")
"""Words after a number that both scripts write alike"""


@dataclass(frozen=True)
class Script:
    """Simplified or traditional Chinese: a line hardly ever mixes them, which a reader learns."""

    labels: list[str]
    words: list[str]
    odds: np.ndarray
    """Of each of the words: its frequency, flattened so that rare ones are seen."""
    hanzi: list[str]

    @cached_property
    def ladder(self) -> np.ndarray:
        return np.cumsum(self.odds)


@dataclass(frozen=True)
class Corpus:
    """Everything that lines are cut from."""

    words: list[str]
    english: list[str]
    chinese: list[str]
    scripts: list[Script]


def load_corpus(held_out: bool = False) -> Corpus:
    """The text to train on, or the part that is only scored with."""
    charset = build_charset()
    known = set(charset.characters)
    words = [w for w in _lines(_SHARE, _WORDS) if w and set(w) <= known]
    english = _sentences(_ENGLISH, known, held_out)
    chinese = [s for s in _sentences(_CHINESE, known, held_out) if any(map(is_hanzi, s))]
    scripts = [
        _script(path, separator, labels, hanzi, known)
        for path, separator, labels, hanzi in (
            (_JIEBA, " ", _SIMPLIFIED, gb2312()),
            (_ESSAY, "\t", _TRADITIONAL, big5_level_one()),
        )
        if path.exists()
    ]
    if not (words and english and scripts):
        raise BundleError(f"text to render is missing; install {PACKAGES}")
    return Corpus(words, english, chinese, scripts)


def _script(
    path: Path, separator: str, labels: list[str], hanzi: list[str], known: set[str]
) -> Script:
    """A script's words and their odds from a list of word, separator, frequency."""
    rows = [line.split(separator) for line in path.read_text("utf-8").splitlines()]
    scored = {r[0]: float(r[1]) for r in rows if len(r) > 1 and is_number(r[1])}
    scale = 1e7 / sum(scored.values())
    kept = {word: f for word, f in scored.items() if len(word) <= 8 and set(word) <= known}
    odds = (np.array(list(kept.values())) * scale + 1) ** FLATTENED
    return Script(labels, list(kept), odds, hanzi)


def _lines(folder: Path, patterns: tuple[str, ...]) -> Iterator[str]:
    for path in sorted({path for pattern in patterns for path in folder.glob(pattern)}):
        if path.suffix == ".dat" or not path.is_file():
            continue
        raw = path.read_bytes()
        content = gzip.decompress(raw) if path.suffix == ".gz" else raw
        yield from _MARKUP.sub("", content.decode("utf-8", "ignore")).splitlines()


def _sentences(patterns: tuple[str, ...], known: set[str], held_out: bool) -> list[str]:
    found = []
    for line in _lines(_SHARE, patterns):
        text = " ".join(unify(line).split())
        kept = "".join(c for c in text if c in known)
        chosen = (zlib.crc32(kept.encode()) % HELD_OUT_SHARE == 0) == held_out
        if len(kept) > 3 and len(kept) > 0.9 * len(text) and chosen:
            found.append(kept)
    return list(dict.fromkeys(found))


def is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()


def unify(text: str) -> str:
    """Full-width letters and digits as ASCII; punctuation keeps its width, which one can see."""
    composed = unicodedata.normalize("NFC", text).replace("\u3000", " ")
    return "".join(
        chr(ord(c) - 0xFEE0) if "０" <= c <= "９" or "Ａ" <= c <= "Ｚ" or "ａ" <= c <= "ｚ" else c
        for c in composed
    )


class TextSource:
    """Draws lines of text. The same seed draws the same lines."""

    def __init__(self, corpus: Corpus, rng: np.random.Generator) -> None:
        self.corpus, self.rng = corpus, rng
        self._script = corpus.scripts[0]
        self._english: list[tuple[Callable[[], str], float]] = [
            (self._sentence, 0.34), (self._words, 0.26), (self._amount, 0.1), (self._date, 0.06),
            (self._code, 0.08), (self._contact, 0.05), (self._label, 0.09), (self._noise, 0.02),
        ]  # fmt: skip
        self._chinese: list[tuple[Callable[[], str], float]] = [
            (self._chinese_sentence, 0.34), (self._hanzi_words, 0.31), (self._any_hanzi, 0.15),
            (self._mixed, 0.13), (self._counted, 0.07),
        ]  # fmt: skip

    def line(self, chinese: bool, longest: int) -> str:
        """One line of at most `longest` characters, without blanks at its ends."""
        kinds = self._chinese if chinese else self._english
        self._script = self.corpus.scripts[int(self.rng.integers(len(self.corpus.scripts)))]
        text = ""
        while not text:
            text = self._cut(choose(self.rng, kinds)(), longest)
        return text

    def running_text(self, chinese: bool) -> str:
        return self._chinese_sentence() if chinese else self._pick(self.corpus.english)

    def _pick(self, items: list[str]) -> str:
        return items[int(self.rng.integers(len(items)))]

    def _cut(self, text: str, longest: int) -> str:
        """A stretch of the text; English is cut between words."""
        if len(text) > longest:
            start = int(self.rng.integers(len(text) - longest + 1))
            if start and not is_hanzi(text[start]):
                start = text.find(" ", start) + 1 or start
            text = text[start : start + longest]
            if " " in text[1:] and not any(map(is_hanzi, text)):
                text = text[: text.rfind(" ")]
        return " ".join(text.split())

    def _cased(self, text: str) -> str:
        roll = self.rng.random()
        if roll < 0.3:
            return text.upper()
        return text.title() if roll < 0.42 else text

    def _sentence(self) -> str:
        return self._cased(self._pick(self.corpus.english))

    def _words(self) -> str:
        count = int(self.rng.integers(1, 7))
        return self._cased(" ".join(self._pick(self.corpus.words) for _ in range(count)))

    def _label(self) -> str:
        label = self._pick(_LABELS_EN)
        label = label if self.rng.random() < 0.6 else label.title()
        tail = self._pick(
            ["", ":", " :", ": " + self._amount(), " " + self._code(), " " + self._date()]
        )
        return label + tail

    def _digits(self, count: int) -> str:
        return "".join(map(str, self.rng.integers(0, 10, count)))

    def _amount(self) -> str:
        value = float(np.exp(self.rng.uniform(-1, 11)))
        sign = self._pick(
            ["", "", "", "$", "RM", "RM ", "USD ", "HK$", "€", "£", "¥", "-", "*", "S$"]
        )
        figures = [f"{value:.2f}", f"{value:,.2f}", f"{value:.0f}", f"{value:,.0f}"]
        tails = ["", "", "", "", "%", " SR", " T", " x " + self._digits(1), "-", " KG"]
        return sign + self._pick(figures) + self._pick(tails)

    def _date(self) -> str:
        rng = self.rng
        y, m, d = int(rng.integers(1970, 2031)), int(rng.integers(1, 13)), int(rng.integers(1, 29))
        month = _MONTHS[m - 1]
        clock = f"{int(rng.integers(24)):02d}:{int(rng.integers(60)):02d}"
        date = self._pick([
            f"{d:02d}/{m:02d}/{y}", f"{y}-{m:02d}-{d:02d}", f"{d:02d}-{m:02d}-{y % 100:02d}",
            f"{month.title()} {d}, {y}", f"{d} {month} {y}", f"{m}/{d}/{y % 100:02d}",
            f"{d:02d}.{m:02d}.{y}", f"{d:02d}/{month}/{y}",
        ])  # fmt: skip
        timed = [f"{date} {clock}", f"{clock}:{self._digits(2)}", f"{clock} PM"]
        return self._pick([date, date, *timed])

    def _code(self) -> str:
        count = int(self.rng.integers(0, 5))
        letters = "".join(self._pick(list(string.ascii_uppercase)) for _ in range(count))
        digits = self._digits(int(self.rng.integers(1, 14)))
        code = self._pick([
            letters + digits, f"{letters}-{digits}", f"#{digits}", f"({letters}{digits})", digits,
            f"{digits}-{self._digits(3)}", f"{letters}/{digits}",
            f"{digits[:6]}{self._pick(['*', 'X', 'x']) * int(self.rng.integers(3, 9))}{digits[:4]}",
        ])  # fmt: skip
        return code if self.rng.random() < 0.85 else code.lower()

    def _contact(self) -> str:
        word = self._pick(self.corpus.words).lower()
        other = self._pick(self.corpus.words).lower()
        number = self._digits(int(self.rng.integers(6, 11)))
        return self._pick([
            f"{word}@{other}.com", f"www.{word}{other}.com", f"http://{word}.org/{other}",
            f"TEL: {number[:3]}-{number[3:]}", f"+{number[:2]} {number[2:5]} {number[5:]}",
            f"({number[:3]}) {number[3:]}", f"{number[:5]} {word.title()} {other.title()}",
            f"NO. {number[:3]}, JALAN {word.upper()} {number[3]}/{number[4]}",
        ])  # fmt: skip

    def _noise(self) -> str:
        printable = [chr(code) for code in range(33, 127)]
        return "".join(self._pick(printable) for _ in range(int(self.rng.integers(1, 12))))

    def _chinese_sentence(self) -> str:
        return self._pick(self.corpus.chinese or self._script.words)

    def _word(self) -> str:
        ladder = self._script.ladder
        return self._script.words[int(np.searchsorted(ladder, self.rng.random() * ladder[-1]))]

    def _hanzi_words(self) -> str:
        parts = []
        for _ in range(int(self.rng.integers(1, 9))):
            parts.append(self._word())
            if self.rng.random() < 0.2:
                parts.append(self._pick(list("，。、；：？！“”（）《》「」·…—/ ,.:;!?()")))
        return "".join(parts)

    def _any_hanzi(self) -> str:
        return "".join(self._pick(self._script.hanzi) for _ in range(int(self.rng.integers(2, 16))))

    def _mixed(self) -> str:
        part = self._pick([self._amount(), self._date(), self._code(), self._words()])
        label = self._pick(self._script.labels) if self.rng.random() < 0.6 else self._word()
        gap = self._pick(["", " ", "：", ":", "（", "  ", ": "])
        tail = self._pick(["", "元", "月", "）", ")", self._pick(_COUNTED), self._word()])
        letters = "".join(self._pick(list(string.ascii_uppercase)) for _ in range(3))
        return self._pick([
            f"{label}{gap}{part}{tail}", f"{part}{gap}{label}", f"{label}{part}{self._word()}",
            f"{label}{letters}{gap}{self._word()}",
        ])  # fmt: skip

    def _counted(self) -> str:
        """Small numbers among hanzi, as in lists, timetables and forms"""
        parts = []
        for _ in range(int(self.rng.integers(1, 5))):
            number, most = self._digits(int(self.rng.integers(1, 3))), self._digits(2)
            unit = self._pick(_COUNTED)
            parts.append(self._pick([
                f"第{number}{unit}", f"{self._word()}{number}{unit}", f"{number}{unit}",
                f"{self._word()}({number}/{most})", f"{self._word()}:{number}/{most} ",
                f"{self._word()}:{number} ",
                f"{self._word()}{number}{unit}" + self._pick(["!", ".", "。"]),
            ]))  # fmt: skip
        return "".join(parts)
