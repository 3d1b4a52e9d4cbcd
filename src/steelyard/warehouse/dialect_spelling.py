"""The spelling of the subset on each engine, from one table of functions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from sqlglot import ErrorLevel, exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.dialects.postgres import Postgres
from sqlglot.errors import UnsupportedError

from steelyard.errors import DefinitionError
from steelyard.warehouse.dialect_asof import as_lateral
from steelyard.warehouse.dialect_subset import function_name, is_star
from steelyard.warehouse.functions import FUNCTIONS
from steelyard.warehouse.query import quote_name

__all__ = ["Spelling", "spell"]

_PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_]*")
# What DuckDB or PostgreSQL keeps for itself; one list, so that a text reads the same on both.
_RESERVED_WORDS = """
all analyse analyze and anti any array as asc asof asymmetric at authorization binary both by case cast check
collate collation column columns concurrently constraint create cross current_catalog current_date current_role
current_schema current_time current_timestamp current_user default deferrable desc describe distinct do else end
except false fetch for foreign freeze from full generated glob grant group having ilike in initially inner intersect
into is isnull join lambda lateral leading left like limit localtime localtimestamp map natural not notnull null
offset on only or order outer overlaps pivot pivot_longer pivot_wider placing positional primary qualify references
returning right row select semi session_user show similar some struct summarize symmetric table tablesample then to
trailing true try_cast tuple union unique unpack unpivot user using values variadic verbose when where window with
"""
_RESERVED = frozenset(_RESERVED_WORDS.split())
_MARK = "\x00"
_POSTGRES_TYPES = {"DOUBLE": "DOUBLE PRECISION", "VARCHAR": "TEXT", "HUGEINT": "NUMERIC", "DECIMAL": "NUMERIC"}
_TEXT_TYPES = {exp.DataType.Type.TEXT, exp.DataType.Type.VARCHAR}


@dataclass(frozen=True, kw_only=True)
class Spelling:
    """What the spelling of one query depends on besides its text.

    Args:
        types: Parameter -> its DuckDB type; a parameter without one is left as it is.
        by_code_point: Whether text must be put in the order of its code points, because the database's own is another.
        collated: Table -> its columns, and whether each is text.
    """

    types: Mapping[str, str] = field(default_factory=dict)
    by_code_point: bool = False
    collated: Mapping[str, Mapping[str, bool]] = field(default_factory=dict)


def spell(tree: exp.Expr, engine: str, spelling: Spelling | None = None) -> tuple[str, tuple[str, ...]]:
    """The SQL as the engine gets it, and its parameters in the order of their numbers (by name on DuckDB).

    Raises:
        DefinitionError: SQLGlot has no spelling for this engine.
    """
    writer: Any = _WRITERS[engine](comments=False, unsupported_level=ErrorLevel.RAISE)
    writer.spelling, writer.names, writer.quantiles = spelling or Spelling(), [], {}
    try:
        text = writer.generate(tree, copy=True)
    except UnsupportedError as error:
        raise DefinitionError(f"{engine} has no such SQL: {error}") from error
    return text, tuple(writer.names)


class _Writing:
    """What both engines' generators have in common."""

    engine: ClassVar[str]
    spelling: Spelling
    names: list[str]
    quantiles: dict[str, Any]

    def identifier_sql(self, node: exp.Identifier) -> str:
        name = node.name
        return name if _PLAIN_NAME.fullmatch(name) and name not in _RESERVED else quote_name(name)

    def anonymous_sql(self, node: exp.Anonymous) -> str:
        return self._call(node)

    def filter_sql(self, node: exp.Filter) -> str:
        return self._call(node.this, condition=self.sql(node.expression, "this"))

    def window_sql(self, node: exp.Window) -> str:
        inner = node.this
        condition = self.sql(inner.expression, "this") if isinstance(inner, exp.Filter) else ""
        call = inner.this if isinstance(inner, exp.Filter) else inner
        if not isinstance(call, exp.Anonymous):
            return super().window_sql(node)  # type: ignore[misc, no-any-return]
        bare = node.copy()
        bare.set("this", exp.Var(this=_MARK))
        return self._call(call, condition=condition, over=super().window_sql(bare).partition(_MARK)[2])  # type: ignore[misc]

    def _call(self, node: exp.Anonymous, *, condition: str = "", over: str = "") -> str:
        function = FUNCTIONS[function_name(node)]
        template = function.spelled(self.engine, 0 if is_star(node) else len(node.expressions))
        assert template is not None, "the subset was checked before"  # noqa: S101
        arguments = [self.sql(item) for item in node.expressions]
        if function.words and len(arguments) == 2:
            arguments[1] = function.words[node.expressions[1].name]
        if function.name == "count" and not function.spelling.keys() - {0, 1} and is_star(node):
            template = "COUNT(*)"
        both = f" AND ({condition})" if condition and "{and}" in template else ""
        tail = (f" FILTER (WHERE {condition})" if condition and not both else "") + over
        slotted = template if "{tail}" in template else template + "{tail}"
        return slotted.format(*arguments, all=", ".join(arguments), tail=tail, **{"and": both})

    def table_sql(self, node: exp.Table, sep: str = " AS ") -> str:
        if not isinstance(node.this, exp.Anonymous):
            return super().table_sql(node, sep=sep)  # type: ignore[misc, no-any-return]
        alias = self.sql(node, "alias") or function_name(node.this)
        return f"{self._call(node.this)}{sep}{alias}{self._joins_of(node)}"

    def _joins_of(self, node: exp.Table) -> str:
        """What is joined to the table inside of parentheses."""
        return "".join(self.sql(join) for join in node.args.get("joins") or ())

    def div_sql(self, node: exp.Div) -> str:
        return f"{self.sql(node, 'this')} / {self._divisor(node)}"

    def mod_sql(self, node: exp.Mod) -> str:
        return f"{self.sql(node, 'this')} % {self._divisor(node)}"

    def _divisor(self, node: exp.Binary) -> str:
        """What is divided by; zero becomes NULL, as does then the result."""
        right = node.expression
        if isinstance(right, exp.Literal) and not right.is_string and float(right.name) != 0:
            return self.sql(right)
        return f"NULLIF({self.sql(right)}, 0)"

    def sql(self, *arguments: Any, **named: Any) -> str:
        return super().sql(*arguments, **named)  # type: ignore[misc, no-any-return]


class _DuckDbWriter(_Writing, DuckDB.Generator):  # type: ignore[misc, valid-type]
    engine = "duckdb"
    TRANSFORMS = {  # noqa: RUF012
        kind: how
        for kind, how in DuckDB.Generator.TRANSFORMS.items()
        if kind
        not in (exp.Anonymous, exp.Div, exp.IntDiv, exp.Mod, exp.Filter, exp.Window, exp.Placeholder, exp.Ordered)
    }

    def placeholder_sql(self, node: exp.Placeholder) -> str:
        if node.name not in self.names:
            self.names.append(node.name)
        kind = self.spelling.types.get(node.name)
        return f"CAST(${node.name} AS {kind})" if kind else f"${node.name}"

    def _call(self, node: exp.Anonymous, *, condition: str = "", over: str = "") -> str:
        """Quantiles of one argument are worked out together: a list of shares costs hardly more than one share."""
        shares = self._shares_beside(node, condition) if function_name(node) == "quantile_cont" else ()
        if len(shares) < 2:
            return super()._call(node, condition=condition, over=over)
        root = f"CAST({self.sql(node.expressions[0])} AS DOUBLE)"
        kept = f" FILTER (WHERE {condition})" if condition else ""
        place = shares.index(self.sql(node.expressions[1])) + 1
        return f"(QUANTILE_CONT({root}, [{', '.join(shares)}]){kept})[{place}]"

    def _shares_beside(self, node: exp.Anonymous, condition: str) -> tuple[str, ...]:
        """The shares, written as numbers, that the same SELECT asks of the same argument under the same condition."""
        select = node.find_ancestor(exp.Select)
        if select is None or not _is_number(node.expressions[1]):
            return ()
        if self.quantiles.get("select") is not select:
            self.quantiles = {"select": select, "shares": self._shares_of(select)}
        found: tuple[str, ...] = self.quantiles["shares"].get((self.sql(node.expressions[0]), condition), ())
        return found

    def _shares_of(self, select: exp.Select) -> dict[tuple[str, str], tuple[str, ...]]:
        found: dict[tuple[str, str], dict[str, None]] = {}
        for call in select.find_all(exp.Anonymous):
            if function_name(call) != "quantile_cont" or not _is_number(call.expressions[1]):
                continue
            if call.find_ancestor(exp.Select) is select:
                over = call.parent
                condition = self.sql(over.expression, "this") if isinstance(over, exp.Filter) else ""
                shares = found.setdefault((self.sql(call.expressions[0]), condition), {})
                shares[self.sql(call.expressions[1])] = None
        return {key: tuple(shares) for key, shares in found.items()}

    def intdiv_sql(self, node: exp.IntDiv) -> str:
        return f"{self.sql(node, 'this')} // {self._divisor(node)}"

    def ordered_sql(self, node: exp.Ordered) -> str:
        first = " NULLS FIRST" if node.args.get("nulls_first") else ""
        return f"{self.sql(node, 'this')}{' DESC' if node.args.get('desc') else ''}{first}"


class _PostgresWriter(_Writing, Postgres.Generator):  # type: ignore[misc, valid-type]
    engine = "postgres"
    TRANSFORMS = {  # noqa: RUF012
        kind: how
        for kind, how in Postgres.Generator.TRANSFORMS.items()
        if kind
        not in (exp.Anonymous, exp.Div, exp.IntDiv, exp.Mod, exp.Filter, exp.Window, exp.Placeholder, exp.Ordered)
    }

    def placeholder_sql(self, node: exp.Placeholder) -> str:
        if node.name not in self.names:
            self.names.append(node.name)
        number, kind = self.names.index(node.name) + 1, self.spelling.types.get(node.name)
        return f"CAST(${number} AS {_POSTGRES_TYPES.get(kind, kind)})" if kind else f"${number}"

    def div_sql(self, node: exp.Div) -> str:
        return f"CAST({self.sql(node, 'this')} AS DOUBLE PRECISION) / {self._divisor(node)}"

    def intdiv_sql(self, node: exp.IntDiv) -> str:
        return f"CAST(DIV(CAST({self.sql(node, 'this')} AS NUMERIC), {self._divisor(node)}) AS BIGINT)"

    def ordered_sql(self, node: exp.Ordered) -> str:
        descends, first = bool(node.args.get("desc")), bool(node.args.get("nulls_first"))
        nulls = "" if descends == first else f" NULLS {'FIRST' if first else 'LAST'}"
        return f"{self.sql(node, 'this')}{' DESC' if descends else ''}{nulls}"

    def like_sql(self, node: exp.Like) -> str:
        text = self.binary(node, "LIKE")
        return text if isinstance(node.parent, exp.Escape) else f"{text} ESCAPE ''"

    def join_sql(self, node: exp.Join) -> str:
        if str(node.args.get("method") or "").upper() == "ASOF":
            node = as_lateral(node)
        return str(super().join_sql(node))

    def literal_sql(self, node: exp.Literal) -> str:
        text = super().literal_sql(node)
        if not node.is_string:
            return f"CAST({text} AS DOUBLE PRECISION)" if "e" in text.lower() else text
        return f'{text} COLLATE "C"' if self.spelling.by_code_point and _gives_text(node) else text

    def cast_sql(self, node: exp.Cast, safe_prefix: str | None = None) -> str:
        text = super().cast_sql(node, safe_prefix)
        return f'{text} COLLATE "C"' if self.spelling.by_code_point and node.to.this in _TEXT_TYPES else text

    def table_sql(self, node: exp.Table, sep: str = " AS ") -> str:
        path = ".".join(part.name for part in node.parts) if isinstance(node.this, exp.Identifier) else ""
        columns = self.spelling.collated.get(path, {})
        if not any(columns.values()):
            return super().table_sql(node, sep=sep)
        listed = ", ".join(
            f'{name} COLLATE "C" AS {name}' if is_text else name
            for name, is_text in ((quote_name(column), is_text) for column, is_text in columns.items())
        )
        bare = exp.Table(this=node.this.copy(), db=node.args.get("db"))
        alias = self.sql(node, "alias") or self.sql(node.this)
        return f"(SELECT {listed} FROM {super().table_sql(bare)}){sep}{alias}{self._joins_of(node)}"

    def _call(self, node: exp.Anonymous, *, condition: str = "", over: str = "") -> str:
        text = super()._call(node, condition=condition, over=over)
        made = function_name(node) in {"lower", "upper", "md5", "concat", "concat_ws"}
        return f'{text} COLLATE "C"' if made and self.spelling.by_code_point else text


def _is_number(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal) and not node.is_string


def _gives_text(node: exp.Literal) -> bool:
    """Whether the literal may be what a column of the result, or what is ordered by, holds."""
    parent = node.parent
    if isinstance(parent, exp.If):
        return node.arg_key in ("true", "false")
    if isinstance(parent, exp.Case):
        return node.arg_key == "default"
    if isinstance(parent, exp.Anonymous):
        return function_name(parent) in {"coalesce", "ifnull", "greatest", "least"}
    return isinstance(parent, (exp.Select, exp.Alias)) or (
        isinstance(parent, exp.Tuple) and isinstance(parent.parent, exp.Values)
    )


_WRITERS = {"duckdb": _DuckDbWriter, "postgres": _PostgresWriter}
