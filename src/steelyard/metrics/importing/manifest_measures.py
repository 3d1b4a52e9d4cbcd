"""A measure, or a simple metric, of a dbt semantic manifest as one aggregate of one table's rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlglot import exp

from steelyard.errors import DefinitionError, unknown_name
from steelyard.metrics.importing.condition import row_value, when_true
from steelyard.metrics.importing.draft import part, text_of
from steelyard.metrics.importing.filter_template import parse_filter
from steelyard.metrics.importing.manifest_models import Model, Models
from steelyard.metrics.importing.row_expression import (
    MAKE_A_COLUMN,
    all_of,
    checked,
    column_node,
    divides,
    parsed,
    qualified,
)

__all__ = ["Aggregate", "read_aggregate"]

ADDING = ("sum", "count", "mean")
SIDES = ("sum", "count", "distinct")
_LAST_DAY = (
    "the last day of a period is that of all rows here; under a condition, MetricFlow takes that of the rows it keeps"
)


@dataclass(frozen=True, kw_only=True)
class Aggregate:
    """One aggregate, as a definition would write it.

    Args:
        model: Whose rows it is of.
        kind: `sum`, `count`, `mean`, `distinct`, `quantile` or `balance`.
        of: What stands under the kind.
        conditions: Which rows count.
        time: The time dimension that dates the rows; empty for none.
        notes: What differs.
    """

    model: Model
    kind: str
    of: Any
    conditions: tuple[exp.Expr, ...] = ()
    time: str = ""
    notes: tuple[str, ...] = ()

    def filtered(self, models: Models, filters: tuple[str, ...]) -> Aggregate:
        """The aggregate of fewer rows.

        Args:
            models: The models, to find what the filters name.
            filters: Templates such as `{{ Dimension('order__status') }} = 'paid'`.

        Raises:
            DefinitionError: A filter means nothing here.
        """
        conditions = tuple(_condition(models, self.model, text, self.time) for text in filters)
        both = tuple({tree.sql(): tree for tree in (*self.conditions, *conditions)}.values())
        return replace(self, conditions=both)

    def said(self) -> dict[str, Any]:
        """The aggregate as the keys of a metric, or of a ratio's side."""
        said = {self.kind: self.of}
        if where := all_of(self.conditions):
            said["where"] = where
        if self.time and self.time != self.model.time:
            said["time"] = self.model.dimensions[self.time].column
        return said


def read_aggregate(models: Models, said: Mapping[str, Any], model: Model, name: str) -> Aggregate:
    """The aggregate of a measure, or of a simple metric.

    Args:
        models: The models.
        said: `agg`, `expr`, `agg_params`, `agg_time_dimension`, `non_additive_dimension`.
        model: Whose rows it is of.
        name: Its name, which is its column where no `expr` is given.

    Raises:
        DefinitionError: Nothing here gives its numbers.
    """
    agg, text = text_of(said.get("agg")).lower(), text_of(said.get("expr")) or name
    time = text_of(said.get("agg_time_dimension")) or model.default_time or model.time
    if time and time not in model.dimensions:
        raise unknown_name(f"time dimension of {model.name!r}", time, model.dimensions)
    if time and time != model.time and not model.dimensions[time].column:
        raise DefinitionError(
            f"its time {time!r} is the expression {model.dimensions[time].expression!r}", hint=MAKE_A_COLUMN
        )
    found = _aggregated(agg, text, part(said, "agg_params"), model)
    found = replace(found, time=time)
    if said.get("non_additive_dimension"):
        found = _balance(found, said["non_additive_dimension"], model)
    return found


def _aggregated(agg: str, text: str, params: Mapping[str, Any], model: Model) -> Aggregate:
    tree = parsed(text)
    if agg in ("sum", "count") and isinstance(tree, exp.Literal | exp.Star):
        if isinstance(tree, exp.Star) or tree.this == "1" or agg == "count":
            return Aggregate(model=model, kind="count", of=model.table)
        raise DefinitionError(f"it adds {text} for each row, and a sum is of columns", hint=f"`count: {model.table}`")
    if tree.find(exp.Column) is None:
        raise DefinitionError(f"it aggregates {text}, which names no column", hint=f"`count: {model.table}`")
    if agg == "sum_boolean":
        return Aggregate(model=model, kind="count", of=model.table, conditions=(when_true(_own(tree)),))
    if agg == "count":
        value = row_value(_own(tree))
        value = value if isinstance(value, exp.Column) else exp.Paren(this=value)
        present = exp.Not(this=exp.Is(this=value, expression=exp.null()))
        return Aggregate(model=model, kind="count", of=model.table, conditions=(present,))
    notes = ("what divides by 0 is NULL here, and whole numbers are divided as fractions",) if divides(tree) else ()
    of = checked(qualified(tree, lambda column: column_node(column.name, model.table)))
    kinds = {"sum": "sum", "average": "mean", "count_distinct": "distinct"}
    if agg in kinds:
        return Aggregate(model=model, kind=kinds[agg], of=of, notes=notes)
    if agg in ("median", "percentile"):
        return _quantile(agg, of, params, Aggregate(model=model, kind="quantile", of=of, notes=notes))
    if agg in ("min", "max"):
        raise DefinitionError(f"there is no {agg}imum of rows here", hint=f"`quantile: {{of: {of}, share: ...}}`")
    raise DefinitionError(f"the aggregation {agg!r} is not known")


def _quantile(agg: str, of: str, params: Mapping[str, Any], found: Aggregate) -> Aggregate:
    share = 0.5 if agg == "median" else params.get("percentile")
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
        raise DefinitionError(f"its percentile is {share!r}, not a share from 0 to 1")
    quantile = {"of": of, "share": share}
    if params.get("use_discrete_percentile"):
        raise DefinitionError(
            "it is a discrete percentile, always one of the values, and a quantile lies between two values here",
            hint=f"`quantile: {{of: {of}, share: {share}}}`",
        )
    exact = (
        ("it is exact here, where MetricFlow is asked to approximate",)
        if params.get("use_approximate_percentile")
        else ()
    )
    return replace(found, of=quantile, notes=(*found.notes, *exact))


def _balance(found: Aggregate, said: Any, model: Model) -> Aggregate:
    """A semi-additive measure: only the rows of the last day of each period count."""
    listed_groups = said.get("window_groupings") or [] if isinstance(said, dict) else None
    if not isinstance(listed_groups, list):
        raise DefinitionError(f"its non_additive_dimension {said!r} cannot be read")
    name, choice = text_of(said.get("name")), text_of(said.get("window_choice")).lower() or "min"
    groups = [text_of(item) for item in listed_groups]
    if found.kind != "sum":
        raise DefinitionError(f"it is a {found.kind} that is not additive over {name!r}, and a balance is a sum here")
    if choice != "max":
        hint = f"`balance: {{of: {found.of}, policy: end_of_period}}`, which takes the last day"
        raise DefinitionError(f"it takes the rows of the first {name!r} of each period", hint=hint)
    if name != found.time or name not in model.dimensions:
        raise DefinitionError(f"it is not additive over {name!r}, and is dated by {found.time!r}")
    if model.dimensions[name].granularity != "day":
        last = model.dimensions[name].granularity
        raise DefinitionError(f"it takes the rows of the last {last} of each period, and a balance is of days")
    if not groups:
        of = {"of": found.of, "policy": "end_of_period"}
        return replace(found, kind="balance", of=of, notes=(*found.notes, _LAST_DAY))
    if len(groups) > 1 or groups[0] not in model.entities:
        raise DefinitionError(f"it takes the last day of each {' and '.join(groups)}, and `per` is one entity")
    note = (
        f"one {groups[0]} has one level a day here: a question is refused until the table's `key:` is that and {name}; "
        f"in MetricFlow all rows of its last day count"
    )
    of = {"of": found.of, "policy": "last_in_period", "per": groups[0]}
    return replace(found, kind="balance", of=of, notes=(*found.notes, note))


def _own(tree: exp.Expr) -> exp.Expr:
    return tree.transform(lambda node: column_node(node.name) if isinstance(node, exp.Column) else node)


def _condition(models: Models, model: Model, text: str, time: str) -> exp.Expr:
    template = parse_filter(text)

    def stands_for(node: exp.Expr) -> exp.Expr:
        return models.node(model, template.references[node.name], time) if isinstance(node, exp.Column) else node

    tree = when_true(template.tree.transform(stands_for))
    checked(tree)
    if next(tree.find_all(exp.Column), None) is None:
        raise DefinitionError(f"the filter {text!r} names no column")
    return tree
