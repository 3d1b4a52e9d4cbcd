"""What may stand in Steelyard's SQL: every kind of node with what it may carry, and every function."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import ErrorLevel, exp

from steelyard.errors import DefinitionError
from steelyard.warehouse.functions import FUNCTIONS

__all__ = ["check_subset", "function_name", "is_star", "where_in"]

# Node: what it may carry. Anything else that is there (GROUP BY ALL, EXCLUDE, TABLESAMPLE, FOR UPDATE) is refused.
_NODES = """
Select: expressions from from_ joins where group having qualify windows order limit offset with with_ distinct
Union Except Intersect: this expression distinct with with_ order limit offset
With: expressions
CTE Subquery: this alias
From Where Having Qualify Limit Offset: this expression
Table: this db alias joins
TableAlias: this columns
Join: this on using side kind method
Group: expressions rollup cube grouping_sets
Rollup Cube GroupingSets Tuple: expressions
Distinct: expressions on
Order: this expressions
Ordered: this desc nulls_first
Alias: this alias
Column: this table db
Identifier: this quoted
Literal: this is_string
Star Null:
Boolean Placeholder Paren Var Neg Not Exists DataTypeParam: this
Values: expressions alias
Case: this ifs default
If: this true false
Cast: this to
DataType: this expressions nested values
Extract Filter: this expression
Interval: this unit
In: this expressions query
Between: this low high
AtTimeZone: this zone
Anonymous: this expressions
Window: this partition_by order spec alias over
WindowSpec: kind start start_side end end_side
And Or EQ NEQ LT LTE GT GTE Is Like Escape NullSafeEQ NullSafeNEQ Add Sub Mul Mod: this expression
Div IntDiv DPipe: this expression typed safe
"""
_CARRIES = {
    name: frozenset(carried.split())
    for names, _, carried in (line.partition(":") for line in _NODES.strip().splitlines())
    for name in names.split()
}

_TYPES = {
    "BOOLEAN",
    "SMALLINT",
    "INT",
    "BIGINT",
    "DOUBLE",
    "DECIMAL",
    "VARCHAR",
    "TEXT",
    "DATE",
    "TIME",
    "TIMESTAMP",
    "TIMESTAMPNTZ",
    "TIMESTAMPTZ",
    "UUID",
}
_PARTS = {"YEAR", "QUARTER", "MONTH", "DAY", "HOUR", "MINUTE", "ISODOW", "DOW", "DOY", "WEEK", "ISOYEAR"}
_UNITS = {"SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "YEAR"}
_TRUNCATED = {"hour", "day", "week", "month", "quarter", "year"}
_JOINS = {
    ("", ""),
    ("", "INNER"),
    ("", "CROSS"),
    ("LEFT", ""),
    ("RIGHT", ""),
    ("FULL", ""),
    ("LEFT", "OUTER"),
    ("RIGHT", "OUTER"),
    ("FULL", "OUTER"),
}

_CLOCK = "the clock is a value: bind it, as $today"
_HINTS = {
    "CurrentDate": _CLOCK,
    "CurrentTimestamp": _CLOCK,
    "CurrentTime": _CLOCK,
    "Localtime": _CLOCK,
    "Localtimestamp": _CLOCK,
    "ILike": "lower(x) LIKE lower(pattern)",
    "TryCast": "test the text first, or clean it in a table",
    "Bracket": "lists and structs stay in tables",
    "RegexpLike": "LIKE, starts_with or contains: engines differ in regular expressions",
    "Lateral": "a subquery, or ASOF JOIN",
    "IgnoreNulls": "filter the NULLs first",
    "Any": "IN or EXISTS",
    "SimilarTo": "LIKE",
    "Glob": "LIKE",
    "Array": "lists stay in tables",
    "TableSample": "WHERE bucket('sample', id) < ...",
    "Pow": "power(x, y)",
}
_FUNCTION_HINTS = {
    "now": _CLOCK,
    "today": _CLOCK,
    "random": "bucket('salt', id) is the same each time",
    "any_value": "min, max or first_by",
    "first": "first_by(x, t)",
    "last": "last_by(x, t)",
    "mode": "count and rank",
    "approx_count_distinct": "count(DISTINCT x)",
    "approx_quantile": "quantile_cont(x, q)",
    "hash": "bucket(salt, id) or md5(x)",
    "date_diff": "days_between(a, b)",
    "datediff": "days_between(a, b)",
    "strftime": "date_trunc, year, month or day",
    "stddev": "stddev_samp",
    "variance": "var_samp",
    "epoch": "seconds_between(a, b)",
    "regexp_matches": "LIKE, starts_with or contains",
    "countif": "count_if",
    "mod": "a % b",
    "timezone": "local_time(ts, zone)",
    "unnest": "day_series or number_series",
    "generate_series": "day_series or number_series",
    "range": "day_series or number_series",
    "log": "ln(x) / ln(10)",
    "log10": "ln(x) / ln(10)",
}
_FILES = ("read_", "glob", "parquet_", "sniff_", "getenv", "pg_read", "lo_", "sqlite_", "postgres_", "query", "duckdb_")
_OTHER_KINDS = {"window": "OVER (...)", "table": "FROM"}


def check_subset(tree: exp.Expr, where: str) -> None:
    """Refuses what is outside of the subset.

    Raises:
        DefinitionError: Something is; with its line and column where SQLGlot knows them.
    """
    for node in tree.walk():
        name = type(node).__name__
        if name not in _CARRIES:
            shown = "IGNORE NULLS" if name == "IgnoreNulls" else _shown(node)
            _refuse(f"{shown} is not in Steelyard's SQL", node, where, _HINTS.get(name, ""))
        for key, value in node.args.items():
            if key not in _CARRIES[name] and value not in (None, False, []):
                _refuse(f"{_shown(node)}: {_words(key, value)} is not in Steelyard's SQL", node, where)
        check = _CHECKS.get(name)
        for problem, hint in check(node) if check else ():
            _refuse(problem, node, where, hint)


def function_name(node: exp.Expr) -> str:
    """The called function's name in lower case; empty for what is no call."""
    if not isinstance(node, exp.Anonymous):
        return ""
    return str(node.this.name if isinstance(node.this, exp.Expr) else node.this).lower()


def where_in(node: exp.Expr, where: str) -> str:
    """`where`, with the line and column in the SQL if SQLGlot knows them."""
    for item in node.walk(bfs=False):
        if "line" in item.meta:
            place = f"line {item.meta['line']}, column {max(item.meta['col'] - len(item.name) + 1, 1)}"
            return f"{where}, {place} of the SQL" if where else f"{place} of the SQL"
    return where


def _refuse(problem: str, node: exp.Expr, where: str, hint: str = "") -> None:
    raise DefinitionError(problem, where=where_in(node, where), hint=hint or "docs/guides/warehouse.md lists what is")


def _shown(node: exp.Expr) -> str:
    text = node.sql(dialect="duckdb", unsupported_level=ErrorLevel.IGNORE)
    return repr(text if len(text) <= 60 else text[:57] + "...")


def _words(key: str, value: object) -> str:
    named = {
        "all": "ALL",
        "except_": "EXCLUDE",
        "replace": "REPLACE",
        "sample": "TABLESAMPLE",
        "locks": "FOR UPDATE",
        "into": "INTO",
        "recursive": "RECURSIVE",
        "by_name": "BY NAME",
        "pivots": "PIVOT",
        "ignore_nulls": "IGNORE NULLS",
    }
    return named.get(key, key.rstrip("_").replace("_", " ").upper())


Problems = Iterator[tuple[str, str]]


def _table(node: exp.Expr) -> Problems:
    inner = node.this
    if node.args.get("joins") and not isinstance(node.parent, exp.Subquery):
        yield "a join inside of a join", "put it in parentheses: a LEFT JOIN (b LEFT JOIN c ON ...) ON ..."
    if isinstance(inner, exp.Anonymous):
        known = FUNCTIONS.get(function_name(inner))
        if known is None or known.kind != "table":
            yield (
                f"{function_name(inner)}(...) may not stand in FROM",
                "day_series or number_series; files are connected to, not read in SQL",
            )
    elif not isinstance(inner, exp.Identifier):
        yield f"{_shown(node)} may not stand in FROM", "a table, a subquery, day_series or number_series"


def _call(node: exp.Expr) -> Problems:
    name, arguments = function_name(node), len(node.expressions)
    known = FUNCTIONS.get(name)
    if known is None:
        files = name.startswith(_FILES)
        hint = (
            "files and the machine are out of reach of SQL: connect to the file"
            if files
            else _FUNCTION_HINTS.get(name, "")
        )
        yield f"the function {name!r} is not in Steelyard's SQL", hint
        return
    if known.spelled("duckdb", 0 if is_star(node) else arguments) is None:
        yield f"{name} takes {known.arguments()} argument(s), not {arguments}", known.says
    parent = node.parent
    over = parent.parent if isinstance(parent, exp.Filter) else parent
    windowed = isinstance(over, exp.Window) and over.this in (node, parent)
    if known.kind == "table" and not isinstance(parent, exp.Table):
        yield f"{name}(...) stands in FROM", known.says
    if known.kind == "window" and not windowed:
        yield f"{name}(...) needs OVER (...)", known.says
    if windowed and (known.kind == "plain" or not known.windowed):
        yield f"{name}(...) may not be followed by OVER", "compute it in a GROUP BY and join it"
    if isinstance(parent, exp.Filter) and known.kind != "aggregate":
        yield f"{name}(...) may not be followed by FILTER", "only aggregates may"
    if name == "date_trunc" and not (
        isinstance(unit := node.expressions[0], exp.Literal) and unit.name.lower() in _TRUNCATED
    ):
        yield f"date_trunc to {_shown(node.expressions[0])}", f"one of {', '.join(sorted(_TRUNCATED))}"
    word = node.expressions[1] if known.words and arguments == 2 else None
    if word is not None and not (isinstance(word, exp.Literal) and word.name in known.words):
        yield f"{name} with {_shown(word)}", f"one of {', '.join(known.words)}, as a literal"


def is_star(node: exp.Expr) -> bool:
    """Whether the call is `count(*)`."""
    return function_name(node) == "count" and len(node.expressions) == 1 and isinstance(node.expressions[0], exp.Star)


def _star(node: exp.Expr) -> Problems:
    parent = node.parent
    counted = isinstance(parent, exp.Anonymous) and function_name(parent) == "count"
    if not (isinstance(parent, (exp.Select, exp.Column)) or counted):
        yield "a * stands in SELECT and in count(*) only", ""


def _join(node: exp.Expr) -> Problems:
    method = str(node.args.get("method") or "").upper()
    side, kind = str(node.args.get("side") or "").upper(), str(node.args.get("kind") or "").upper()
    if method not in ("", "ASOF") or (side, kind) not in _JOINS:
        named = " ".join(part for part in (method, side, kind, "JOIN") if part)
        yield (
            f"{named} is not in Steelyard's SQL",
            "INNER, LEFT, RIGHT, FULL or CROSS JOIN, [LEFT] ASOF JOIN, EXISTS, NOT EXISTS",
        )
    elif method == "ASOF" and side not in ("", "LEFT"):
        yield f"ASOF {side} JOIN is not in Steelyard's SQL", "ASOF JOIN or ASOF LEFT JOIN"


def _type(node: exp.Expr) -> Problems:
    name = node.this.name if hasattr(node.this, "name") else str(node.this)
    parameters = len(node.expressions)
    if name not in _TYPES:
        yield f"the type {_shown(node)} is not in Steelyard's SQL", ", ".join(sorted(_TYPES - {"INT", "TEXT"}))
    elif name == "DECIMAL" and parameters != 2:
        yield "DECIMAL needs its precision and scale", "DECIMAL(38, 2)"
    elif name != "DECIMAL" and parameters:
        yield f"{name} takes no parameters", "engines differ in whether they cut or refuse"


def _extract(node: exp.Expr) -> Problems:
    if node.name.upper() not in _PARTS:
        yield f"EXTRACT({node.name} ...) is not in Steelyard's SQL", ", ".join(sorted(_PARTS))


def _interval(node: exp.Expr) -> Problems:
    unit = node.args.get("unit")
    if not isinstance(node.this, exp.Literal) or unit is None or unit.name.upper().rstrip("S") not in _UNITS:
        yield (
            f"{_shown(node)} is not in Steelyard's SQL",
            "INTERVAL 7 DAY; for a computed number add_days, add_months, add_seconds",
        )


def _tuple(node: exp.Expr) -> Problems:
    if (
        not isinstance(node.parent, (exp.Values, exp.GroupingSets, exp.Rollup, exp.Cube, exp.Group))
        and node.arg_key != "on"
    ):
        yield "a row of values may not be compared", "compare one by one: engines differ where one is NULL"


def _ordered(node: exp.Expr) -> Problems:
    if isinstance(node.this, exp.Var):
        yield "ORDER BY ALL is not in Steelyard's SQL", "name the columns"


def _placeholder(node: exp.Expr) -> Problems:
    name = node.this
    if not isinstance(name, str) or not name.isidentifier():
        yield "a value needs a name", "write it as $name and give it in parameters"


def _subquery(node: exp.Expr) -> Problems:
    if isinstance(node.this, exp.Table):
        if not node.this.args.get("joins"):
            yield "a table in parentheses", "drop the parentheses"
        if node.args.get("alias"):
            yield "a join in parentheses has no name", "its tables keep their own; or write (SELECT ...) AS name"


def _filter(node: exp.Expr) -> Problems:
    if not isinstance(node.this, exp.Anonymous):
        yield f"{_shown(node.this)} may not be followed by FILTER", "only aggregates may"


def _select(node: exp.Expr) -> Problems:
    if node.args.get("qualify") and any(item.is_star for item in node.expressions):
        yield "SELECT * with QUALIFY", "name the columns"


_CHECKS = {
    "Select": _select,
    "Table": _table,
    "Anonymous": _call,
    "Star": _star,
    "Join": _join,
    "DataType": _type,
    "Extract": _extract,
    "Interval": _interval,
    "Tuple": _tuple,
    "Ordered": _ordered,
    "Placeholder": _placeholder,
    "Subquery": _subquery,
    "Filter": _filter,
}
