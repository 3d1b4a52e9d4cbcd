"""SQL written once, read by SQLGlot, refused outside of the stated subset, spelled for each engine."""

from __future__ import annotations

import sqlglot
from sqlglot import exp

from steelyard.errors import DefinitionError

__all__ = ["parse_select", "referenced_tables", "render"]


def parse_select(sql: str, where: str = "") -> exp.Expression:
    try:
        found = sqlglot.parse_one(sql, dialect="duckdb")
    except sqlglot.errors.ParseError as error:
        raise DefinitionError(str(error), where=where) from error
    if not isinstance(found, exp.Query):
        raise DefinitionError(f"not a SELECT: {sql!r}", where=where)
    return found


def render(sql: str, dialect: str) -> str:
    return parse_select(sql).sql(dialect=dialect)


def referenced_tables(sql: str) -> tuple[str, ...]:
    tree = parse_select(sql)
    ctes = {cte.alias for cte in tree.find_all(exp.CTE)}
    return tuple(sorted({t.name for t in tree.find_all(exp.Table)} - ctes))
