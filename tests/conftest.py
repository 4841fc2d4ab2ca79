"""Shared fixtures: personas, a private data folder per test, uploads made on the spot."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.db import connection
from django.test import Client

from tests.personas import make_user

pytest_plugins = ["tests.plugins"]


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """A test's rows need not survive a power cut, and the syncs are half of the tests' time."""
    options = connection.settings_dict["OPTIONS"]
    if "init_command" in options:
        options["init_command"] = options["init_command"].replace("FULL", "OFF")


@pytest.fixture(autouse=True)
def files_dir(tmp_path: Path, settings) -> Path:
    """Every test keeps its files to itself."""
    settings.OCR_FILES_DIR = tmp_path / "files"
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "files" / "incoming"
    settings.FILE_UPLOAD_TEMP_DIR.mkdir(parents=True)
    settings.STATIC_ROOT = tmp_path / "collected"
    settings.STATIC_ROOT.mkdir()
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return settings.OCR_FILES_DIR


@pytest.fixture
def owner(db) -> User:
    return make_user("alice")


@pytest.fixture
def teammate(db) -> User:
    return make_user("bob")


@pytest.fixture
def stranger(db) -> User:
    return make_user("charlie")


@pytest.fixture
def staff(db) -> User:
    return make_user("sam", is_staff=True, is_superuser=True)


def _client(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def owner_client(owner) -> Client:
    return _client(owner)


@pytest.fixture
def teammate_client(teammate) -> Client:
    return _client(teammate)


@pytest.fixture
def stranger_client(stranger) -> Client:
    return _client(stranger)


@pytest.fixture
def staff_client(staff) -> Client:
    return _client(staff)


@pytest.fixture
def png() -> bytes:
    """A small valid image."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (320, 200), "white").save(buffer, "PNG")
    return buffer.getvalue()


def png_of(number: int) -> bytes:
    """A small valid image, unlike that of any other number below a million."""
    from PIL import Image

    buffer = io.BytesIO()
    colour = (number % 100, number // 100 % 100, number // 10_000)
    Image.new("RGB", (320, 200), colour).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def upload_of() -> Iterator[Callable[..., TemporaryUploadedFile]]:
    """An upload as the handler leaves it: a file in incoming/, removed after the request."""
    made: list[TemporaryUploadedFile] = []

    def make(name: str, content: bytes) -> TemporaryUploadedFile:
        file = TemporaryUploadedFile(name, "application/octet-stream", len(content), None)
        file.write(content)
        file.flush()
        made.append(file)
        return file

    yield make
    for file in made:
        file.close()
