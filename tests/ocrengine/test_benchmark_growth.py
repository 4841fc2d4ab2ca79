"""Growth: what is measured stands in the sentence, the table and the picture."""

from xml.etree import ElementTree

import pytest

from ocrengine.benchmarks import growth, growth_report
from ocrengine.benchmarks.growth import Cost
from ocrengine.profiles import BALANCED, LOW_MEMORY, MB

QUESTIONS = {question.name: question for question in growth_report.QUESTIONS}


def costs(*xs):
    """Twice as dear for twice the x, always with the same peak."""
    return [Cost(x, x, 0.1, 100 * MB, lines=10 * x, pages_per_second=1 / x) for x in xs]


@pytest.mark.parametrize("name", QUESTIONS)
def test_an_answer_is_a_sentence_a_picture_and_a_table(name, tmp_path):
    curves = {"fast": costs(0.5, 2, 10, 30, 100), "accurate": costs(0.5, 2, 10, 30, 100)}
    told = growth_report.answer(QUESTIONS[name], curves, BALANCED, tmp_path / "plots")
    title, sentence, picture, table = told.split("\n\n")
    assert title.startswith("### ")
    assert sentence.endswith(".")
    assert picture.endswith(f"(plots/growth-{name}.svg)")
    assert len(table.splitlines()) == 2 + 10
    root = ElementTree.parse(tmp_path / "plots" / f"growth-{name}.svg").getroot()
    assert len(list(root.iter("{http://www.w3.org/2000/svg}polyline"))) >= 4


def test_what_grows_with_the_pixels_grows_with_their_first_power():
    curves = {"full": [Cost(x, x, 0.0, round(x * 3_000_000)) for x in (0.1, 2, 10, 30, 100)]}
    sentence = QUESTIONS["page-size"].answer(curves, LOW_MEMORY)
    assert "15 times the pixels cost 15.0 times" in sentence
    assert "their power 1.00" in sentence
    assert "3.0 bytes" in sentence


def test_the_cost_of_each_number_of_lines_is_told():
    lines = [Cost(n, 0.3 + 0.01 * n, 0.0, 100 * MB, lines=n) for n in (1, 20, 100)]
    sentence = QUESTIONS["lines"].answer({"fast": lines}, BALANCED)
    assert "fast, 0.31 s with 1, 0.50 s with 20, 1.30 s with 100; memory within 0 MB" in sentence


def test_the_start_of_a_child_is_paid_by_the_first_page():
    pages = [Cost(n, 0.5 + 0.4 / n, 0.0, 150 * MB) for n in (1, 10, 100)]
    sentence = QUESTIONS["pages"].answer({"fast": pages}, BALANCED)
    assert "0.90 s for a job of one page, 0.50 s a page of 100, and +0 MB" in sentence


def test_only_the_first_bundle_reads_pages_full_of_text(monkeypatch):
    asked = []
    monkeypatch.setattr(growth, "SIDES", (320,))
    monkeypatch.setattr(growth, "_page", lambda *args: asked.append(args[1:]))
    assert list(growth.by_page_size(BALANCED, ["fast", "accurate"])) == [
        "fast, full of text",
        "fast, 40 lines",
        "accurate, 40 lines",
    ]
    assert asked[0] == ("fast", 226, 320, None)
    assert [lines for *_, lines in asked] == [None, 40, 40]


def test_a_page_is_read_as_a_file_and_costs_what_decoding_and_reading_cost():
    cost = growth._page(LOW_MEMORY, "fast", 320, 240, 2)
    assert cost.x == pytest.approx(0.0768)
    assert cost.lines == 2
    assert cost.decoder_seconds > 0
    assert cost.peak > 50 * MB
