"""Tesseract as a contender: a program that is not ours, asked page by page and counted."""

import json
import sys

import pytest
from PIL import Image

from ocrengine.benchmarks import peers
from ocrengine.decoder.client import MB

ROWS = """level|page_num|block_num|par_num|line_num|word_num|left|top|width|height|conf|text
1|1|0|0|0|0|0|0|200|100|-1|
5|1|1|1|1|1|10|20|30|8|90|Fresh
5|1|1|1|1|2|45|18|20|12|80|fish
5|1|1|1|2|1|10|40|10|8|95|
5|1|2|1|1|1|100|20|50|10|70|{seen}""".replace("|", "\t")

PROGRAM = f"""#!{sys.executable}
import os, sys
if sys.argv[1] == "--version":
    print("tesseract 5.9.1\\n leptonica-1.0")
elif sys.argv[1] == "--list-langs":
    print("List of available languages:\\nchi_sim\\neng")
elif "broken" in sys.argv[1]:
    sys.exit("no image at all")
else:
    seen = sys.argv[sys.argv.index("-l") + 1] + ":" + os.environ["OMP_THREAD_LIMIT"]
    print({ROWS!r}.format(seen=seen))
"""


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "tesseract"
    path.write_text(PROGRAM)
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def tesseract(program):
    contender = peers.Tesseract(program)
    yield contender
    contender.close()


def page(folder, name, lang=None, exif=None):
    for part in ("images", "gt"):
        (folder / part).mkdir(exist_ok=True)
    path = folder / "images" / f"{name}.png"
    Image.new("RGB", (200, 100), "white").save(path, **({"exif": exif} if exif else {}))
    if lang:
        (folder / "gt" / f"{name}.json").write_text(json.dumps({"lang": lang}))
    return path


def test_words_of_a_line_are_one_line_within_their_common_box(tesseract, tmp_path):
    prediction, cpu, peak = tesseract.read(page(tmp_path, "fish"))
    first, second = prediction["lines"]
    assert first["text"] == "Fresh fish"
    assert first["poly"] == [[10, 18], [65, 18], [65, 30], [10, 30]]
    assert first["conf"] == pytest.approx(0.85)
    assert second["text"] == "eng:1"
    assert cpu > 0
    assert 1 * MB < peak < 500 * MB


def test_a_page_is_read_in_the_language_that_its_annotations_name(tesseract, tmp_path):
    prediction, *_ = tesseract.read(page(tmp_path, "yu", lang=["zh-Hans", "en"]))
    assert prediction["lines"][1]["text"] == "chi_sim+eng:1"


def test_a_page_in_a_language_that_is_not_installed_is_refused_and_the_next_is_read(
    tesseract, tmp_path
):
    with pytest.raises(peers.PeerError, match="no traineddata for chi_tra"):
        tesseract.read(page(tmp_path, "yu", lang=["zh-Hant"]))
    assert tesseract.read(page(tmp_path, "fish"))


def test_what_it_says_of_a_page_it_cannot_read_is_the_error(tesseract, tmp_path):
    with pytest.raises(peers.PeerError, match="no image at all"):
        tesseract.read(page(tmp_path, "broken"))


def test_a_photograph_that_exif_turns_is_given_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = peers.upright(page(tmp_path, "photo", exif=exif), tmp_path)
    with Image.open(turned) as image:
        assert image.size == (100, 200)
    plain = page(tmp_path, "scan")
    assert peers.upright(plain, tmp_path) == plain


def test_its_version_is_known(tesseract):
    assert tesseract.version == "5.9.1"


def test_a_program_that_is_not_there_is_an_error_at_once(tmp_path):
    with pytest.raises(peers.PeerError, match="does not start"):
        peers.Tesseract(str(tmp_path / "nothing"))
