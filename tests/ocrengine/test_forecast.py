"""The forecast of a page's memory: by bundle and precision, from a table that was measured."""

from dataclasses import replace

import pytest

from ocrengine import forecast
from ocrengine.benchmarks import memory
from ocrengine.bundles import BUNDLES
from ocrengine.device import choose_device
from ocrengine.forecast import (
    SPARE,
    Peak,
    forecast_child_bytes,
    forecast_page_bytes,
    measured_needs,
    needs_of,
)
from ocrengine.profiles import BALANCED, GPU, LOW_MEMORY, MB, PROFILES

A4 = (2480, 3508)
MEASURED = {"accurate": {"fp32"}, "fast": {"fp32", "int8"}}


def needed(profile, bundle, *sizes):
    """By a child that reads pages of those sizes at the same time."""
    pages = [forecast_page_bytes(*size, profile, bundle) for size in sizes]
    return forecast_child_bytes(profile, bundle) + sum(pages)


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("bundle", BUNDLES)
def test_a_larger_page_never_needs_less_memory_and_none_more_than_the_largest_that_is_read(
    name, bundle
):
    profile = PROFILES[name]
    sizes = [(100, 100), (640, 640), A4, (5000, 8000), (20_000, 20_000), (30_000, 30_000)]
    needs = [needed(profile, bundle, size) for size in sizes]
    assert needs == sorted(needs)
    assert needs[-1] == needs[-2] < profile.memory_ceiling


def test_every_form_that_a_processor_uses_was_measured_under_every_profile_without_a_gpu():
    known = measured_needs()
    assert {name: set(known[name]) for name in BUNDLES} == MEASURED
    for bundle, precisions in MEASURED.items():
        assert set(memory.precisions_of(bundle)) == precisions
        for precision in precisions:
            assert set(known[bundle][precision]) == {LOW_MEMORY.name, BALANCED.name}


@pytest.mark.parametrize("bundle", BUNDLES)
def test_what_was_measured_fits_in_its_forecast_which_is_a_third_more_at_most_on_average(bundle):
    ratios = [row.forecast / (row.peak.peak_mb * MB) for row in memory.kept(bundle)]
    assert min(ratios) > 1.15
    assert sum(ratios) / len(ratios) < 4 / 3


def test_two_pages_are_read_together_where_memory_is_short():
    for bundle in BUNDLES:
        assert needed(LOW_MEMORY, bundle, A4, A4) < LOW_MEMORY.memory_ceiling


def test_our_own_networks_in_8_bit_numbers_need_half():
    assert needed(BALANCED, "fast", A4) < 0.5 * needed(BALANCED, "accurate", A4)


@pytest.mark.parametrize("wanted", ["auto", "fp32", "int8"])
@pytest.mark.parametrize("bundle", BUNDLES)
def test_the_precision_that_an_engine_chooses_is_reckoned_with(wanted, bundle):
    profile = LOW_MEMORY.override(precision=wanted)
    chosen = choose_device(profile, BUNDLES[bundle].precisions).precision
    needs = measured_needs()[bundle][chosen][profile.name]
    assert forecast_child_bytes(profile, bundle) == round(SPARE * MB * needs.child)


def test_larger_tiles_need_what_the_profile_with_such_tiles_needs():
    assert needed(LOW_MEMORY.override(tile_side=700), "accurate", A4) == needed(
        BALANCED, "accurate", A4
    )
    assert needed(GPU, "accurate", A4) == needed(BALANCED, "accurate", A4)


def test_of_a_bundle_that_nobody_measured_the_worst_is_expected():
    worst = max(needed(BALANCED.override(precision="fp32"), bundle, A4) for bundle in BUNDLES)
    assert needed(BALANCED, "/imaginary", A4) >= worst


# --- From peaks to needs ------------------------------------------------------------------------


def row(side, together, peak_mb):
    return Peak("mine", "fp32", "low_memory", side, side, together, peak_mb)


def test_a_page_adds_what_it_was_seen_to_add_alone_or_beside_others():
    needs = needs_of([row(10, 1, 100), row(10, 2, 140), row(20, 1, 150), row(20, 2, 180)])
    assert needs.child == 100
    assert needs.pixels == (100, 400)
    assert needs.pages == (20, 50)


def test_a_larger_page_that_took_less_is_expected_to_need_as_much():
    needs = needs_of([row(10, 1, 100), row(20, 1, 160), row(30, 1, 120)])
    assert needs.pages == (0, 60, 60)


@pytest.mark.parametrize(
    ("pixels", "page"), [(1, 0), (100, 0), (250, 30), (400, 60), (900, 60), (1600, 144)]
)
def test_between_what_was_measured_needs_are_on_a_line_which_goes_on_beyond(pixels, page):
    needs = needs_of([row(10, 1, 100), row(20, 1, 160), row(30, 1, 160), row(35, 1, 199)])
    assert needs.of_page(pixels) == pytest.approx(page)


# --- The table ----------------------------------------------------------------------------------


@pytest.fixture
def table(tmp_path, monkeypatch):
    """A table that may be written."""
    path = tmp_path / "memory.csv"
    path.write_bytes(forecast.TABLE.read_bytes())
    monkeypatch.setattr(forecast, "TABLE", path)
    yield path
    measured_needs.cache_clear()


def test_what_is_measured_again_replaces_that_form_alone(table):
    before = forecast.read_table()
    form = [r for r in before if memory._form(r) == ("fast", "int8", "low_memory")]
    memory.keep([replace(r, peak_mb=r.peak_mb + 100) for r in form])
    after = forecast.read_table()
    assert len(after) == len(before)
    assert {r for r in before if r not in form} <= set(after)
    assert forecast_child_bytes(LOW_MEMORY, "fast") == round(
        SPARE * MB * (100 + min(r.peak_mb for r in form))
    )


def test_sizes_are_rows_and_ways_are_columns_with_the_peak_in_brackets():
    def compared(side, together, peak_mb):
        peak = Peak("fast", "int8", "low_memory", side, side, together, peak_mb)
        return memory.Compared(peak, (peak_mb + 10) * MB)

    table = memory.table(
        [compared(5600, 1, 300), compared(320, 1, 100), compared(320, 2, 120)]
    ).splitlines()
    assert table[0].endswith("| int8, low_memory | int8, low_memory, 2 pages |")
    assert table[2] == "| 320 x 320 | 0.1 | 110 (100) | 130 (120) |"
    assert table[3] == "| 5600 x 5600 | 31.4 | 310 (300) | - |"
