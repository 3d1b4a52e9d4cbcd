"""SQL written once: read by SQLGlot, refused outside of the stated subset, spelled for each engine."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, ClassVar

from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import ParseError, SqlglotError

from steelyard.errors import DefinitionError
from steelyard.warehouse.dialect_asof import check_asof
from steelyard.warehouse.dialect_spelling import Spelling, spell
from steelyard.warehouse.dialect_subset import check_subset, function_name
from steelyard.warehouse.functions import ENGINES, OWN_FUNCTIONS

__all__ = [
    "orders_text",
    "parameter_names",
    "parse_select",
    "referenced_tables",
    "render",
    "render_bound",
    "table_paths",
]


class _AnySelect(DuckDB):
    """DuckDB's SQL, in which `$name` is a value wherever it stands (SQLGlot takes `$a,$b` for the start of a text)."""

    class Tokenizer(DuckDB.Tokenizer):
        HEREDOC_STRINGS: ClassVar[list[str | tuple[str, str]]] = []
        VAR_SINGLE_TOKENS = {"$"}  # noqa: RUF012

    class Parser(DuckDB.Parser):  # type: ignore[misc, valid-type]
        FUNCTIONS = {  # noqa: RUF012
            name: builder for name, builder in DuckDB.Parser.FUNCTIONS.items() if name.lower() not in OWN_FUNCTIONS
        }


class _Subset(_AnySelect):
    """The same, with every function left as it is written: our own table spells them, not SQLGlot."""

    class Tokenizer(_AnySelect.Tokenizer):
        pass

    class Parser(DuckDB.Parser):  # type: ignore[misc, valid-type]
        FUNCTIONS: dict[str, Any] = {}  # noqa: RUF012
        FUNCTION_PARSERS = {  # noqa: RUF012
            name: DuckDB.Parser.FUNCTION_PARSERS[name] for name in ("CAST", "TRY_CAST", "EXTRACT")
        }


def parse_select(sql: str, where: str = "", *, subset: bool = True) -> exp.Expr:
    """One SELECT as SQLGlot's tree.

    Args:
        sql: The SELECT.
        where: Where it stands, for errors.
        subset: Whether it must be in Steelyard's SQL, the same on every engine; its functions are then `Anonymous`
            nodes. Without, it is any SELECT of DuckDB's.

    Raises:
        DefinitionError: It does not parse, is not one SELECT, or is outside of the subset.

    >>> parse_select("SELECT a FROM t").sql()
    'SELECT a FROM t'
    """
    return (_checked if subset else _parsed)(sql, where).copy()


def referenced_tables(sql: str) -> tuple[str, ...]:
    """The tables that a SELECT reads, sorted; what it names itself in WITH is none; `schema.table` where it says so.

    >>> referenced_tables("WITH a AS (SELECT * FROM orders) SELECT * FROM a JOIN sales.customers USING (id)")
    ('orders', 'sales.customers')
    """
    return tuple(sorted(table_paths(sql)))


def table_paths(sql: str) -> Mapping[str, tuple[str, ...]]:
    """The same tables, each with the parts of its name: a dot may also be part of a name.

    >>> dict(table_paths('SELECT * FROM sales.customers, "a.b"'))
    {'sales.customers': ('sales', 'customers'), 'a.b': ('a.b',)}
    """
    return _referenced(sql)


@lru_cache(maxsize=1024)
def parameter_names(sql: str) -> tuple[str, ...]:
    """The names of the values that a SELECT asks for, sorted.

    >>> parameter_names("SELECT * FROM orders WHERE day BETWEEN $since AND $until")
    ('since', 'until')
    """
    return tuple(sorted({node.name for node in _checked(sql, "").find_all(exp.Placeholder)}))


@lru_cache(maxsize=1024)
def render(sql: str, dialect: str) -> str:
    """The SELECT as the engine gets it; a value is `$name` on DuckDB, `$1` on Postgres, `:name` on Spark.

    Raises:
        DefinitionError: It does not parse, is not one SELECT, or is outside of the subset.

    >>> render("SELECT a / b AS share FROM t ORDER BY share DESC", "postgres")
    'SELECT CAST(a AS DOUBLE PRECISION) / NULLIF(b, 0) AS share FROM t ORDER BY share DESC NULLS LAST'
    """
    if dialect not in ENGINES:
        raise DefinitionError(f"no engine named {dialect!r}", hint=" or ".join(ENGINES))
    return spell(_checked(sql, ""), dialect)[0]


def render_bound(sql: str, dialect: str, spelling: Spelling) -> tuple[str, tuple[str, ...]]:
    """The SELECT as the engine gets it with values of known types, and the parameters in the order of their numbers."""
    types = tuple(sorted(spelling.types.items()))
    collated = tuple((table, tuple(columns.items())) for table, columns in spelling.collated.items())
    return _bound(sql, dialect, types, spelling.by_code_point, collated)


@lru_cache(maxsize=1024)
def _bound(
    sql: str,
    dialect: str,
    types: tuple[tuple[str, str], ...],
    by_code_point: bool,
    collated: tuple[tuple[str, tuple[tuple[str, bool], ...]], ...],
) -> tuple[str, tuple[str, ...]]:
    """A question is asked again with other values more often than with other words: its spelling is kept."""
    columns = {table: dict(found) for table, found in collated}
    return spell(_checked(sql, ""), dialect, Spelling(types=dict(types), by_code_point=by_code_point, collated=columns))


def orders_text(sql: str) -> bool:
    """Whether the order of texts may matter to what the SELECT gives.

    >>> orders_text("SELECT a FROM t WHERE b = 'x'"), orders_text("SELECT min(a) FROM t")
    (False, True)
    """
    tree = _checked(sql, "")
    ordering = (exp.Ordered, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Between)
    by_call = {"min", "max", "greatest", "least", "first_by", "last_by", "arg_min", "arg_max"}
    return any(isinstance(node, ordering) or function_name(node) in by_call for node in tree.walk())


@lru_cache(maxsize=256)
def _checked(sql: str, where: str) -> exp.Expr:
    tree = _parse(sql, where, _Subset)
    check_subset(tree, where)
    check_asof(tree, where)
    return tree


@lru_cache(maxsize=256)
def _parsed(sql: str, where: str) -> exp.Expr:
    return _parse(sql, where, _AnySelect)


@lru_cache(maxsize=1024)
def _referenced(sql: str) -> Mapping[str, tuple[str, ...]]:
    try:
        tree = _checked(sql, "")  # what is fetched has been read so before
    except DefinitionError:
        tree = _parsed(sql, "")
    named: dict[str, tuple[str, ...]] = {}
    for table in tree.find_all(exp.Table):
        if isinstance(table.this, exp.Identifier) and not (_in_with(table) and not table.db):
            parts = tuple(part.name for part in table.parts)
            named[".".join(parts)] = parts
    return MappingProxyType(named)


def _in_with(table: exp.Table) -> bool:
    """Whether the name is one of a WITH that the reference can see."""
    node: exp.Expr | None = table
    inside: exp.CTE | None = None
    while node is not None:
        if isinstance(node, exp.CTE):
            inside = node
        given = node.args.get("with_") or node.args.get("with")
        if given is not None:
            before = _before(given, inside)
            if table.name.lower() in before:
                return True
        node = node.parent
    return False


def _before(given: exp.With, inside: exp.CTE | None) -> set[str]:
    """The names that are already given: all of them outside of the WITH, the earlier ones inside (all if recursive)."""
    names: set[str] = set()
    for cte in given.expressions:
        if cte is inside and not given.args.get("recursive"):
            break
        names.add(cte.alias.lower())
    return names


def _parse(sql: str, where: str, dialect: type[DuckDB]) -> exp.Expr:
    try:
        statements = [item for item in dialect().parse(sql) if item is not None]
    except ParseError as error:
        first = error.errors[0] if error.errors else {}
        near = f" near {first['highlight']!r}" if first.get("highlight") else ""
        place = f"line {first.get('line')}, column {first.get('col')} of the SQL" if first.get("line") else ""
        problem = f"the SQL does not parse{near}: {str(first.get('description') or error).rstrip('.')}"
        raise DefinitionError(problem, where=", ".join(part for part in (where, place) if part)) from error
    except (SqlglotError, RecursionError) as error:
        raise DefinitionError(f"the SQL does not parse: {str(error).splitlines()[0]}", where=where) from error
    if len(statements) != 1:
        raise DefinitionError(
            f"one SELECT is wanted, not {len(statements)} statements", where=where, hint="a value belongs in parameters"
        )
    if not isinstance(statements[0], exp.Query):
        word = sql.split(maxsplit=1)[0].upper() if sql.split() else "nothing"
        raise DefinitionError(f"a SELECT is wanted, not {word}", where=where, hint="reading never writes")
    return statements[0]
