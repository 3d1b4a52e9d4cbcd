"""The order statistics that came back, as samples of each quantile by arm and segment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from steelyard.stats.quantile_difference import QuantileSample
from steelyard.stats.quantile_ranks import QuantileRanks, quantile_ranks
from steelyard.stats.stratified_quantile import QuantileLevels
from steelyard.studies.experiments.columns import ranked
from steelyard.studies.experiments.label import label
from steelyard.studies.experiments.quantile_questions import (
    counted_name,
    groupings,
    ordered_name,
    ranks_of_rows,
)
from steelyard.studies.experiments.row_quantiles import over_units
from steelyard.studies.experiments.stratified_quantiles import counted_within, levels_within, ordered_within, rows_at
from steelyard.warehouse.moments import moments_by_group
from steelyard.warehouse.order_statistics import OrderStatistics, order_statistics_by_group
from steelyard.warehouse.stratified_counts import counts_by_group
from steelyard.warehouse.weighted_order_statistics import WeightedValues, weighted_values_by_group

if TYPE_CHECKING:
    import pyarrow as pa

    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["QuantileEvidence", "quantile_evidence"]

Address = tuple[str, str, str, str]


@dataclass(frozen=True, kw_only=True)
class QuantileEvidence:
    """A quantile in one group.

    Args:
        values: What came back: how many rows and values there are.
        sample: The quantile with the values of its ranks; None where values are missing or its error is not known.
        clusters: What was randomised and has values: units, or clusters of units.
        of_rows: Whether values are of rows below the unit.
    """

    values: OrderStatistics | WeightedValues
    sample: QuantileSample | None
    clusters: int
    of_rows: bool


def quantile_evidence(
    study: Experiment, data: Mapping[str, pa.Table], rows: Mapping[str, float]
) -> dict[Address, QuantileEvidence]:
    """Metric, segment ("all" or as in estimates), arm and the arm beside it within strata, or "" -> its quantile.

    Args:
        study: The experiment.
        data: The fetches.
        rows: Metric -> which quantile, of those that are of rows below the unit.
    """
    found: dict[Address, QuantileEvidence] = {}
    twice: set[Address] = set()
    for ending, by in groupings(study):
        items = (
            *_of_units(study, data, ending, by),
            *_of_rows(study, data, rows, ending, by),
            *_within(study, data, rows, ending, by),
        )
        for metric, (arm, beside, *values), evidence in items:
            segment = "all" if len(by) == 1 else f"{by[1]} = {label(values[0])}"
            address = metric, segment, label(arm), label(beside)
            # Two groups of one label (a text 'missing' beside NULL) are no one group of which ranks are known.
            twice |= {address} & set(found)
            found[address] = evidence
    return {address: evidence for address, evidence in found.items() if address not in twice}


Items = Iterator[tuple[str, tuple[Any, ...], QuantileEvidence]]


def _of_units(study: Experiment, data: Mapping[str, pa.Table], ending: str, by: tuple[str, ...]) -> Items:
    table = data.get(ordered_name(ending))
    for key, columns in order_statistics_by_group(table, by).items() if table is not None else ():
        for use in study.uses:
            if use.quantile is None or ranked(use) not in columns:
                continue
            values = columns[ranked(use)]
            ranks = quantile_ranks(values.rows, use.quantile, study.level)
            sample = _sample(values, ranks) if values.usable else None
            evidence = QuantileEvidence(values=values, sample=sample, clusters=values.rows, of_rows=False)
            yield use.metric, (key[0], "", *key[1:]), evidence


def _of_rows(
    study: Experiment, data: Mapping[str, pa.Table], rows: Mapping[str, float], ending: str, by: tuple[str, ...]
) -> Items:
    for place, use in enumerate(study.uses):
        ordered, counted = data.get(ordered_name(ending, place)), data.get(counted_name(place, ending))
        if ordered is None or counted is None:
            continue
        counts = moments_by_group(counted, by)
        for key, columns in order_statistics_by_group(ordered, by).items():
            if key in counts:
                (values,) = columns.values()
                ranks = ranks_of_rows(counts[key], rows[use.metric], study.level)
                sample = _sample(values, ranks) if values.usable and ranks is not None else None
                clusters = counts[key].rows
                evidence = QuantileEvidence(values=values, sample=sample, clusters=clusters, of_rows=True)
                yield use.metric, (key[0], "", *key[1:]), evidence


def _within(
    study: Experiment, data: Mapping[str, pa.Table], rows: Mapping[str, float], ending: str, by: tuple[str, ...]
) -> Items:
    """Of arms that are compared within strata: their address has the arm beside them."""
    units = [(use.metric, use.quantile or 0.5) for uses in over_units(study, rows).values() for use in uses]
    asked = [(ending, units, False)]
    asked += [
        (rows_at(place, ending), [(use.metric, rows[use.metric])], True)
        for place, use in enumerate(study.uses)
        if use.metric in rows
    ]
    for name, quantiles, of_rows in asked:
        counted, ordered = data.get(counted_within(name)), data.get(ordered_within(name))
        if counted is None or ordered is None:
            continue
        found = weighted_values_by_group(ordered, by[1:])
        for group in counts_by_group(counted, by[1:], one_value_each=not of_rows):
            levels = levels_within(group, [share for _, share in quantiles], study.level)
            for (metric, _), own, values in zip(quantiles, levels, found[group.address], strict=True):
                sample = _weighted(own, values)
                evidence = QuantileEvidence(values=values, sample=sample, clusters=group.units, of_rows=of_rows)
                yield metric, group.address, evidence


def _weighted(levels: QuantileLevels | None, values: WeightedValues) -> QuantileSample | None:
    low, value, high = values.low, values.value, values.high
    if levels is None or not values.usable or low is None or value is None or high is None:
        return None
    ranks = replace(levels, between=values.between)
    return QuantileSample(ranks=ranks, value=float(value), low=float(low), high=float(high))


def _sample(values: OrderStatistics, ranks: QuantileRanks) -> QuantileSample | None:
    low, value, high = (values.at.get(level) for level in ranks.levels)
    if low is None or value is None or high is None:
        return None
    return QuantileSample(ranks=ranks, value=float(value), low=float(low), high=float(high))
