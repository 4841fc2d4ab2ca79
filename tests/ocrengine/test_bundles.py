"""Bundles: verified before they are loaded, and never by running the package that carries them."""

import subprocess
import sys
from dataclasses import replace

import pytest

from ocrengine.bundles import BUNDLES, get_bundle, load_bundle
from ocrengine.device import Device
from ocrengine.errors import BundleError

CPU = Device("cpu", "fp32", 1, "a test")


@pytest.fixture(scope="module")
def accurate():
    return load_bundle("accurate", CPU)


def test_an_unknown_bundle_is_refused_with_the_names_there_are():
    with pytest.raises(BundleError, match="accurate"):
        get_bundle("imaginary")


def test_a_file_that_was_altered_is_refused(tmp_path):
    altered = tmp_path / "model.onnx"
    altered.write_bytes(b"not what was shipped")
    spec = replace(BUNDLES["accurate"], files=lambda: {"detector": altered})
    with pytest.raises(BundleError, match="altered"):
        spec.verified_files()


def test_a_file_that_is_missing_is_named(tmp_path):
    spec = replace(BUNDLES["accurate"], files=lambda: {"detector": tmp_path / "gone.onnx"})
    with pytest.raises(BundleError, match="detector is missing"):
        spec.verified_files()


def test_every_bundle_states_its_licence():
    assert all(spec.licence for spec in BUNDLES.values())


def test_the_charset_fits_the_network(accurate):
    import numpy as np

    output = accurate.recognizer(np.zeros((1, 3, 48, 64), np.float32))
    assert output.shape[2] == accurate.charset.classes
    assert output.sum(axis=2) == pytest.approx(1, abs=1e-3)


def test_the_detector_answers_one_probability_for_each_pixel(accurate):
    import numpy as np

    output = accurate.detector(np.zeros((1, 3, 64, 96), np.float32))
    assert output.shape == (1, 1, 64, 96)
    assert 0 <= output.min() <= output.max() <= 1


def test_the_package_that_carries_the_models_is_never_imported():
    code = (
        "import sys\n"
        "from ocrengine.bundles import load_bundle\n"
        "from ocrengine.device import Device\n"
        "load_bundle('accurate', Device('cpu', 'fp32', 1, 'a test'))\n"
        "sys.exit('rapidocr' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
