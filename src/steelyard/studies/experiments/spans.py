"""The primary of each unit up to several days after it came in, as SQL: of what its effect by day is made."""

from __future__ import annotations

from datetime import timedelta
from itertools import combinations
from typing import TYPE_CHECKING, Any

from steelyard.studies.experiments.cluster_sums import cluster_moments
from steelyard.studies.experiments.governed import ENDS_AT, window_of
from steelyard.studies.experiments.metric_use import MetricUse
from steelyard.studies.experiments.population import ARM, ASSIGNED_AT, EXPOSED_AT, Population, start_of
from steelyard.studies.study import Context
from steelyard.warehouse.moments import moments
from steelyard.warehouse.query import Query

if TYPE_CHECKING:
    from steelyard.metrics import MetricCatalog
    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["above_until", "below_until", "by_spans", "edges_of"]

MOST_SPANS = 7


def above_until(day: int) -> str:
    """Alias of the primary's value, or numerator, from when a unit came in until so many days later."""
    return f"until {day}"


def below_until(day: int) -> str:
    """Alias of its denominator."""
    return f"until {day}:per"


def edges_of(window: timedelta) -> tuple[int, ...]:
    """The days on which the spans of a window end: each day, or seven spans of nearly one length.

    >>> edges_of(timedelta(days=3)), edges_of(timedelta(days=28))
    ((1, 2, 3), (4, 8, 12, 16, 20, 24, 28))
    """
    spans = min(window.days, MOST_SPANS)
    return tuple(round((place + 1) * window.days / spans) for place in range(spans))


def by_spans(study: Experiment, context: Context, people: Population) -> Query | None:
    """Moments by arm of the governed primary until the end of each span; None if it is winsorised, has no days, or is a
    quantile.
    """
    from steelyard.metrics import UnitMetric, unit_table

    start = start_of(people.has)
    if study.table or context.metrics is None or start not in (EXPOSED_AT, ASSIGNED_AT):
        return None
    use, catalog = study.main, context.metrics
    window = window_of(use, catalog, governed=True)
    if window is None or window.days < 2 or use.winsorise is not None or _is_quantile(use, catalog):
        return None
    ratio = catalog.parts(use.metric).denominator is not None
    values: dict[str, UnitMetric] = {}
    for edge in edges_of(window):
        words: dict[str, Any] = {"metric": use.metric, "at": start, "after": edge, "until": ENDS_AT}
        part = "numerator" if ratio else "any" if use.kind == "share" else ""
        values[above_until(edge)] = UnitMetric(**words, part=part)  # type: ignore[arg-type]
        if ratio:
            values[below_until(edge)] = UnitMetric(**words, part="denominator")
    sql = unit_table(catalog, entity=study.unit, units=people.select, values=values, types=context.tables, unit="unit")
    if study.cluster:
        return cluster_moments(
            f"({sql})",
            by=(ARM,),
            values=tuple(values),
            products=tuple(combinations(values, 2)),
            shifts={},
            where=people.analysed or None,
            parameters=people.parameters,
        )
    return moments(
        f"({sql})",
        by=(ARM,),
        values=tuple(values),
        products=tuple(combinations(values, 2)),
        where=people.analysed or None,
        parameters=people.parameters,
    )


def _is_quantile(use: MetricUse, catalog: MetricCatalog) -> bool:
    return use.kind == "quantile" or catalog.metric(use.source).kind == "quantile"
