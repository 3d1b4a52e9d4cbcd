"""What the spelling of the subset has in common on every engine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from sqlglot import exp

from steelyard.warehouse.dialect_subset import function_name, is_star
from steelyard.warehouse.functions import FUNCTIONS
from steelyard.warehouse.query import quote_name

__all__ = ["OWN_NODES", "Spelling", "Writing"]

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
OWN_NODES = (exp.Anonymous, exp.Div, exp.IntDiv, exp.Mod, exp.Filter, exp.Window, exp.Placeholder, exp.Ordered)
"""What is spelled here and not by SQLGlot."""


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


class Writing:
    """What the generators of all engines have in common."""

    engine: ClassVar[str]
    spelling: Spelling
    names: list[str]
    quantiles: dict[str, Any]

    def identifier_sql(self, node: exp.Identifier) -> str:
        name = node.name
        return name if _PLAIN_NAME.fullmatch(name) and name not in _RESERVED else self.quoted(name)

    def quoted(self, name: str) -> str:
        """The name in the engine's quotes."""
        return quote_name(name)

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
        texts = ", ".join(f"CAST({argument} AS STRING)" for argument in arguments)
        return slotted.format(*arguments, all=", ".join(arguments), texts=texts, tail=tail, **{"and": both})

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
