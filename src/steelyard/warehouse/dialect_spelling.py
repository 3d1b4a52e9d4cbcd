"""The spelling of the subset on each engine, from one table of functions."""

from __future__ import annotations

from typing import Any

from sqlglot import ErrorLevel, exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.dialects.postgres import Postgres
from sqlglot.errors import UnsupportedError

from steelyard.errors import DefinitionError
from steelyard.warehouse.dialect_asof import as_lateral
from steelyard.warehouse.dialect_spark import SparkWriter
from steelyard.warehouse.dialect_subset import function_name
from steelyard.warehouse.dialect_writing import OWN_NODES, Spelling, Writing
from steelyard.warehouse.query import quote_name

__all__ = ["Spelling", "spell"]

_POSTGRES_TYPES = {"DOUBLE": "DOUBLE PRECISION", "VARCHAR": "TEXT", "HUGEINT": "NUMERIC", "DECIMAL": "NUMERIC"}
_TEXT_TYPES = {exp.DataType.Type.TEXT, exp.DataType.Type.VARCHAR}


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


class _DuckDbWriter(Writing, DuckDB.Generator):  # type: ignore[misc, valid-type]
    engine = "duckdb"
    TRANSFORMS = {  # noqa: RUF012
        kind: how for kind, how in DuckDB.Generator.TRANSFORMS.items() if kind not in OWN_NODES
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


class _PostgresWriter(Writing, Postgres.Generator):  # type: ignore[misc, valid-type]
    engine = "postgres"
    TRANSFORMS = {  # noqa: RUF012
        kind: how for kind, how in Postgres.Generator.TRANSFORMS.items() if kind not in OWN_NODES
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


_WRITERS = {"duckdb": _DuckDbWriter, "postgres": _PostgresWriter, "spark": SparkWriter}
