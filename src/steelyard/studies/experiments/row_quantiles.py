"""Quantiles of values that come in clusters, such as a unit's page views: which they are, and their rows as SQL."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steelyard.errors import DefinitionError
from steelyard.studies.experiments.cluster_sums import CLUSTER
from steelyard.studies.experiments.columns import ranked
from steelyard.studies.experiments.governed import ENDS_AT, governed_window, window_of
from steelyard.studies.experiments.metric_use import MetricUse
from steelyard.studies.experiments.population import ARM, UNIT, Population, start_of
from steelyard.studies.study import Context

if TYPE_CHECKING:
    from steelyard.metrics import MetricCatalog
    from steelyard.studies.experiments.experiment import Experiment

__all__ = [
    "RowQuantile",
    "clustered_units",
    "over_units",
    "row_quantiles",
    "rows_noted",
    "share_of_rows",
    "shares_noted",
]


@dataclass(frozen=True, kw_only=True)
class RowQuantile:
    """A quantile of rows that come in clusters: rows of units, or units of clusters that were randomised.

    Args:
        use: The metric.
        share: Which quantile.
        relation: One row a value, with `arm` and the segments; something to select from.
        column: The column of the value.
        cluster: The column of what was randomised.
        where: The condition under which a row counts; None when all do.
    """

    use: MetricUse
    share: float
    relation: str
    column: str = "value"
    cluster: str = UNIT
    where: str | None = None


def share_of_rows(use: MetricUse, catalog: MetricCatalog) -> float | None:
    """The quantile of rows that a governed metric is used as; None where it is no quantile, or one over units.

    Raises:
        DefinitionError: What is asked for beside it cannot be.
    """
    kind, where = catalog.metric(use.source).kind, use.metric
    if kind != "quantile":
        if use.kind == "quantile" and use.quantile is None:
            raise DefinitionError(
                f"{use.metric!r} is a {kind}, and says no quantile", where=where, hint="say which: quantile: 0.9"
            )
        return use.quantile if kind == "mean" else None
    if use.quantile is not None:
        raise DefinitionError(
            f"{use.source!r} is a quantile already", where=f"{use.source}.quantile", hint="leave `quantile:` out"
        )
    if use.kind not in ("", "quantile"):
        raise DefinitionError(f"{use.metric!r} is a quantile of rows, not a {use.kind} of units", where=where,
                              hint="leave `kind` out")  # fmt: skip
    if use.covariate is not None or use.winsorise is not None:
        raise DefinitionError(
            f"the quantile {use.metric!r} has a {'covariate' if use.covariate is not None else 'limit'}",
            where=where,
            hint="leave it out: what takes noise out of means does nothing for ranks",
        )
    said = catalog.metric(use.source).quantile
    assert said is not None  # noqa: S101 - of its kind
    if not 0 < said.share < 1:
        raise DefinitionError(f"{use.metric!r} is the quantile {said.share!r}, which has no interval", where=where)
    return said.share


def row_quantiles(
    study: Experiment, context: Context, people: Population, *, keep: tuple[str, ...]
) -> tuple[RowQuantile, ...]:
    """The quantiles of rows that a study of governed metrics compares.

    Args:
        study: The experiment.
        context: What it may know.
        people: Who took part.
        keep: The columns of units to keep beside the arm: segments, strata, stages.

    Raises:
        DefinitionError: One is looked at several times and has no window: rows of a unit that came in before would
            come in later, and looks would not add to each other.
    """
    from steelyard.metrics import UnitMetric, unit_rows

    catalog, found = context.metrics, []
    randomised = CLUSTER if study.cluster else UNIT
    for use in study.uses if catalog is not None else ():
        assert catalog is not None  # noqa: S101 - asked before
        share = share_of_rows(use, catalog)
        if share is None:
            continue
        if study.schedule is not None and window_of(use, catalog, governed=True) is None:
            raise DefinitionError(
                f"the quantile {use.metric!r} is of rows of units and has no window: under the stopping rules "
                f"{' and '.join(dict.fromkeys(study.stopping_rules))} it has no valid form, since rows of units that "
                "were in an earlier look come in later",
                where=f"{study.name}: {use.metric}",
                hint="say `window: 7 days`, or look once",
            )
        start = start_of(people.has)
        value = UnitMetric(metric=use.source, at=start, after=governed_window(use, catalog, start), until=ENDS_AT)
        where = f"\nWHERE {people.analysed}" if people.analysed else ""
        sql = unit_rows(
            catalog,
            entity=study.unit,
            units=f"SELECT * FROM {people.relation} AS everybody{where}",
            value=value,
            types=context.tables,
            unit=UNIT,
            keep=(randomised, ARM, *keep),
        )
        found.append(RowQuantile(use=use, share=share, relation=f"({sql})", cluster=randomised))
    return tuple(found)


def clustered_units(
    study: Experiment, relation: str, where: str | None, known: Collection[str]
) -> tuple[RowQuantile, ...]:
    """The quantiles over units of a study whose units were randomised in clusters.

    Args:
        study: The experiment.
        relation: Its unit table.
        where: The condition under which a unit counts.
        known: Metrics that are of rows below the unit.
    """
    return tuple(
        RowQuantile(use=use, share=use.quantile, relation=relation, column=ranked(use), cluster=CLUSTER, where=where)
        for use in study.uses
        if study.cluster and use.quantile is not None and use.metric not in known
    )


NOTE = "quantile of "


def rows_noted(rows: tuple[RowQuantile, ...]) -> dict[str, str]:
    """What later steps must know of them, which see only what came back."""
    found = {f"kind of {item.use.metric}": "quantile" for item in rows}
    return found | {f"{NOTE}{item.use.metric}": repr(item.share) for item in rows}


def shares_noted(notes: Mapping[str, str]) -> dict[str, float]:
    """Metric -> which quantile of rows it is, of what `rows_noted` wrote."""
    return {name.removeprefix(NOTE): float(share) for name, share in notes.items() if name.startswith(NOTE)}


def over_units(study: Experiment, rows: Collection[str]) -> dict[str, tuple[MetricUse, ...]]:
    """Column of the unit table -> the quantiles over units that are taken of it.

    Args:
        study: The experiment.
        rows: Metrics that are quantiles of rows.
    """
    found: dict[str, tuple[MetricUse, ...]] = {}
    for use in study.uses:
        if use.quantile is not None and use.metric not in rows:
            found[ranked(use)] = (*found.get(ranked(use), ()), use)
    return found
