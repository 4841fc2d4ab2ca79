"""The line that the schema shows for each operation, pasted into a shell."""

import json
import re
import shlex
import shutil
import subprocess

import jsonschema
import pytest
import yaml

from documents.api.examples import EXAMPLES
from documents.api.reference import SCHEMA_FILE
from documents.models import Scope
from documents.services.tokens import create_token
from tests.api.operations import OPERATIONS, document_for
from tests.api.test_documents import read_everything
from tests.documents.test_uploads import pdf_of

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # The server of the whole session is older than this test's folder for static files.
    pytest.mark.filterwarnings("ignore:No directory at"),
    pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed"),
]
SCHEMA = yaml.safe_load(SCHEMA_FILE.read_text())


def answer_shape(operation_id: str, status: str) -> dict | None:
    """The JSON schema of an answer, where it is JSON."""
    for item in SCHEMA["paths"].values():
        for operation in item.values():
            if operation["operationId"] == operation_id:
                content = operation["responses"][status].get("content", {})
                return content.get("application/json", {}).get("schema")
    raise AssertionError(operation_id)


def as_json_schema(shape: object) -> object:
    """OpenAPI 3.0 says nullable where JSON Schema says "or null"."""
    if isinstance(shape, list):
        return [as_json_schema(part) for part in shape]
    if not isinstance(shape, dict):
        return shape
    plain = {key: as_json_schema(part) for key, part in shape.items() if key != "nullable"}
    return {"anyOf": [plain, {"type": "null"}]} if shape.get("nullable") is True else plain


def check_shape(told: object, shape: dict) -> None:
    whole = {**as_json_schema(shape), "components": as_json_schema(SCHEMA["components"])}
    jsonschema.validate(told, whole)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda o: o.name)
def test_the_line_works_when_pasted(operation, owner, png, live_server, tmp_path, monkeypatch):
    monkeypatch.setattr("documents.services.waiting.pause", lambda seconds: read_everything())
    document = document_for(operation, owner, png)
    (tmp_path / "letter.png").write_bytes(png)
    (tmp_path / "book.pdf").write_bytes(pdf_of(2))
    environment = {
        "PATH": "/usr/bin:/bin",
        "NO_PROXY": "*",
        "FOLIO": live_server.url,
        "TOKEN": create_token(owner=owner, name="x", scope=Scope.WRITE)[1],
        "DOCUMENT": str(document.pk),
        "JOB": str(document.job_id),
    }
    line = f"{EXAMPLES[operation.name]} -sS --fail-with-body -w '\\n%{{http_code}}'"
    done = subprocess.run(
        ["bash", "-c", line],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    body, _, status = done.stdout.rpartition("\n")
    assert (done.returncode, status[0]) == (0, "2"), done.stdout + done.stderr
    shape = answer_shape(operation.name, status)
    saved = re.search(r" -o (\S+)", line)
    told = (tmp_path / saved[1]).read_bytes() if saved else body
    if shape:
        check_shape(json.loads(told), shape)
    else:
        assert told or status == "204"


def test_every_line_shows_the_token_and_no_secret():
    for line in EXAMPLES.values():
        words = shlex.split(line)
        assert "Authorization: Bearer $TOKEN" in words
        assert "folio_" not in line
