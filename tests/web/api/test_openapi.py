"""The OpenAPI document lists every route, and what routes answer is what it says."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator
from starlette.routing import Route

from steelyard.project import Project
from steelyard.web import create_app


@pytest.fixture(scope="module")
def document(browser: Any) -> Any:
    return browser.ask("/openapi.json").json()


def validate(document: Any, schema: Any, value: Any) -> None:
    Draft202012Validator({**schema, "components": document["components"]}).validate(value)


def schema_of(document: Any, path: str, method: str = "get") -> Any:
    return document["paths"][path][method]["responses"]["200"]["content"]["application/json"]["schema"]


def test_every_route_is_in_it(document: Any, project: Project) -> None:
    routes = [route for route in create_app(project).routes if isinstance(route, Route)]
    known = {(path, method) for path, methods in document["paths"].items() for method in methods}
    assert known == {
        (r.path.replace(":path}", "}"), method.lower())
        for r in routes
        for method in r.methods or ()
        if method != "HEAD"
    }
    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert operation["summary"].endswith("."), path
    numbers = [operation["operationId"] for methods in document["paths"].values() for operation in methods.values()]
    assert len(set(numbers)) == len(numbers)


def test_it_is_openapi_3_1_whose_schemas_are_schemas(document: Any) -> None:
    assert document["openapi"] == "3.1.0"
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    text = str(document)
    for reference in {part.split("'")[0] for part in text.split("#/components/schemas/")[1:]}:
        assert reference in document["components"]["schemas"]


def test_every_page_answers_what_it_says(browser: Any, document: Any, paths: dict[str, str]) -> None:
    said = {path: schema_of(document, path) for path in document["paths"] if path.startswith("/m") or path == "/"}
    assert len(set(map(str, said.values()))) == 1  # a page is a page
    for path in paths.values():
        validate(document, said["/"], browser.json(path))


@pytest.mark.parametrize("body", [{"metrics": "revenue"}, {"metrics": ["orders"], "by": ["month", "channel"]}])
def test_a_query_is_and_answers_what_it_says(browser: Any, document: Any, body: dict[str, Any]) -> None:
    operation = document["paths"]["/query"]["post"]
    validate(document, schema_of(document, "/query", "post"), browser.ask("/query", method="POST", json=body).json())
    listed = {**body, "metrics": [body["metrics"]] if isinstance(body["metrics"], str) else body["metrics"]}
    validate(document, operation["requestBody"]["content"]["application/json"]["schema"], listed)
    assert set(operation["responses"]["200"]["content"]) >= {"text/csv", "application/vnd.apache.parquet"}


def test_an_assignment_answers_what_it_says(service: Any, document: Any) -> None:
    body = {"experiment": "checkout", "units": [1, "ann"], "expose": True}
    validate(document, schema_of(document, "/assign", "post"), service.ask("/assign", method="POST", json=body).json())


def test_an_error_is_what_it_says(browser: Any, document: Any) -> None:
    schema = document["paths"]["/metrics/{name}"]["get"]["responses"]["default"]["content"]["application/json"][
        "schema"
    ]
    validate(document, schema, browser.json("/metrics/nope"))
    validate(document, schema, browser.ask("/query", method="POST", json={}).json())


def test_the_page_lists_every_address_and_every_field(browser: Any, document: Any) -> None:
    page = browser.page("/api")
    assert page.status_code == 200
    for path in document["paths"]:
        assert path in page.text
    for field in ("complete_through", "definitions", "expose"):
        assert field in page.text
    assert "<script>" not in page.text
    assert browser.json("/api")["data"]["openapi"] == "3.1.0"
