"""Which crops are read together: same padded width, never more padded pixels than the cap."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def bucket_width(width: int, step: int, smallest: int) -> int:
    """The padded width of a crop. Few distinct widths keep a runtime's caches flat."""
    return max(smallest, -(-width // step) * step)


def plan_batches(
    widths: Sequence[int], *, height: int, max_pixels: int, step: int, smallest: int
) -> Iterator[tuple[int, list[int]]]:
    """(padded width, indices of crops), narrow crops first.

    A batch holds crops of one bucket and closes before its padded pixels pass `max_pixels`; one
    crop alone may pass it.
    """
    buckets: dict[int, list[int]] = {}
    for index, width in enumerate(widths):
        buckets.setdefault(bucket_width(width, step, smallest), []).append(index)
    for padded in sorted(buckets):
        at_once = max(1, max_pixels // (padded * height))
        members = buckets[padded]
        for start in range(0, len(members), at_once):
            yield padded, members[start : start + at_once]
