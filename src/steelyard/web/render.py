"""A page as HTML, as JSON, its table as CSV, or its chart as PNG."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from steelyard.canonical import plain
from steelyard.document import Callout, Chart, to_html, to_json, to_png
from steelyard.errors import DefinitionError, SteelyardError
from steelyard.web.asset import asset_address
from steelyard.web.page import Page
from steelyard.web.spreadsheet import without_formulas

__all__ = ["SECTIONS", "Surroundings", "as_csv", "as_html", "as_json", "as_png"]

SECTIONS = (
    ("Home", "/"),
    ("Dashboards", "/dashboards"),
    ("Metrics", "/metrics"),
    ("Studies", "/studies"),
    ("Decisions", "/decisions"),
    ("Data", "/data"),
    ("Ledger", "/ledger"),
)


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What is shown around a page.

    Args:
        project: The project's name.
        target: Its target.
        folder: Its folder with a slash, which places in errors are shown without; empty leaves them as they are.
        path: The path that was asked.
        query: The parameters that were asked, as in the address.
        trouble: What every page must say: files that cannot be read.
        signed_in: Whether somebody signed in, who may also sign out.
        state: A few words on what the page shows: catalog and ledger.
    """

    project: str
    target: str
    folder: str = ""
    path: str = "/"
    query: str = ""
    trouble: SteelyardError | None = None
    state: str = ""
    signed_in: bool = False


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("steelyard.web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["asset"] = asset_address
    return environment


def as_html(page: Page, around: Surroundings) -> bytes:
    """The page for a person; everything that is not a template of ours is escaped."""
    title = around.project if page.title == around.project else f"{page.title} · {around.project}"
    shown = _environment().get_template("page.html")
    lead = [_trouble(around.trouble), *page.lead] if around.trouble else page.lead
    return shown.render(
        page=page,
        around=around,
        title=title,
        sections=SECTIONS,
        as_json=_as_json_address(around),
        version=version("steelyard"),
        lead=Markup(to_html(lead, key="lead")),  # noqa: S704 - to_html escapes all text
        body=Markup(to_html(page.blocks, key="body")),  # noqa: S704
    ).encode("utf-8", "replace")


def _trouble(error: SteelyardError) -> Callout:
    says = f"{error.problem}. These pages show the project as it was before."
    return Callout("bad", f"The files changed and cannot be read: {error.where}", says)


def _as_json_address(around: Surroundings) -> str:
    asked = [(name, value) for name, value in parse_qsl(around.query) if name != "format"]
    return f"?{urlencode([*asked, ('format', 'json')])}"


def as_json(page: Page) -> bytes:
    """The page for a program: `title`, `data` as plain values, and `blocks` as `document.from_json` reads them."""
    said: Mapping[str, Any] = {
        "title": page.title,
        "data": plain(page.data),
        "blocks": to_json([*page.lead, *page.blocks]),
    }
    return _written(said)


def as_csv(page: Page) -> bytes:
    """The table that the page is of.

    Raises:
        DefinitionError: It is of no table.
    """
    if page.table is None:
        raise DefinitionError("this page is of no table", where="?format", hint="html or json")
    import pyarrow.csv as arrow_csv

    written = BytesIO()
    arrow_csv.write_csv(without_formulas(page.table), written)
    return written.getvalue()


def as_png(page: Page) -> bytes:
    """The page's chart that matters most, or its first.

    Raises:
        DefinitionError: It has none.
        MissingExtraError: What draws it is not installed.
    """
    for block in (page.picture, *page.blocks):
        if isinstance(block, Chart) and not block.is_empty():
            return to_png(block)
    raise DefinitionError("this page has no chart", where="?format", hint="html or json")


def error_as_json(error: SteelyardError) -> bytes:
    """An error in the one shape that it has everywhere."""
    return _written(error.to_dict())


def _written(said: Mapping[str, Any]) -> bytes:
    return (json.dumps(said, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "replace")
