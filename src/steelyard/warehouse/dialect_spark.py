"""The spelling of the subset on Spark."""

from __future__ import annotations

from typing import Any

from sqlglot import exp
from sqlglot.dialects.spark import Spark

from steelyard.errors import DefinitionError
from steelyard.warehouse.dialect_asof import as_lateral
from steelyard.warehouse.dialect_subset import function_name, is_star, where_in
from steelyard.warehouse.dialect_writing import OWN_NODES, Writing

__all__ = ["SparkWriter"]

_KIND = exp.DataType.Type
_NAMED = {
    _KIND.TEXT: "STRING",
    _KIND.VARCHAR: "STRING",
    _KIND.UUID: "STRING",
    _KIND.TIMESTAMP: "TIMESTAMP_NTZ",
    _KIND.TIMESTAMPNTZ: "TIMESTAMP_NTZ",
    _KIND.TIMESTAMPTZ: "TIMESTAMP_LTZ",
}
_WHOLE = {_KIND.SMALLINT, _KIND.INT, _KIND.BIGINT}
_BOUND = {"VARCHAR": "STRING", "TIMESTAMP": "TIMESTAMP_NTZ", "TIMESTAMPTZ": "TIMESTAMP_LTZ"}
_PARTS = {
    "ISODOW": "EXTRACT(DAYOFWEEK_ISO FROM {0})",
    "DOW": "(EXTRACT(DAYOFWEEK FROM {0}) - 1)",
    "ISOYEAR": "EXTRACT(YEAROFWEEK FROM {0})",
}


class SparkWriter(Writing, Spark.Generator):  # type: ignore[misc, valid-type]
    """Spark's generator, with our own table of functions."""

    engine = "spark"
    TRANSFORMS = {  # noqa: RUF012
        kind: how
        for kind, how in Spark.Generator.TRANSFORMS.items()
        if kind not in (*OWN_NODES, exp.AtTimeZone, exp.Cast, exp.Table, exp.Select)
    }

    def quoted(self, name: str) -> str:
        return "`" + name.replace("`", "``") + "`"

    def literal_sql(self, node: exp.Literal) -> str:
        if not node.is_string:
            return str(super().literal_sql(node))
        return "'" + str(node.this).replace("\\", "\\\\").replace("'", "\\'") + "'"

    def placeholder_sql(self, node: exp.Placeholder) -> str:
        if node.name not in self.names:
            self.names.append(node.name)
        kind = self.spelling.types.get(node.name)
        return f"CAST(:{node.name} AS {_BOUND.get(kind, kind)})" if kind else f":{node.name}"

    def datatype_sql(self, node: exp.DataType) -> str:
        if node.this == _KIND.TIME:
            raise DefinitionError("Spark has no type TIME", where=where_in(node, ""), hint="keep hours and minutes")
        return _NAMED.get(node.this) or str(super().datatype_sql(node))

    def cast_sql(self, node: exp.Cast, safe_prefix: str | None = None) -> str:
        inner, kind = self.sql(node, "this"), self.sql(node, "to")
        if node.to.this not in _WHOLE or isinstance(node.this, exp.Placeholder):
            return f"CAST({inner} AS {kind})"
        # Spark cuts; the other engines round decimals half away from zero and doubles half to even.
        return (
            f"CASE WHEN TYPEOF({inner}) IN ('double', 'float') THEN CAST(RINT(CAST({inner} AS DOUBLE)) AS {kind}) "
            f"WHEN TYPEOF({inner}) LIKE 'decimal%' THEN CAST(ROUND(CAST({inner} AS DECIMAL(38, 10)), 0) AS {kind}) "
            f"ELSE CAST({inner} AS {kind}) END"
        )

    def attimezone_sql(self, node: exp.AtTimeZone) -> str:
        """Which way is meant is known only where the type is written beside it."""
        kind = node.this.unnest().to.this if isinstance(node.this.unnest(), exp.Cast) else None
        names = {_KIND.TIMESTAMPTZ: "local_time", _KIND.TIMESTAMP: "local_moment", _KIND.TIMESTAMPNTZ: "local_moment"}
        if kind not in names:
            hint = "local_time(moment, zone) or local_moment(shown, zone)"
            raise DefinitionError("AT TIME ZONE of a type that is not written", where=where_in(node, ""), hint=hint)
        called = exp.Anonymous(this=names[kind], expressions=[node.this.copy(), node.args["zone"].copy()])
        return self._call(called)

    def extract_sql(self, node: exp.Extract) -> str:
        part, of = node.name.upper(), self.sql(node, "expression")
        return _PARTS.get(part, f"EXTRACT({part} FROM {{0}})").format(of)

    def div_sql(self, node: exp.Div) -> str:
        return f"CAST({self.sql(node, 'this')} AS DOUBLE) / {self._divisor(node)}"

    def intdiv_sql(self, node: exp.IntDiv) -> str:
        return f"{self.sql(node, 'this')} DIV {self._divisor(node)}"

    def ordered_sql(self, node: exp.Ordered) -> str:
        nulls = "FIRST" if node.args.get("nulls_first") else "LAST"
        return f"{self.sql(node, 'this')}{' DESC' if node.args.get('desc') else ''} NULLS {nulls}"

    def like_sql(self, node: exp.Like) -> str:
        """Without ESCAPE a backslash is a letter like another, which Spark must be told."""
        if isinstance(node.parent, exp.Escape):
            return str(self.binary(node, "LIKE"))
        pattern = self.sql(exp.Literal.string("\\")), self.sql(exp.Literal.string("\\\\"))
        return f"{self.sql(node, 'this')} LIKE REPLACE({self.sql(node, 'expression')}, {pattern[0]}, {pattern[1]})"

    def select_sql(self, node: exp.Select) -> str:
        """DISTINCT ON is the first row of each by the order of the SELECT."""
        on = node.args["distinct"].args.get("on") if node.args.get("distinct") else None
        if on is None:
            return str(super().select_sql(node))
        order = node.args.get("order") or exp.Order(expressions=[exp.Ordered(this=item) for item in on.expressions])
        place = exp.Window(
            this=exp.Anonymous(this="row_number"),
            partition_by=[item.copy() for item in on.expressions],
            order=order.copy(),
        )
        node = node.copy()
        node.set("distinct", None)
        node.set("qualify", exp.Qualify(this=exp.EQ(this=place, expression=exp.Literal.number(1))))
        return str(super().select_sql(node))

    def join_sql(self, node: exp.Join) -> str:
        if str(node.args.get("method") or "").upper() != "ASOF":
            return str(super().join_sql(node))
        side = "LEFT" if node.args.get("side") else "INNER"
        lateral: Any = as_lateral(node).this
        return f" {side} JOIN LATERAL {self.sql(lateral.this)} AS {self.sql(lateral.args['alias'])} ON TRUE"

    def window_sql(self, node: exp.Window) -> str:
        """Spark knows no FILTER before OVER: what does not count is NULL instead."""
        inner = node.this
        if isinstance(inner, exp.Filter) and isinstance(inner.this, exp.Anonymous):
            call, condition = inner.this.copy(), inner.expression.this
            first = exp.Literal.number(1) if is_star(call) or not call.expressions else call.expressions[0]
            kept = exp.Case(ifs=[exp.If(this=condition.copy(), true=first.copy())])
            call.set("expressions", [kept, *call.expressions[1:]])
            node = node.copy()
            node.set("this", call)
        return super().window_sql(node)

    def _call(self, node: exp.Anonymous, *, condition: str = "", over: str = "") -> str:
        ordered = node.expressions[-1] if node.expressions else None
        if function_name(node) != "string_agg" or not isinstance(ordered, exp.Order):
            return super()._call(node, condition=condition, over=over)
        order = self.expressions(ordered, flat=True)
        tail = f" FILTER (WHERE {condition})" if condition else ""
        what, between = self.sql(node.expressions[0]), self.sql(ordered, "this")
        return f"LISTAGG({what}, {between}) WITHIN GROUP (ORDER BY {order}){tail}{over}"
