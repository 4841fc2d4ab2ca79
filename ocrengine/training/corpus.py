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
from ocrengine.training.characters import build_charset, is_hanzi

PACKAGES = (
    "wamerican wbritish miscfiles fortunes fortunes-zh python3-jieba rime-essay"
    " debian-reference-zh-cn debian-reference-zh-tw debian-faq-zh-cn manpages-zh"
)
_SHARE = Path("/usr/share")
_WORDS = ("dict/american-english", "dict/british-english")
_ENGLISH = ("games/fortunes/*.u8",)
_CHINESE = (
    "games/fortunes/*chinese*", "games/fortunes/*tang*", "games/fortunes/*song*",
    "doc/**/*.zh-cn.txt*", "doc/**/*.zh-tw.txt*", "doc/**/*zh_CN*.txt*", "man/zh_*/man*/*.gz",
    "doc/debian-reference-*/**/*.zh-*.html", "debian-reference/*.zh-*.html",
)  # fmt: skip
_JIEBA = Path("/usr/lib/python3/dist-packages/jieba/dict.txt")
_ESSAY = _SHARE / "rime-data/essay.txt"
_MARKUP = re.compile(r"<[^>]*>|\\f[A-Z(]\w?|\\[-&e]|^\s*[.'\\].*$|&\w+;|\x1b\[[\d;]*m", re.M)
HELD_OUT_SHARE = 50

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_LABELS_EN = [
    "TOTAL", "SUBTOTAL", "CASH", "CHANGE", "TAX INVOICE", "INVOICE NO", "RECEIPT", "DATE", "TIME",
    "QTY", "AMOUNT", "PRICE", "ITEM", "TEL", "FAX", "THANK YOU", "ROUNDING", "DISCOUNT", "BALANCE",
    "PAGE", "NAME", "ADDRESS", "SIGNATURE", "CASHIER", "TABLE", "BILL", "GST", "VAT", "REF",
    "ACCOUNT", "NO.", "DESCRIPTION", "UNIT PRICE", "PAYMENT", "CARD", "MEMBER", "ORDER", "CUSTOMER",
    "COMPANY", "REG NO",
]  # fmt: skip
_LABELS_ZH = [
    "合計", "小計", "找續", "现金", "現金", "金额", "金額", "数量", "數量", "发票", "發票",
    "电话", "電話", "地址", "日期", "時間", "总计", "總計", "总额", "總額", "应付", "應付",
    "服务费", "服務費", "单价", "單價", "品名", "编号", "編號", "姓名", "身份证", "银行", "銀行",
    "账号", "帳號", "开户行", "税率", "稅額", "备注", "備註", "收款人", "經手人", "公司",
    "有限公司", "收據", "餐廳", "多謝惠顧", "歡迎光臨", "總店", "分店", "枱號", "人數",
]  # fmt: skip


@dataclass(frozen=True)
class Corpus:
    """Everything that lines are cut from."""

    words: list[str]
    english: list[str]
    chinese: list[str]
    hanzi_words: list[str]
    odds: np.ndarray
    """Of each of hanzi_words: the square root of its frequency, so that rare ones are seen."""
    hanzi: list[str]

    @cached_property
    def ladder(self) -> np.ndarray:
        return np.cumsum(self.odds)


def load_corpus(held_out: bool = False) -> Corpus:
    """The text to train on, or the part that is only scored with."""
    charset = build_charset()
    known = set(charset.characters)
    words = [w for w in _lines(_SHARE, _WORDS) if w and set(w) <= known]
    english = _sentences(_ENGLISH, known, held_out)
    chinese = [s for s in _sentences(_CHINESE, known, held_out) if any(map(is_hanzi, s))]
    weighted = [(w, f) for w, f in _weighted() if len(w) <= 8 and set(w) <= known]
    if not (words and english and weighted):
        raise BundleError(f"text to render is missing; install {PACKAGES}")
    odds = np.sqrt(np.array([f for _, f in weighted], np.float64) + 1)
    hanzi = [c for c in charset.characters if is_hanzi(c)]
    return Corpus(words, english, chinese, [w for w, _ in weighted], odds, hanzi)


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


def _weighted() -> Iterator[tuple[str, float]]:
    """Words and frequencies: jieba's are simplified, rime's traditional."""
    for path, separator in ((_JIEBA, " "), (_ESSAY, "\t")):
        if not path.exists():
            continue
        rows = [line.split(separator) for line in path.read_text("utf-8").splitlines()]
        scored = [(r[0], float(r[1])) for r in rows if len(r) > 1 and is_number(r[1])]
        total = sum(score for _, score in scored)
        yield from ((word, 1e7 * score / total) for word, score in scored)


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
        self._english: list[tuple[Callable[[], str], float]] = [
            (self._sentence, 0.34), (self._words, 0.26), (self._amount, 0.1), (self._date, 0.06),
            (self._code, 0.08), (self._contact, 0.05), (self._label, 0.09), (self._noise, 0.02),
        ]  # fmt: skip
        self._chinese: list[tuple[Callable[[], str], float]] = [
            (self._chinese_sentence, 0.28), (self._hanzi_words, 0.36), (self._any_hanzi, 0.2),
            (self._mixed, 0.16),
        ]  # fmt: skip

    def line(self, chinese: bool, longest: int) -> str:
        """One line of at most `longest` characters, without blanks at its ends."""
        kinds = self._chinese if chinese else self._english
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
        return self._pick(self.corpus.chinese or self.corpus.hanzi_words)

    def _word(self) -> str:
        ladder = self.corpus.ladder
        return self.corpus.hanzi_words[int(np.searchsorted(ladder, self.rng.random() * ladder[-1]))]

    def _hanzi_words(self) -> str:
        parts = []
        for _ in range(int(self.rng.integers(1, 9))):
            parts.append(self._word())
            if self.rng.random() < 0.2:
                parts.append(self._pick(list("，。、；：？！“”（）《》「」·…—/ ")))
        return "".join(parts)

    def _any_hanzi(self) -> str:
        return "".join(self._pick(self.corpus.hanzi) for _ in range(int(self.rng.integers(2, 16))))

    def _mixed(self) -> str:
        part = self._pick([self._amount(), self._date(), self._code(), self._words()])
        label = self._pick(_LABELS_ZH) if self.rng.random() < 0.6 else self._word()
        gap = self._pick(["", " ", "：", ":", "（", "  "])
        tail = self._pick(["", "元", "月", "号", "年", "）", "個", "张", self._word()])
        last = f"{label}{part}{self._word()}"
        return self._pick([f"{label}{gap}{part}{tail}", f"{part}{gap}{label}", last])
