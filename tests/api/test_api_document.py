"""The OpenAPI document: every route is in it, with examples that are as their schemas say."""

import re
import tomllib
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest
import schemathesis
from jsonschema import Draft202012Validator, FormatChecker

UNDOCUMENTED = {"HEAD", "OPTIONS", "QUERY"}  # OpenAPI 3.1 has no word for the last
JSON, PROBLEM = "application/json", "application/problem+json"


class Operation(NamedTuple):
    name: str  # as `GET /jobs`
    told: dict


@pytest.fixture(scope="module")
def document(app):
    return app.test_client().get("/openapi.json").json


@pytest.fixture(scope="module")
def operations(document):
    return [
        Operation(f"{method.upper()} {path}", told)
        for path, methods in document["paths"].items()
        for method, told in methods.items()
    ]


@pytest.fixture(scope="module")
def resolved(document):
    """What stands where a reference points to."""

    def follow(value):
        while "$ref" in value:
            found = document
            for part in value["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            value = found
        return value

    return follow


@pytest.fixture(scope="module")
def misfit(document, resolved):
    """Why the example of a media type is none; empty if it fits its schema."""

    def look(media):
        schema = media["schema"]
        example = media.get("example", resolved(schema).get("example"))
        if example is None:
            return "no example"
        whole = {**schema, "components": document["components"]}
        validator = Draft202012Validator(whole, format_checker=FormatChecker())
        return "; ".join(error.message for error in validator.iter_errors(example))

    return look


def responses(operations):
    for operation in operations:
        for status, response in operation.told["responses"].items():
            if status != "default":  # Replicate's own
                yield f"{operation.name} {status}", int(status), response


def test_its_version_is_that_of_the_project(document):
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert document["info"]["version"] == project["version"]


def test_it_is_valid_openapi_31(document):
    schemathesis.openapi.from_dict(document).validate()
    assert document["openapi"].startswith("3.1")
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_it_has_every_route_and_no_other(app, operations):
    def path(rule):
        return re.sub("<(?:[a-z]+:)?([a-z_]+)>", r"{\1}", str(rule))

    routes = {
        f"{method} {path(rule)}"
        for rule in app.url_map.iter_rules()
        if not str(rule).startswith("/ui/")  # pages for people
        and "<passed:" not in str(rule)  # what Replicate's own document describes
        for method in rule.methods - UNDOCUMENTED
    }
    assert routes == {operation.name for operation in operations}


def test_everything_it_refers_to_is_in_it(document, resolved):
    def look(value):
        if isinstance(value, dict):
            resolved(value)
        for inner in value.values() if isinstance(value, dict) else value:
            if isinstance(inner, dict | list):
                look(inner)

    look(document)


def test_every_operation_is_summed_up_and_named_once(operations):
    assert [each.name for each in operations if not each.told.get("summary")] == []
    names = Counter(each.told["operationId"] for each in operations)
    assert [name for name, times in names.items() if times > 1] == []


def test_every_parameter_is_described_and_none_can_be_null(operations):
    odd = [
        f"{each.name}: {parameter['name']}"
        for each in operations
        for parameter in each.told.get("parameters", ())
        if not parameter.get("description") or "anyOf" in parameter["schema"]
    ]
    assert odd == []


def test_every_body_that_is_asked_for_has_an_example_that_fits(operations, misfit):
    misfits = {
        f"{each.name} {kind}": found
        for each in operations
        for kind, media in each.told.get("requestBody", {}).get("content", {}).items()
        if (found := misfit(media))
    }
    assert misfits == {}


def test_every_json_answer_has_an_example_that_fits(operations, misfit):
    misfits = {
        where: found
        for where, status, response in responses(operations)
        if status < 300 and JSON in response.get("content", {})
        if (found := misfit(response["content"][JSON]))
    }
    assert misfits == {}


def test_every_error_is_a_problem_with_an_example_of_its_status(operations, misfit):
    for where, status, response in responses(operations):
        if status >= 400 and where != "GET /readyz 503":
            assert set(response["content"]) == {PROBLEM}, where
            assert misfit(response["content"][PROBLEM]) == "", where
            assert response["content"][PROBLEM]["example"]["status"] == status, where


def test_every_header_has_an_example_that_fits_and_every_answer_its_request_id(
    document, operations
):
    for name, header in document["components"]["headers"].items():
        Draft202012Validator(header["schema"]).validate(header["example"])
        assert header["description"], name
    for where, status, response in responses(operations):
        assert "X-Request-Id" in response["headers"], where
        assert ("Retry-After" in response["headers"]) == (
            status in {429, 503} and PROBLEM in response["content"]
        ), where


def test_what_may_be_refused_is_told(operations):
    untold = {}
    for each in operations:
        refusals = {"500"}
        if each.told.get("security") and each.name != "GET /metrics":  # which has no limit
            refusals |= {"401", "403", "429", "503"}
        if JSON in each.told.get("requestBody", {}).get("content", {}):
            refusals |= {"400", "413", "422"}
        if refusals - set(each.told["responses"]):
            untold[each.name] = sorted(refusals - set(each.told["responses"]))
    assert untold == {}
