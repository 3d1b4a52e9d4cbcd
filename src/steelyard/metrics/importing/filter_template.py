"""A filter of dbt's semantic layer: SQL in which `{{ Dimension('order__status') }}` and the like stand for columns."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from steelyard.errors import DefinitionError
from steelyard.metrics.importing.row_expression import parsed

__all__ = ["GRANULARITIES", "FilterTemplate", "Reference", "parse_filter", "parse_item"]

GRANULARITIES = (
    "nanosecond", "microsecond", "millisecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year",
)  # fmt: skip
_HOLE = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_KINDS = ("Dimension", "TimeDimension", "Entity", "Metric")


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What a `{{ ... }}` names.

    Args:
        kind: `Dimension`, `TimeDimension`, `Entity` or `Metric`.
        name: Its own name, without the entities that lead to it.
        path: The entities that lead to it, in order.
        grain: The granularity that it is cut to; empty for none.
        part: The part of the date that is taken, such as `month`; empty for none.
    """

    kind: str
    name: str
    path: tuple[str, ...] = ()
    grain: str = ""
    part: str = ""


@dataclass(frozen=True, kw_only=True)
class FilterTemplate:
    """A filter, parsed.

    Args:
        text: As written.
        tree: Its SQL, with a column of a made-up name for each reference.
        references: Made-up name -> what it stands for.
    """

    text: str
    tree: exp.Expr
    references: Mapping[str, Reference]


def parse_filter(text: str) -> FilterTemplate:
    """The filter, parsed.

    Raises:
        DefinitionError: It is not SQL with references to dimensions, entities and metrics.

    >>> parse_filter("{{ Dimension('order__status') }} = 'paid'").references["ref_0"].path
    ('order',)
    """
    references: dict[str, Reference] = {}

    def hole(found: re.Match[str]) -> str:
        name = f"ref_{len(references)}"
        references[name] = parse_item(found[1].strip())
        return name

    sql = _HOLE.sub(hole, text)
    if "{" in sql or "}" in sql:
        raise DefinitionError(f"the filter {text!r} is a template with more than references in it")
    tree = parsed(sql)
    for column in tree.find_all(exp.Column):
        if column.table or column.name not in references:
            problem = f"the filter {text!r} names the column {column.sql()!r} itself, not through a dimension"
            raise DefinitionError(problem, hint=f"in the source, write {{{{ Dimension('...__{column.name}') }}}}")
    return FilterTemplate(text=text, tree=tree, references=references)


def parse_item(text: str) -> Reference:
    """One reference: `Dimension('order__status')`, `TimeDimension('metric_time', 'week')`, or `metric_time__week`.

    Raises:
        DefinitionError: It is none.

    >>> parse_item("TimeDimension('order__ordered_on', 'month')").grain
    'month'
    """
    if re.fullmatch(r"\w+", text):
        return _named("Dimension", text, (), "", "")
    try:
        node: ast.AST = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError) as error:
        raise DefinitionError(f"{text!r} is no reference to a dimension, entity or metric") from error
    methods: dict[str, str] = {}
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        methods[node.func.attr] = str(_literal(node.args[0], text)) if node.args else ""
        node = node.func.value
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _KINDS and node.args):
        raise DefinitionError(f"{text!r} is no reference to a dimension, entity or metric")
    if unknown := set(methods) - {"grain", "date_part"}:
        raise DefinitionError(f"{text!r} asks for {sorted(unknown)[0]!r}, which is not known here")
    return _called(node.func.id, node, methods, text)


def _called(kind: str, node: ast.Call, methods: Mapping[str, str], text: str) -> Reference:
    names = {"TimeDimension": ("name", "grain", "path"), "Metric": ("name", "path")}.get(kind, ("name", "path"))
    given = {name: _literal(value, text) for name, value in zip(names, node.args, strict=False)}
    words = {"entity_path": "path", "group_by": "path", "time_granularity_name": "grain", "date_part_name": "part"}
    for word in node.keywords:
        given[words.get(word.arg or "", word.arg or "")] = _literal(word.value, text)
    path = given.get("path") or ()
    path = (path,) if isinstance(path, str) else tuple(str(item) for item in path)
    grain = str(given.get("grain") or methods.get("grain") or "")
    part = str(given.get("part") or methods.get("date_part") or "")
    return _named(kind, str(given.get("name") or ""), path, grain, part)


def _named(kind: str, name: str, path: tuple[str, ...], grain: str, part: str) -> Reference:
    words = name.lower().split("__")
    if len(words) > 1 and words[-1] in GRANULARITIES:
        grain = grain or words.pop()
    return Reference(kind=kind, name=words[-1], path=(*path, *words[:-1]), grain=grain.lower(), part=part.lower())


def _literal(node: ast.AST, text: str) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError) as error:
        raise DefinitionError(f"{text!r} has an argument that is no plain value") from error
