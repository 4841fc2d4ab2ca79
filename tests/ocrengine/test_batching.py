"""Batches never pass the cap of padded pixels, and no crop is lost."""

import numpy as np
import pytest

from ocrengine.batching import bucket_width, plan_batches


def plan(widths, max_pixels=48 * 640):
    return list(plan_batches(widths, height=48, max_pixels=max_pixels, step=32, smallest=48))


@pytest.mark.parametrize(
    ("width", "bucket"), [(1, 48), (32, 48), (33, 64), (64, 64), (65, 96), (1000, 1024)]
)
def test_widths_are_rounded_up_to_few_sizes(width, bucket):
    assert bucket_width(width, 32, 48) == bucket


def test_every_crop_is_read_once_and_fits_its_batch():
    widths = np.random.default_rng(1).integers(5, 3000, 400).tolist()
    batches = plan(widths)
    assert sorted(i for _, members in batches for i in members) == list(range(400))
    assert all(widths[i] <= padded for padded, members in batches for i in members)


def test_no_batch_passes_the_cap_unless_one_crop_alone_does():
    widths = np.random.default_rng(2).integers(5, 3000, 400).tolist()
    for padded, members in plan(widths):
        assert len(members) == 1 or padded * 48 * len(members) <= 48 * 640


def test_a_batch_holds_crops_of_one_padded_width_only():
    assert plan([60, 61, 200]) == [(64, [0, 1]), (224, [2])]


def test_no_crops_make_no_batches():
    assert plan([]) == []
