"""Quantiles over strata: of each arm as if it had the shares of the strata that both arms compared have together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steelyard.stats.stratified_quantile import QuantileLevels, quantile_levels
from steelyard.studies.experiments.label import label
from steelyard.studies.experiments.population import ARM, STAGE, UNIT
from steelyard.studies.experiments.row_quantiles import over_units
from steelyard.warehouse.query import Query, Value
from steelyard.warehouse.stratified_counts import CellCounts, counts_by_group, stratified_counts
from steelyard.warehouse.weighted_cells import WeightedCells
from steelyard.warehouse.weighted_order_statistics import Bounds, weighted_order_statistics

if TYPE_CHECKING:
    import pyarrow as pa

    from steelyard.studies.experiments.experiment import Experiment
    from steelyard.studies.experiments.questions import Asked

__all__ = ["counted_within", "levels_within", "ordered_within", "rows_at", "strata_in", "within_questions"]

Groupings = Sequence[tuple[str, tuple[str, ...]]]


def strata_in(study: Experiment, table: pa.Table) -> tuple[str, ...]:
    """The columns of the strata that arms are compared within; none where all units are in one.

    Args:
        study: The experiment.
        table: The moments that came back.
    """
    columns = tuple(name for name in (STAGE, *study.strata) if name in table.column_names)
    if not columns:
        return ()
    there = {tuple(row.values()) for row in table.select(columns).to_pylist()}
    return columns if len(there) > 1 else ()


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """What one pair of fetches asks of.

    Args:
        name: The ending of the fetches' names.
        cells: Values and strata.
        quantiles: Places of columns, each with the quantile of it.
        unit: Column of the unit's id, where a unit may have several values.
    """

    name: str
    cells: WeightedCells
    quantiles: Sequence[tuple[int, float]]
    unit: str = ""


def counted_within(name: str) -> str:
    """The fetch of counts by stratum; `name` is a grouping's ending, or `rows_at`."""
    return f"counted_within{name}"


def ordered_within(name: str) -> str:
    """The fetch of the values at the levels that the counts by stratum ask for."""
    return f"ordered_within{name}"


def rows_at(place: int, ending: str) -> str:
    """What names the fetches of the rows of the metric at a place of the study's metrics."""
    return f"_rows_{place}{ending}"


def within_questions(
    study: Experiment, asked: Asked, earlier: Mapping[str, pa.Table], strata: tuple[str, ...], groupings: Groupings
) -> dict[str, Query]:
    """The next fetches: counts by stratum first, which say at which levels; then the values there.

    Each sorts the values once. Nothing is asked where control is not there, or its name stands for several values.

    Args:
        study: The experiment.
        asked: Its unit table.
        earlier: What came back; the moments are there.
        strata: Columns of the strata.
        groupings: Ending of a fetch's name -> what it is grouped by.
    """
    named = {row[ARM] for row in earlier["moments"].to_pylist() if row["n"] and label(row[ARM]) == study.control}
    found: dict[str, Query] = {}
    for one in _all_asked(study, asked, strata, groupings, *named) if len(named) == 1 else ():
        found[counted_within(one.name)] = stratified_counts(one.cells, one.quantiles, one.unit)
        counted = earlier.get(counted_within(one.name))
        if counted is not None and counted.num_rows:
            groups = counts_by_group(counted, one.cells.within, one_value_each=not one.unit)
            columns, shares = [column for column, _ in one.quantiles], [share for _, share in one.quantiles]
            levels = {group.place: _bounds(group, shares, study.level) for group in groups}
            found[ordered_within(one.name)] = weighted_order_statistics(one.cells, columns, levels)
    return found


def _all_asked(
    study: Experiment, asked: Asked, strata: tuple[str, ...], groupings: Groupings, control: Value
) -> Iterator[_Asked]:
    columns = over_units(study, asked.metrics_of_rows)
    quantiles = [(i, use.quantile or 0.5) for i, uses in enumerate(columns.values()) for use in uses]

    def cells(by: tuple[str, ...], relation: str, columns: Sequence[str], where: str | None) -> WeightedCells:
        return WeightedCells(
            relation=relation,
            units=asked.people.relation,
            group=ARM,
            against=control,
            within=by[1:],
            strata=strata,
            columns=columns,
            where=where,
            units_where=asked.people.analysed or None,
            parameters=asked.parameters,
        )

    for ending, by in groupings:
        if quantiles:
            yield _Asked(name=ending, cells=cells(by, asked.relation, tuple(columns), asked.where), quantiles=quantiles)
        for item in asked.rows:
            place = [use.metric for use in study.uses].index(item.use.metric)
            own = cells(by, item.relation, (item.column,), item.where)
            yield _Asked(name=rows_at(place, ending), cells=own, quantiles=[(0, item.share)], unit=UNIT)


def levels_within(group: CellCounts, shares: Sequence[float], level: float) -> list[QuantileLevels | None]:
    """The levels that bound each quantile of a group; None where its error is not known."""
    return [quantile_levels(strata, share, level) for strata, share in zip(group.strata, shares, strict=True)]


def _bounds(group: CellCounts, shares: Sequence[float], level: float) -> list[Bounds]:
    made = zip(levels_within(group, shares, level), shares, strict=True)
    return [(share, share, share) if found is None else (found.low, share, found.high) for found, share in made]
