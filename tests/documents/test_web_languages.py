"""No sentence without its Chinese: catalogues complete, fresh and compiled.

Sentences are gathered here by reading the sources, so that this also runs where gettext's tools
are missing.
"""

import ast
import gettext
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import translation
from django.utils.translation.template import templatize

from documents.errors import LOOKS, sentence_for
from ocrengine.decoder import sniffing

BASE = Path(settings.BASE_DIR)
CATALOGUES = sorted(BASE.glob("documents/locale/*/LC_MESSAGES/django.po"))
SINGLE = {"_", "gettext", "gettext_lazy", "gettext_noop"}
PLURAL = {"ngettext", "ngettext_lazy"}
QUOTED = r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
FIGURE = re.compile(r"%\(\w+\)[sd]|(?<!%)\{\w+\}")


def sentences_of_python(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if not (isinstance(node, ast.Call) and node.args):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        count = 1 if name in SINGLE else 2 if name in PLURAL else 0
        for argument in node.args[:count]:
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                yield argument.value


def sentences_of_template(path: Path) -> Iterator[str]:
    source = templatize(path.read_text())
    for found in re.finditer(rf"\b(?:_|gettext)\(\s*u?{QUOTED}", source):
        yield ast.literal_eval(found[1])
    for found in re.finditer(rf"\bngettext\(\s*u?{QUOTED}\s*,\s*u?{QUOTED}", source):
        yield from (ast.literal_eval(found[1]), ast.literal_eval(found[2]))


def sentences_in_the_sources() -> set[str]:
    found: set[str] = set()
    for folder in ("documents", "ocrsite", "ocrengine"):
        for path in (BASE / folder).rglob("*.py"):
            found.update(sentences_of_python(path))
    for path in (BASE / "templates").rglob("*.html"):
        found.update(sentences_of_template(path))
    return found


def entries_of(catalogue: Path) -> list[dict[str, str]]:
    """The entries of a .po file: msgid, msgid_plural, msgstr, msgstr[0] … and flags."""
    entries: list[dict[str, str]] = []
    for block in catalogue.read_text().split("\n\n"):
        entry, field = {"flags": ""}, ""
        for line in block.splitlines():
            if line.startswith("#,"):
                entry["flags"] += line
            elif start := re.match(r'(msg\w+(?:\[\d\])?) (".*")$', line):
                field = start[1]
                entry[field] = ast.literal_eval(start[2])
            elif line.startswith('"'):
                entry[field] += ast.literal_eval(line)
        entries.append(entry)
    return [entry for entry in entries if entry.get("msgid")]


def translations_of(entry: dict[str, str]) -> list[str]:
    return [text for key, text in entry.items() if key.startswith("msgstr")]


@pytest.fixture(params=CATALOGUES, ids=lambda p: p.parts[-3])
def catalogue(request) -> Path:
    return request.param


def test_every_language_but_english_has_a_catalogue():
    offered = {code for code, _ in settings.LANGUAGES} - {"en"}
    assert {p.parts[-3].lower().replace("_", "-") for p in CATALOGUES} == offered


def test_no_sentence_is_missing_and_none_is_stale(catalogue):
    known = {
        text
        for entry in entries_of(catalogue)
        for text in (entry["msgid"], entry.get("msgid_plural"))
        if text
    }
    wanted = sentences_in_the_sources()
    assert wanted - known == set(), "missing: run makemessages, translate, compilemessages"
    assert known - wanted == set(), "stale: run makemessages"


def test_every_sentence_is_translated_and_none_is_a_guess(catalogue):
    for entry in entries_of(catalogue):
        assert all(translations_of(entry)), f"empty: {entry['msgid']}"
        assert "fuzzy" not in entry["flags"], f"fuzzy: {entry['msgid']}"


def test_figures_survive_translation(catalogue):
    for entry in entries_of(catalogue):
        for text in translations_of(entry):
            wanted = set(FIGURE.findall(entry.get("msgid_plural", entry["msgid"])))
            assert set(FIGURE.findall(text)) == wanted, entry["msgid"]


def test_the_compiled_catalogue_is_the_source_compiled(catalogue):
    with catalogue.with_suffix(".mo").open("rb") as file:
        compiled = dict(gettext.GNUTranslations(file)._catalog)
    compiled.pop("", None)
    source: dict[str | tuple[str, int], str] = {}
    for entry in entries_of(catalogue):
        if "msgid_plural" in entry:
            source |= {(entry["msgid"], n): t for n, t in enumerate(translations_of(entry))}
        else:
            source[entry["msgid"]] = entry["msgstr"]
    assert compiled == source, "run compilemessages"


def test_what_a_refused_file_looks_like_is_said_in_the_readers_language():
    guesses = {name for _, name in sniffing._REFUSED} | {
        sniffing.looks_like(head)
        for head in (
            b"hi",
            b"\x00\x01",
            b"<?xml",
            b"<svg>",
            b"<html>",
            b"0000ftypheic",
            b"0000ftypmp42",
        )
    }
    assert set(LOOKS) == guesses
    with translation.override("zh-hans"):
        assert "视频" in sentence_for("unsupported_type", {"looks_like": "a video"})
