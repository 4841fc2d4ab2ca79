"""Charts: curves lie where their figures say, and the axes say what the figures are."""

from xml.etree import ElementTree

import pytest

from ocrengine import charts
from ocrengine.charts import Axis, Panel

SVG = "{http://www.w3.org/2000/svg}"


def drawn(*panels):
    return ElementTree.fromstring(charts.draw(panels))


def words(root):
    return [text.text for text in root.iter(f"{SVG}text")]


def line_of(root, number=0):
    path = list(root.iter(f"{SVG}polyline"))[number].get("points")
    return [tuple(float(n) for n in pair.split(",")) for pair in path.split()]


def test_a_panel_says_what_it_shows_and_in_what():
    root = drawn(Panel("Memory", "pages", "MB", {"fast": [(1, 100), (10, 120)]}))
    assert {"Memory", "pages", "MB", "fast"} <= set(words(root))


def test_equal_steps_are_equal_distances_and_more_is_higher():
    (x0, y0), (x1, y1), (x2, y2) = line_of(
        drawn(Panel("", "", "", {"a": [(0, 0), (5, 1), (10, 2)]}))
    )
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.2)
    assert y0 - y1 == pytest.approx(y1 - y2, abs=0.2)
    assert y2 < y1 < y0


def test_equal_factors_are_equal_distances_where_an_axis_is_logarithmic():
    points = [(1, 1), (10, 100), (100, 10_000)]
    line = line_of(drawn(Panel("", "", "", {"a": points}, log_x=True, log_y=True)))
    assert line[1][0] - line[0][0] == pytest.approx(line[2][0] - line[1][0], abs=0.2)
    assert line[0][1] - line[1][1] == pytest.approx(line[1][1] - line[2][1], abs=0.2)


@pytest.mark.parametrize(
    ("axis", "ticks"),
    [
        (Axis("", 0, 500), [0, 100, 200, 300, 400, 500]),
        (Axis("", 0, 0.4), [0, 0.1, 0.2, 0.3, 0.4]),
        (Axis("", 1, 60, log=True), [1, 2, 5, 10, 20, 50]),
        (Axis("", 0.05, 200, log=True), [0.1, 1, 10, 100]),
    ],
)
def test_ticks_are_round_figures(axis, ticks):
    assert axis.ticks() == pytest.approx(ticks)


def test_curves_of_several_panels_do_not_overlap(tmp_path):
    one = Panel("left", "", "", {"a": [(1, 0)]}, mark=(2, "limit"))
    charts.write(tmp_path / "new" / "two.svg", [one, one])
    root = ElementTree.parse(tmp_path / "new" / "two.svg").getroot()
    moved = [group.get("transform") for group in root.findall(f"{SVG}g")]
    assert moved == ["translate(0 0)", f"translate({charts.WIDTH} 0)"]
    assert words(root).count("limit") == 2
