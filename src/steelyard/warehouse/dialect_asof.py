"""The as-of join: the row of the right table that was in force at the left row's time."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from steelyard.errors import DefinitionError
from steelyard.warehouse.dialect_subset import where_in

__all__ = ["as_lateral", "check_asof"]

_TURNED: dict[type[exp.Expr], type[exp.Expr]] = {exp.GTE: exp.LTE, exp.GT: exp.LT, exp.LTE: exp.GTE, exp.LT: exp.GT}
_FORM = "[LEFT] ASOF JOIN prices AS p ON o.product = p.product AND o.at >= p.at, with every column qualified"


def check_asof(tree: exp.Expr, where: str) -> None:
    """Refuses an as-of join whose ON is not equalities and exactly one inequality on the right table's time.

    Raises:
        DefinitionError: With the form that is meant.
    """
    for join in tree.find_all(exp.Join):
        if str(join.args.get("method") or "").upper() == "ASOF":
            _time_of_right(join, where)


def as_lateral(join: exp.Join) -> exp.Join:
    """The as-of join as a lateral join on the one nearest row, for an engine that has none."""
    time, descending = _time_of_right(join, "")
    right, on = join.this, join.args["on"]
    order = exp.Order(expressions=[exp.Ordered(this=time.copy(), desc=descending, nulls_first=False)])
    nearest = exp.Select(expressions=[exp.Star()]).from_(right.copy()).where(on.copy())
    nearest.set("order", order)
    nearest = nearest.limit(1)
    alias = exp.TableAlias(this=exp.to_identifier(right.alias_or_name, quoted=True))
    side = join.args.get("side")
    return exp.Join(
        this=exp.Lateral(this=exp.Subquery(this=nearest), alias=alias),
        side=side, kind=None if side else "INNER", on=exp.Boolean(this=True),
    )  # fmt: skip


def _time_of_right(join: exp.Join, where: str) -> tuple[exp.Expr, bool]:
    """The right table's time column, and whether the latest (rather than the earliest) fitting row is meant."""
    name, on = join.this.alias_or_name, join.args.get("on")
    conditions: list[Any] = list(on.flatten()) if isinstance(on, exp.And) else [on]
    unequal = [item for item in conditions if type(item) in _TURNED]
    if (
        on is None
        or len(unequal) != 1
        or any(type(item) not in _TURNED and not isinstance(item, exp.EQ) for item in conditions)
    ):
        raise _not_the_form(join, where)
    comparison: Any = unequal[0]
    kind: type[exp.Expr] = type(comparison)
    left, right = _tables(comparison.this), _tables(comparison.expression)
    if right == {name} and name not in left:
        time = comparison.expression
    elif left == {name} and name not in right:
        time, kind = comparison.this, _TURNED[kind]
    else:
        raise _not_the_form(join, where)
    return time, kind in (exp.GTE, exp.GT)


def _tables(side: exp.Expr) -> set[str]:
    return {column.table for column in side.find_all(exp.Column)}


def _not_the_form(join: exp.Join, where: str) -> DefinitionError:
    return DefinitionError("this ASOF JOIN is not in Steelyard's SQL", where=where_in(join, where), hint=_FORM)
