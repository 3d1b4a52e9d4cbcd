"""The columns of the unit table that a metric needs, and the products of theirs that are summed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import TYPE_CHECKING

from steelyard.errors import DefinitionError, unknown_name
from steelyard.studies.experiments.metric_use import MetricUse
from steelyard.warehouse.query import quote_name

if TYPE_CHECKING:
    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["above", "before_above", "before_below", "below", "columns_in", "from_table", "pairs", "ranked"]


def above(metric: str) -> str:
    """Alias of the metric's value, or of its numerator."""
    return metric


def below(metric: str) -> str:
    """Alias of the metric's denominator."""
    return f"{metric}:per"


def before_above(metric: str) -> str:
    """Alias of the covariate's value, or of its numerator."""
    return f"{metric}:before"


def before_below(metric: str) -> str:
    """Alias of the covariate's denominator."""
    return f"{metric}:before:per"


def ranked(use: MetricUse) -> str:
    """Alias of what a quantile over units is taken of: one for all quantiles of a column in one window."""
    return f"{use.source}:ranked{f':{use.window}' if use.window else ''}"


def _all_of(metric: str) -> tuple[str, ...]:
    return above(metric), below(metric), before_above(metric), before_below(metric)


def columns_in(metric: str, names: Iterable[str]) -> tuple[str, ...]:
    """Those of the metric's columns that are there."""
    there = set(names)
    return tuple(alias for alias in _all_of(metric) if alias in there)


def pairs(study: Experiment, names: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """The products that the metrics need: of each metric's own columns, never of two metrics."""
    there = tuple(names)
    return tuple(
        pair for use in study.uses if use.quantile is None for pair in combinations(columns_in(use.metric, there), 2)
    )


def from_table(study: Experiment, columns: Mapping[str, str], table: str) -> dict[str, str]:
    """Alias -> SQL over the unit table, whose alias is `t`.

    Raises:
        UnknownNameError: A column is not there.
    """
    wanted: dict[str, str] = {}
    for use in study.uses:
        if use.kind == "quantile" and use.quantile is None:
            raise DefinitionError(
                f"{use.metric!r} says no quantile", where=f"{study.name}: {use.metric}", hint="say which: quantile: 0.9"
            )
        wanted.update(_of(use))
    for column in wanted.values():
        if column not in columns:
            raise unknown_name("column", column, columns, where=f"{study.name}: table {table!r}")
    return {alias: f"t.{quote_name(column)}" for alias, column in wanted.items()}


def _of(use: MetricUse) -> dict[str, str]:
    if use.quantile is not None:
        return {ranked(use): use.source}
    found = {above(use.metric): use.numerator or use.metric}
    if use.denominator:
        found[below(use.metric)] = use.denominator
    if use.before is not None:
        found[before_above(use.metric)] = use.before.numerator or use.before.metric or use.metric
        if use.before.denominator:
            found[before_below(use.metric)] = use.before.denominator
    return found
