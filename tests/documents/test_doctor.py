"""The doctor says what is in force and why, and notices what is wrong."""

import io

import pytest
from django.core.management import CommandError, call_command

from ocrengine.benchmarks import memory
from ocrengine.forecast import Peak
from ocrengine.profiles import MB, get_profile

pytestmark = pytest.mark.django_db


def examine() -> str:
    out = io.StringIO()
    call_command("doctor", stdout=out)
    return out.getvalue()


def test_every_knob_of_the_profile_is_shown_with_its_reason(settings):
    settings.OCR_PROFILE = get_profile("low_memory").override(tile_side=960)
    report = examine()
    assert "OCR_TILE_SIDE says so" in report
    assert "profile low_memory (override: OCR_THREADS)" in report
    for word in ("memory free", "cores", "device", "bundle", "hashes agree", "PDF renderer"):
        assert word in report


def test_a_bundle_that_is_not_there_is_marked_and_fails_the_command(settings):
    settings.OCR_BUNDLE = "imaginary"
    with pytest.raises(CommandError, match="not as it should be"):
        examine()


def test_a_setting_says_whether_the_environment_gave_it(settings):
    settings.OCR_GIVEN = frozenset({"OCR_ADDRESS"})
    report = examine()
    assert "OCR_ADDRESS says so" in report
    assert "OCR_BUNDLE is not set: the default" in report


def test_each_size_is_told_as_soon_as_it_was_read_and_marked_where_it_took_more(monkeypatch):
    out, told = io.StringIO(), []

    def compare(profile, bundle):
        for side, peak_mb in ((640, 250), (960, 400)):
            told.append(out.getvalue().count(" x "))
            peak = Peak(bundle, "fp32", profile.name, side, side, 2, peak_mb)
            yield memory.Compared(peak, 300 * MB)

    monkeypatch.setattr(memory, "compare", compare)
    call_command("doctor", memory=True, stdout=out)
    small, large = out.getvalue().splitlines()[-2:]
    assert small.split() == ["640", "x", "640", "2", "300", "MB", "250", "MB"]
    assert large.split() == ["!", "960", "x", "960", "2", "300", "MB", "400", "MB"]
    assert told == [0, 1]
