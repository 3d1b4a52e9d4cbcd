"""The description of every address as OpenAPI 3.1, made from what the routes say of themselves."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import msgspec
from starlette.routing import BaseRoute, Route

from steelyard.web.operation import Operation, operation_of

__all__ = ["ErrorSaid", "openapi_document", "operations"]

REFERENCES = "#/components/schemas/{name}"
JSON = "application/json"


@dataclass(frozen=True, kw_only=True)
class ErrorSaid:
    """What went wrong, in the one shape that it has everywhere.

    Args:
        error: The kind of error.
        problem: One sentence that quotes the value and the name.
        where: Where it is; empty where there is no place.
        hint: What to do about it; empty where nothing can be said.
    """

    error: str
    problem: str
    where: str
    hint: str


def operations(routes: Iterable[BaseRoute]) -> list[tuple[str, str, Operation]]:
    """Path, method and description of every address."""
    found = []
    for route in routes:
        operation = operation_of(route)
        if isinstance(route, Route) and operation is not None:
            path = re.sub(r"{(\w+):\w+}", r"{\1}", route.path)
            found += [(path, method, operation) for method in sorted(route.methods or ()) if method != "HEAD"]
    return found


def openapi_document(routes: Iterable[BaseRoute], title: str) -> dict[str, Any]:
    """The document.

    Args:
        routes: Every route.
        title: The project's name.
    """
    known = operations(routes)
    types = [kind for _, _, item in known for kind in (item.answer, item.body) if kind not in (None, dict)]
    _, components = msgspec.json.schema_components([*dict.fromkeys(types), ErrorSaid], ref_template=REFERENCES)
    paths: dict[str, dict[str, Any]] = {}
    for path, method, item in known:
        paths.setdefault(path, {})[method.lower()] = _described(path, method, item)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": title,
            "version": version("steelyard"),
            "description": "Every page is JSON at the same address, with `?format=json` or `Accept: application/json`.",
        },
        "paths": paths,
        "components": {"schemas": {name: _short(schema) for name, schema in components.items()}},
    }


def _described(path: str, method: str, item: Operation) -> dict[str, Any]:
    said: dict[str, Any] = {
        "operationId": re.sub(r"\W+", "_", f"{method.lower()}{path}").strip("_"),
        "summary": item.summary,
        "parameters": _parameters(path, item),
        "responses": {
            "200": {"description": item.summary, "content": _content(item)},
            "default": {"description": "What went wrong.", "content": {JSON: {"schema": _reference(ErrorSaid)}}},
        },
    }
    if item.body is not None:
        said["requestBody"] = {"required": True, "content": {JSON: {"schema": _reference(item.body)}}}
    return said


def _parameters(path: str, item: Operation) -> list[Mapping[str, Any]]:
    text = {"type": "string"}
    named = [{"name": name, "in": "path", "required": True, "schema": text} for name in re.findall(r"{(\w+)}", path)]
    asked = [{"name": name, "in": "query", "required": False, "schema": text} for name in item.takes]
    return [*named, *asked]


def _content(item: Operation) -> dict[str, Any]:
    said: dict[str, Any] = {}
    if item.answer is not None:
        said[JSON] = {"schema": {"type": "object"} if item.answer is dict else _reference(item.answer)}
    for media, holds in item.media.items():
        said[media.partition(";")[0]] = {"schema": {"type": "string", "description": holds}}
    return said


def _reference(kind: type) -> dict[str, str]:
    return {"$ref": REFERENCES.format(name=kind.__name__)}


def _short(schema: Any) -> Any:
    """The schema with the text that docstrings give, of which only the sentence before the arguments describes it."""
    if isinstance(schema, Mapping):
        return {
            key: value.partition("\n\n")[0] if key == "description" and isinstance(value, str) else _short(value)
            for key, value in schema.items()
        }
    return [_short(item) for item in schema] if isinstance(schema, list) else schema
