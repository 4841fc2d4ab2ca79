"""The two forms of a bundle, compared by the benchmark."""

import pytest

from ocrengine.benchmarks import parity
from ocrengine.bundles import write_checksums
from ocrengine.export import CLOSE
from ocrengine.profiles import LOW_MEMORY
from tests.ocrengine.test_export import make_bundle


@pytest.fixture
def bundle(tmp_path):
    make_bundle(tmp_path)
    write_checksums(tmp_path, [".safetensors"])
    return tmp_path


def test_both_forms_are_compared_at_every_size_and_line_by_line(bundle, monkeypatch):
    monkeypatch.setattr(parity, "SIZES", ((320, 320), (320, 640)))
    found = parity.measure(str(bundle), LOW_MEMORY, 1)
    assert found.any_size.keys() == found.fixed.keys() == {(320, 320), (320, 640)}
    assert max(*found.any_size.values(), *found.fixed.values()) <= CLOSE
    assert found.same == 1
    assert not [path for path in bundle.iterdir() if path.suffix == ".onnx"]
    assert "| 320 x 640 | " in parity.table(found)
