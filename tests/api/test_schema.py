"""The schema: current, complete, compatible with itself, and shown without anything inline."""

import copy
import re

import pytest
import yaml
from django.core.management import CommandError, call_command
from django.urls import reverse

from documents.api.compatibility import breaking_changes
from documents.api.examples import EXAMPLES
from documents.api.reference import SCHEMA_FILE, schema_as_yaml
from ocrsite.csp import POLICY

KEPT = yaml.safe_load(SCHEMA_FILE.read_text())
DOCUMENT = "/api/v1/documents/{document_id}/"


@pytest.fixture
def later() -> dict:
    """The schema as somebody may have changed it."""
    return copy.deepcopy(KEPT)


def operations() -> list[tuple[str, dict]]:
    return [
        (f"{method.upper()} {path}", operation)
        for path, item in KEPT["paths"].items()
        for method, operation in item.items()
    ]


def test_the_schema_in_the_repository_is_what_the_code_says():
    assert schema_as_yaml() == SCHEMA_FILE.read_text(), "run ./run manage api_schema"


def test_every_operation_has_a_line_to_paste_and_no_line_is_left_over():
    assert {operation["operationId"] for _, operation in operations()} == set(EXAMPLES)


@pytest.mark.parametrize(("where", "operation"), operations())
def test_every_operation_says_what_it_does_and_how_it_is_refused(where, operation):
    assert operation["description"].split("```")[0].strip()
    assert {"401", "405", "429"} <= set(operation["responses"])
    assert operation["security"] == [{"token": []}, {"browser": []}]


# --- Breaking changes ----------------------------------------------------------------------------


def test_nothing_changed_breaks_nothing(later):
    assert breaking_changes(KEPT, later) == []


def gone_path(schema):
    del schema["paths"][DOCUMENT]


def gone_method(schema):
    del schema["paths"][DOCUMENT]["delete"]


def gone_parameter(schema):
    schema["paths"]["/api/v1/documents/"]["get"]["parameters"].pop()


def needed_parameter(schema):
    new = {"in": "query", "name": "reason", "required": True, "schema": {"type": "string"}}
    schema["paths"]["/api/v1/jobs/"]["get"]["parameters"].append(new)


def smaller_limit(schema):
    for parameter in schema["paths"]["/api/v1/jobs/"]["get"]["parameters"]:
        if parameter["name"] == "limit":
            parameter["schema"]["maximum"] = 100


def gone_choice(schema):
    for parameter in schema["paths"]["/api/v1/documents/"]["get"]["parameters"]:
        if parameter["name"] == "sort":
            parameter["schema"]["enum"].remove("title")


def gone_field(schema):
    del schema["components"]["schemas"]["Document"]["properties"]["sha256"]


def other_type(schema):
    schema["components"]["schemas"]["Line"]["properties"]["order"] = {"type": "string"}


def field_no_longer_sure(schema):
    schema["components"]["schemas"]["Document"]["required"].remove("title")


def field_that_may_be_null(schema):
    schema["components"]["schemas"]["Line"]["properties"]["text"]["nullable"] = True


def new_state_in_answers(schema):
    schema["components"]["schemas"]["JobState"]["enum"].append("paused")


def gone_body(schema):
    del schema["paths"]["/api/v1/read/"]["post"]["requestBody"]["content"]["multipart/form-data"]


def needed_value(schema):
    body = schema["components"]["schemas"]["UploadRequest"]
    body["required"] = [*body["required"], "bundle"]


def other_answer(schema):
    responses = schema["paths"]["/api/v1/documents/"]["post"]["responses"]
    responses["200"] = responses.pop("202")


def other_form(schema):
    content = schema["paths"][f"{DOCUMENT}text/"]["get"]["responses"]["200"]["content"]
    content["text/html"] = content.pop("text/plain")


@pytest.mark.parametrize(
    "change",
    [
        gone_path,
        gone_method,
        gone_parameter,
        needed_parameter,
        smaller_limit,
        gone_choice,
        gone_field,
        other_type,
        field_no_longer_sure,
        field_that_may_be_null,
        new_state_in_answers,
        gone_body,
        needed_value,
        other_answer,
        other_form,
    ],
)
def test_a_planted_break_is_found(later, change):
    change(later)
    assert breaking_changes(KEPT, later)


def new_path(schema):
    schema["paths"]["/api/v1/new/"] = schema["paths"][DOCUMENT]


def new_parameter(schema):
    new = {"in": "query", "name": "reason", "schema": {"type": "string"}}
    schema["paths"]["/api/v1/jobs/"]["get"]["parameters"].append(new)


def new_choice(schema):
    for parameter in schema["paths"]["/api/v1/documents/"]["get"]["parameters"]:
        if parameter["name"] == "sort":
            parameter["schema"]["enum"].append("size")


def new_field(schema):
    schema["components"]["schemas"]["Document"]["properties"]["colour"] = {"type": "string"}


def other_words(schema):
    schema["paths"][DOCUMENT]["get"]["description"] = "Said better."


@pytest.mark.parametrize("change", [new_path, new_parameter, new_choice, new_field, other_words])
def test_what_only_adds_breaks_nothing(later, change):
    change(later)
    assert breaking_changes(KEPT, later) == []


def test_the_command_refuses_to_write_what_breaks_programs(later, tmp_path, monkeypatch, capsys):
    kept = tmp_path / "openapi.yaml"
    monkeypatch.setattr("documents.management.commands.api_schema.SCHEMA_FILE", kept)
    new_path(later)  # so that what the code says lacks an address
    kept.write_text(before := yaml.safe_dump(later))

    for options in ({}, {"check": True}):
        with pytest.raises(CommandError):
            call_command("api_schema", **options)
    assert kept.read_text() == before
    assert "GET /api/v1/new/ is gone" in capsys.readouterr().err

    call_command("api_schema", breaking=True)
    assert kept.read_text() == SCHEMA_FILE.read_text()
    call_command("api_schema", check=True)


# --- As it is served -----------------------------------------------------------------------------


def test_the_schema_is_served_to_anybody_and_sent_once(client):
    answer = client.get(reverse("api:schema"))
    assert yaml.safe_load(answer.content) == KEPT
    again = client.get(reverse("api:schema"), headers={"if-none-match": answer["ETag"]})
    assert again.status_code == 304


def test_the_interactive_page_holds_nothing_inline_and_nothing_from_elsewhere(client):
    answer = client.get(reverse("api:docs"))
    page = answer.content.decode()
    assert answer["Content-Security-Policy"] == POLICY
    assert re.findall(r"<script(?![^>]*\bsrc=)[^>]*>", page) == []
    assert re.findall(r"<style|\sstyle=|\son\w+=", page) == []
    sources = re.findall(r'(?:src|href)="([^"#]+)"', page)
    assert [source for source in sources if not source.startswith("/")] == []
