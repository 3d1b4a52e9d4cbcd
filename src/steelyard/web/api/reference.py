"""`/api`: every address in a page that a person reads."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable, Sequence
from typing import Any

from starlette.routing import BaseRoute

from steelyard.document import Block, Code, CodeBlock, Heading, Link, Paragraph, Table
from steelyard.web.api.openapi import openapi_document, operations
from steelyard.web.page import Page
from steelyard.web.view import View

__all__ = ["reference"]

EXAMPLE = """curl -s http://127.0.0.1:8765/query -H 'content-type: application/json' \\
  -d '{"metrics": ["revenue"], "by": ["country"], "grain": "month"}'"""


def reference(view: View, routes: Callable[[], Sequence[BaseRoute]]) -> Page:
    """The data service: every address, what it takes and what it answers."""
    known = operations(routes())
    rows = [(Code(f"{method} {path}"), item.summary, ", ".join(item.takes) or "–") for path, method, item in known]
    bodies = {item.body: path for path, _, item in known if item.body is not None}
    blocks: list[Block] = [
        Paragraph([
            "Every page is JSON at the same address, with ?format=json or the header Accept: application/json. "
            "An error has one shape: error, problem, where, hint. ",
            Link("The same for programs, as OpenAPI 3.1", "/openapi.json"), ".",
        ]),
        Table(["address", "does", "parameters"], rows),
    ]  # fmt: skip
    for body, path in bodies.items():
        blocks += [Heading(f"What {path} takes", 2, id=path.strip("/")), _fields(body)]
    blocks += [Heading("An example", 2, id="example"), CodeBlock(EXAMPLE, "console")]
    return Page(
        title="Data service",
        lead=[Heading("Data service", 1)],
        blocks=blocks,
        data=openapi_document(routes(), view.project.name),
    )


def _fields(body: type) -> Table:
    """The fields of a body with what its docstring says of each."""
    said = _arguments(inspect.getdoc(body) or "")
    rows = [
        (Code(field.name), "required" if field.default is dataclasses.MISSING else "optional", said[field.name])
        for field in dataclasses.fields(body)
    ]
    return Table(["field", "is", "says"], rows)


def _arguments(docstring: str) -> dict[str, str]:
    """Name -> what the docstring's `Args:` says of it."""
    found: dict[str, Any] = {}
    name = ""
    for line in docstring.partition("Args:\n")[2].splitlines():
        if match := re.match(r"    (\w+): (.*)", line):
            name = match[1]
            found[name] = match[2]
        elif line.startswith("        ") and name:
            found[name] += " " + line.strip()
    return found
