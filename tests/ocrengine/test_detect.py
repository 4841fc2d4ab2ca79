"""Where text is: from probability maps that are drawn, and from pages read through tiles."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from ocrengine.bundles import Preprocessing
from ocrengine.detect import Detector, boxes_from_map, to_batch
from ocrengine.geometry import bounds, sides
from tests.ocrengine.fake_networks import DETECTING, InkDetector


def bars(width, height, boxes):
    """A white page with black bars (x0, y0, x1, y1)."""
    page = np.full((height, width, 3), 255, np.uint8)
    for x0, y0, x1, y1 in boxes:
        page[y0:y1, x0:x1] = 0
    return page


EDGE = [(0, 300 * n, 2000, 300 * n + 90) for n in range(7)]
"""Large bars from edge to edge: a page without margins."""


def find(page, side=640):
    network = InkDetector()
    return Detector(network, DETECTING, side).find(page), network


def centres(found):
    return sorted(tuple(quad.mean(axis=0).round().astype(int)) for quad in found.quads)


def test_a_kernel_becomes_a_box_around_it():
    probability = np.zeros((100, 200), np.uint8)
    probability[40:52, 30:170] = 230
    quads, scores = boxes_from_map(probability, DETECTING)
    assert bounds(quads)[0] == pytest.approx([30, 40, 169, 51], abs=1)
    assert scores[0] == pytest.approx(0.9, abs=0.05)


def test_a_slanted_kernel_becomes_a_slanted_box():
    probability = np.zeros((300, 300), np.uint8)
    box = cv2.boxPoints(((150, 150), (200, 16), 20))
    cv2.fillPoly(probability, [box.astype(np.int32)], 255)
    quads, _ = boxes_from_map(probability, DETECTING)
    along = quads[0, 1] - quads[0, 0]
    assert np.degrees(np.arctan2(along[1], along[0])) == pytest.approx(20, abs=1)
    assert [float(side[0]) for side in sides(quads)] == pytest.approx([200, 16], abs=3)


@pytest.mark.parametrize(
    ("value", "height"),
    [(100, 12), (255, 1)],
    ids=["a faint one", "a hair"],
)
def test_a_kernel_that_is_no_text_is_dropped(value, height):
    probability = np.zeros((100, 200), np.uint8)
    probability[40 : 40 + height, 30:170] = value
    assert len(boxes_from_map(probability, DETECTING)[0]) == 0


def test_thousands_of_specks_do_not_crowd_out_a_line():
    # What the network answers where a page is blank: a grid of dots just above the threshold.
    probability = np.zeros((1200, 1200), np.uint8)
    probability[::4, ::4] = 80
    probability[40:52, 30:170] = 255
    quads, _ = boxes_from_map(probability, DETECTING)
    assert bounds(quads)[0] == pytest.approx([30, 40, 169, 51], abs=2)
    assert len(quads) == 1


def test_a_blank_tile_is_not_shown_to_the_network():
    found, network = find(bars(1500, 1500, [(40, 60 * n, 300, 60 * n + 10) for n in range(1, 6)]))
    assert len(found.quads) == 5
    assert len(network.shapes) < 1 + found.tiles


def test_an_empty_page_has_no_boxes():
    found, _ = find(bars(300, 200, []))
    assert found.quads.shape == (0, 4, 2)
    assert found.scores.shape == (0,)


def test_a_small_page_is_looked_at_in_its_own_size():
    found, network = find(bars(300, 200, [(4, 6, 296, 26), (4, 170, 296, 190)]))
    assert found.scale == 1.0
    assert network.shapes == [(1, 3, 224, 320)]


def test_margins_are_not_shown_to_the_network():
    found, network = find(bars(600, 800, [(200, 300, 400, 320), (200, 360, 400, 380)]))
    assert centres(found) == [(300, 310), (300, 370)]
    assert network.shapes == [(1, 3, 128, 256)]


def test_without_its_margins_a_page_is_looked_at_more_finely():
    print_of = [(600, 600 + 60 * n, 1400, 620 + 60 * n) for n in range(10)]
    assert find(bars(2000, 2000, print_of))[0].scale > find(bars(2000, 2000, EDGE))[0].scale


def test_a_page_with_large_text_is_only_shrunk():
    page = bars(2000, 2000, [(20, 380 * n, 1980, 380 * n + 90) for n in range(6)])
    found, network = find(page)
    assert (found.scale, found.tiles) == (pytest.approx(0.32), 1)
    assert len(network.shapes) == 1
    # The first and the last are cut off at the page's edge.
    assert [y for _, y in sorted(centres(found))][1:-1] == pytest.approx(
        [425, 805, 1185, 1565], abs=4
    )


def test_a_page_with_small_text_is_looked_at_again_in_tiles():
    page = bars(2000, 2000, [(200, 60 * n, 1800, 60 * n + 12) for n in range(2, 30)])
    found, network = find(page)
    assert found.tiles > 1
    assert found.scale > 0.6
    assert len(found.quads) == 28
    assert max(shape[2] * shape[3] for shape in network.shapes) <= 704 * 704


def test_print_so_small_that_a_second_look_shows_no_more_than_headings_gets_a_third():
    heading, lead = (100, 60, 1900, 90), [(100, 60 * n, 1900, 60 * n + 12) for n in (3, 4, 5)]
    small = [(100, 30 * n, 1900, 30 * n + 6) for n in range(14, 64)]
    found, _ = find(bars(2000, 2000, [heading, *lead, *small]), side=320)
    assert len(found.quads) == 1 + 3 + 50


def test_a_line_across_a_seam_comes_out_once_and_whole():
    lines = [(100, 90 * n, 1900, 90 * n + 14) for n in range(1, 21)]
    found, _ = find(bars(2000, 2000, lines))
    assert found.tiles > 1
    assert len(found.quads) == len(lines)
    boxes = bounds(found.quads)
    assert boxes[:, 0].max() <= 100
    assert boxes[:, 2].min() >= 1895


def test_an_empty_looking_large_page_is_looked_at_in_full_size():
    found, _ = find(bars(1500, 1500, [(700, 700, 708, 703)]))
    assert found.scale == 1.0


def test_a_read_only_page_can_be_looked_at():
    page = bars(1500, 900, [(40, 60, 1240, 75)])
    page.flags.writeable = False
    assert len(find(page)[0].quads) == 1


def test_boxes_come_back_inside_the_page_and_in_its_pixels():
    found, _ = find(bars(1800, 1800, [(0, 0, 1800, 90), (300, 1690, 1800, 1800)]))
    boxes = bounds(found.quads)
    assert boxes.min() >= 0
    assert boxes.max() <= 1800
    assert len(boxes) == 2
    assert boxes[:, 2].max() > 1790


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (31, 33), (20, 6000)])
def test_pages_of_any_shape_can_be_looked_at(size):
    found, _ = find(bars(*size, []))
    assert len(found.quads) == 0


def test_preprocessing_is_what_the_bundle_says():
    image = np.zeros((32, 32, 3), np.uint8)
    image[..., 0] = 255
    settings = Preprocessing((0.5, 0.25, 0.0), (0.5, 0.25, 1.0), bgr=True, multiple=32)
    batch = to_batch(image, settings)
    assert batch.shape == (1, 3, 32, 32)
    assert batch.dtype == np.float32
    assert batch[0, :, 0, 0] == pytest.approx([-1, -1, 1], abs=1e-6)


def test_a_network_that_reads_small_tiles_as_well_is_given_no_larger_ones():
    network = InkDetector()
    small = replace(DETECTING, largest_tile=320)
    page = bars(1200, 1000, [(100, 100, 1100, 160)])
    Detector(network, small, 960).find(page)
    assert max(shape[2] * shape[3] for shape in network.shapes) <= 352 * 352


def test_a_first_look_may_have_more_pixels_than_a_tile_and_is_taken_in_tiles_then():
    network = InkDetector()
    fine = replace(DETECTING, largest_tile=320, first_side=640)
    page = bars(1280, 1280, [(10, 10, 1270, 70), (10, 1200, 1270, 1260)])
    found = Detector(network, fine, 960).find(page)
    assert found.scale == pytest.approx(0.5)
    assert len(network.shapes) > 1
    assert max(shape[2] * shape[3] for shape in network.shapes) <= 352 * 352
    assert len(found.quads) == 2
