"""The columns of the unit table that a metric needs, and the products of theirs that are summed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations, count, takewhile
from typing import TYPE_CHECKING

from steelyard.errors import DefinitionError, unknown_name
from steelyard.studies.experiments.metric_use import MetricUse
from steelyard.warehouse.as_number import as_number
from steelyard.warehouse.query import quote_name

if TYPE_CHECKING:
    from steelyard.studies.experiments.experiment import Experiment

__all__ = [
    "above",
    "before_above",
    "before_below",
    "below",
    "column_sql",
    "columns_in",
    "columns_wanted",
    "covariates_in",
    "from_table",
    "pairs",
    "ranked",
]


def above(metric: str) -> str:
    """Alias of the metric's value, or of its numerator."""
    return metric


def below(metric: str) -> str:
    """Alias of the metric's denominator."""
    return f"{metric}:per"


def before_above(metric: str, place: int = 0) -> str:
    """Alias of a covariate's value, or of its numerator."""
    return f"{metric}:before:{place + 1}" if place else f"{metric}:before"


def before_below(metric: str, place: int = 0) -> str:
    """Alias of a covariate's denominator."""
    return f"{before_above(metric, place)}:per"


def ranked(use: MetricUse) -> str:
    """Alias of what a quantile over units is taken of: one for all quantiles of a column in one window."""
    return f"{use.source}:ranked{f':{use.window}' if use.window else ''}"


def covariates_in(metric: str, names: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """The columns of each of the metric's covariates that are there: one, or two of a ratio."""
    there = set(names)
    places = takewhile(lambda place: before_above(metric, place) in there, count())
    both = ((before_above(metric, place), before_below(metric, place)) for place in places)
    return tuple(tuple(alias for alias in pair if alias in there) for pair in both)


def columns_in(metric: str, names: Iterable[str]) -> tuple[str, ...]:
    """Those of the metric's columns that are there."""
    there = set(names)
    own = tuple(alias for alias in (above(metric), below(metric)) if alias in there)
    return (*own, *(alias for pair in covariates_in(metric, there) for alias in pair))


def pairs(study: Experiment, names: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """The products that the metrics need: of each metric's own columns, never of two metrics."""
    there = tuple(names)
    return tuple(
        pair for use in study.uses if use.quantile is None for pair in combinations(columns_in(use.metric, there), 2)
    )


def from_table(study: Experiment, columns: Mapping[str, str], table: str) -> dict[str, str]:
    """Alias -> SQL over the unit table, whose alias is `t`; a boolean is 1 or 0.

    Raises:
        UnknownNameError: A column is not there.
        DefinitionError: A column holds no numbers, or a quantile says not which.
    """
    for use in study.uses:
        _refuse_itself(study, use, columns_wanted(use))
    return {
        alias: column_sql(study, use, alias, column, columns, table)
        for use in study.uses
        for alias, column in columns_wanted(use).items()
    }


def _refuse_itself(study: Experiment, use: MetricUse, own: Mapping[str, str]) -> None:
    """A covariate that is the metric would take the effect out with the noise."""
    metric = {column for alias, column in own.items() if alias in (above(use.metric), below(use.metric))}
    before = {column for alias, column in own.items() if alias not in (above(use.metric), below(use.metric))}
    if both := sorted(metric & before):
        raise DefinitionError(
            f"the covariate {both[0]!r} of {use.metric!r} is the metric itself, and takes its effect out too",
            where=f"{study.name}.{use.metric}",
            hint="name a column from before the experiment",
        )


def column_sql(
    study: Experiment, use: MetricUse, alias: str, column: str, columns: Mapping[str, str], table: str
) -> str:
    """One of a metric's columns as SQL over the unit table; raises as `from_table`, whose arguments these are."""
    where = f"{study.name}.{use.metric}"
    if use.kind == "quantile" and use.quantile is None:
        raise DefinitionError(f"{use.metric!r} says no quantile", where=where, hint="say which: quantile: 0.9")
    own = alias in (above(use.metric), below(use.metric), ranked(use))
    used, place = (f"a {use.kind or 'mean'}", where) if own else ("a covariate", f"{where}.covariate")
    if column not in columns:
        raise unknown_name("column", column, columns, where=f"{place} (table {table!r})")
    return as_number(f"t.{quote_name(column)}", columns[column], column=f"{table}.{column}", used=used, where=place)


def columns_wanted(use: MetricUse) -> dict[str, str]:
    """Alias -> the column of a unit table that it stands for, of one metric and its covariates."""
    if use.quantile is not None:
        return {ranked(use): use.source}
    found = {above(use.metric): use.numerator or use.metric}
    if use.denominator:
        found[below(use.metric)] = use.denominator
    for place, before in enumerate(use.covariates):
        found[before_above(use.metric, place)] = before.numerator or before.metric or use.metric
        if before.denominator:
            found[before_below(use.metric, place)] = before.denominator
    return found
