"""Governed metrics at the unit's grain: each unit's own rows, in its own window."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Literal

from steelyard.errors import DefinitionError
from steelyard.pipeline.duration import parse_duration
from steelyard.studies.experiments.clock import day_bounds
from steelyard.studies.experiments.columns import above, before_above, before_below, below, ranked
from steelyard.studies.experiments.metric_use import Covariate, MetricUse
from steelyard.studies.study import Context
from steelyard.warehouse.query import Value

if TYPE_CHECKING:
    from steelyard.metrics import MetricCatalog, UnitMetric
    from steelyard.studies.experiments.experiment import Experiment

__all__ = [
    "BEGINS_AT",
    "ENDS_AT",
    "governed_notes",
    "governed_units",
    "governed_window",
    "study_moments",
    "unit_values",
    "window_of",
]

BEGINS_AT, ENDS_AT = "begins_at", "ends_at"


def window_of(use: MetricUse, catalog: MetricCatalog | None, *, governed: bool) -> timedelta | None:
    """How long after its start a unit is counted: as the study says, or else the metric's own definition."""
    if use.window_length is not None or not governed or catalog is None:
        return use.window_length
    defined = catalog.metric(use.source).window
    return parse_duration(defined) if defined else None


def study_moments(study: Experiment, context: Context, *, entered: bool) -> dict[str, Value]:
    """When units start, if they have no moment of their own, and from when nothing counts: at the latest, the clock.

    Args:
        study: The experiment.
        context: What it may know.
        entered: Whether each unit has a moment of its own, of exposure or assignment; then `between` bounds that
            moment, and windows outlast it.
    """
    if entered or study.between is None:
        return {ENDS_AT: context.as_of}
    begin, end = day_bounds(study.between, context.zone)
    return {BEGINS_AT: begin, ENDS_AT: min(end, context.as_of)}


def governed_units(
    study: Experiment,
    context: Context,
    catalog: MetricCatalog,
    people: str,
    start: str,
    below_units: Collection[str] = (),
) -> tuple[str, tuple[str, ...]]:
    """The unit table of governed metrics.

    Args:
        study: The experiment.
        context: What it may know.
        catalog: The definitions.
        people: A SELECT of one row a unit, with its `unit`, `ends_at` and start.
        start: The column with the moment in which a unit starts; empty where it has none.
        below_units: Metrics that are of rows below the unit, and have no value at its grain.

    Returns:
        The unit table as something to select from, and the aliases of its metrics.

    Raises:
        DefinitionError: A metric cannot be what the study uses it as, or has a window and no start.
        UnknownNameError: A metric is not there.
    """
    from steelyard.metrics import unit_table

    values = {
        alias: value
        for use in study.uses
        if use.metric not in below_units
        for made in unit_values(use, catalog, start)
        for alias, value in made().items()
    }
    sql = unit_table(catalog, entity=study.unit, units=people, values=values, types=context.tables, unit="unit")
    return f"({sql})", tuple(values)


def unit_values(use: MetricUse, catalog: MetricCatalog, start: str) -> Iterator[Callable[[], dict[str, UnitMetric]]]:
    """Makers of what a metric and each of its covariates are at the unit's grain; each may raise as `governed_units`.

    Args:
        use: The metric, as the study uses it.
        catalog: The definitions.
        start: The column with the moment in which a unit starts; empty where it has none.
    """
    yield lambda: _value(use, catalog, start, governed_window(use, catalog, start))
    for place, before in enumerate(use.covariates):
        yield partial(_before, use, before, place, catalog, start)


def _days(length: timedelta, where: str) -> int:
    if length % timedelta(days=1):
        raise DefinitionError(
            f"a window of {length} is not a number of days", where=where, hint="give whole days or weeks"
        )
    return length.days


def governed_window(use: MetricUse, catalog: MetricCatalog, start: str) -> int | None:
    """How many days after its start a unit's rows count; None counts them up to the clock.

    Raises:
        DefinitionError: There is a window and no start, or it is not a number of days.
    """
    length = window_of(use, catalog, governed=True)
    after = _days(length, f"{use.metric}.window") if length else None
    if after is not None and not start:
        raise DefinitionError(
            f"the window of {use.metric!r} has no start: units have no exposure",
            where=f"{use.metric}.window",
            hint="say `exposure:`, `assignment: {at: ...}` or `between:`",
        )
    return after


def _value(use: MetricUse, catalog: MetricCatalog, start: str, after: int | None) -> dict[str, UnitMetric]:
    if use.quantile is not None:
        found = _parts(use, use.source, catalog, ranked(use), "", at=start, after=after)
        if "" in found:
            raise DefinitionError(
                f"{use.source!r} is a {catalog.metric(use.source).kind}, and a quantile over units is of a sum "
                "or count",
                where=use.metric,
                hint="name its sum, or a mean or quantile of rows",
            )
        return found
    return _parts(use, use.metric, catalog, above(use.metric), below(use.metric), at=start, after=after)


def _before(
    use: MetricUse, covariate: Covariate, place: int, catalog: MetricCatalog, start: str
) -> dict[str, UnitMetric]:
    if not covariate.before or not start:
        raise DefinitionError(
            f"the covariate of {use.metric!r} has no {'start' if covariate.before else 'length'}",
            where=f"{use.metric}.covariate",
            hint="say `before: 28 days`, and `exposure:` or `between:`",
        )
    return _parts(
        use,
        covariate.metric or use.metric,
        catalog,
        before_above(use.metric, place),
        before_below(use.metric, place),
        at=start,
        before=_days(parse_duration(covariate.before), f"{use.metric}.covariate.before"),
    )


def _parts(
    use: MetricUse,
    metric: str,
    catalog: MetricCatalog,
    first: str,
    second: str,
    *,
    at: str,
    after: int | None = None,
    before: int | None = None,
) -> dict[str, UnitMetric]:
    from steelyard.metrics import UnitMetric

    until = "" if before is not None else ENDS_AT
    if catalog.parts(metric).denominator is None:
        part: Literal["", "any"] = "any" if use.kind == "share" and metric == use.metric else ""
        if use.kind == "ratio" and metric == use.metric:
            raise DefinitionError(
                f"{metric!r} is a {catalog.metric(metric).kind}, not a ratio", hint="leave `kind` out"
            )
        return {first: UnitMetric(metric=metric, at=at, after=after, before=before, until=until, part=part)}
    if use.kind in ("mean", "share", "count") and metric == use.metric:
        raise DefinitionError(
            f"{metric!r} is a {catalog.metric(metric).kind} of rows, not a {use.kind} of units", hint="leave `kind` out"
        )
    return {
        first: UnitMetric(metric=metric, at=at, after=after, before=before, until=until, part="numerator"),
        second: UnitMetric(metric=metric, at=at, after=after, before=before, until=until, part="denominator"),
    }


def governed_notes(study: Experiment, catalog: MetricCatalog) -> dict[str, str]:
    """What the definitions say of the metrics, for the steps that see only what came back."""
    notes: dict[str, str] = {}
    for use in study.uses:
        defined = catalog.metric(use.source)
        notes[f"better of {use.metric}"] = defined.better
        notes[f"unit of {use.metric}"] = "" if use.kind == "share" else defined.measured_in
    return notes
