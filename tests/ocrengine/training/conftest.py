import pytest

from tests.ocrengine.training.material import make_material


@pytest.fixture(scope="session")
def material(tmp_path_factory):
    return make_material(tmp_path_factory.mktemp("fonts"))
