"""Every item of the catalogue that a decoder meets, under the policy of the product itself."""

import dataclasses
import io
import socket

import numpy as np
import pytest
from PIL import Image

from documents.errors import SENTENCES
from documents.services.uploads import decode_limits
from tests.hostile import documents, pictures
from tests.hostile.judge import CHILD_BYTES, HANG_SECONDS, Item, judge

ITEMS = (*pictures.ITEMS, *documents.ITEMS)
IN_A_HURRY = 2
"""Processor seconds for files that take all they get; `make fuzz` gives them the product's."""


@pytest.mark.parametrize("item", ITEMS, ids=str)
def test_a_hostile_file_ends_as_the_catalogue_says(item: Item, tmp_path):
    path = tmp_path / "upload"
    path.write_bytes(item.make())
    limits = decode_limits()
    if item.hungry:
        limits = dataclasses.replace(limits, cpu_seconds=IN_A_HURRY)

    verdict = judge(path, limits=limits, look=True)

    assert verdict.agrees(item.expect), f"{verdict.code}: {verdict.sentence}"
    assert not verdict.sentence or verdict.code in SENTENCES, "whoever sent it is told why"
    assert verdict.seconds <= HANG_SECONDS
    assert verdict.peak_bytes <= CHILD_BYTES
    assert not verdict.left
    for view in verdict.views:
        assert not [words for words in item.absent if words in view]
        assert not item.drawn or np.ptp(np.asarray(Image.open(io.BytesIO(view)))) > 99


def test_the_catalogue_has_no_gaps():
    numbers = [item.id.rstrip("abcd") for item in ITEMS]
    assert [f"H{n}" for n in range(1, 114) if f"H{n}" not in numbers] == ["H102"]


def test_a_pdf_reaches_for_nothing_outside_itself(tmp_path):
    """H101 and H102: scripts, programs to start and links to follow, to a port where we listen."""
    path = tmp_path / "upload"
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.setblocking(False)
        path.write_bytes(documents.acting(b"http://127.0.0.1:%d/" % trap.getsockname()[1]))
        assert judge(path).code == "ok"
        with pytest.raises(BlockingIOError):
            trap.accept()


def test_a_photo_lying_on_its_side_is_turned_once(tmp_path):
    """H45."""
    path = tmp_path / "upload"
    path.write_bytes(pictures.turned(8))
    assert judge(path).sizes == [(40, 60)]


def test_cmyk_is_not_inverted(tmp_path):
    """H43: a white page is white."""
    path = tmp_path / "upload"
    Image.new("CMYK", (60, 40), (0, 0, 0, 0)).save(path, "JPEG")
    view = judge(path, look=True).views[0]
    assert np.asarray(Image.open(io.BytesIO(view))).min() > 250
