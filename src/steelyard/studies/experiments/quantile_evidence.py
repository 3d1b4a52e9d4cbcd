"""The order statistics that came back, as samples of each quantile by arm and segment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from steelyard.stats.quantile_difference import QuantileSample
from steelyard.stats.quantile_ranks import QuantileRanks, quantile_ranks
from steelyard.studies.experiments.columns import ranked
from steelyard.studies.experiments.quantile_questions import (
    counted_name,
    groupings,
    ordered_name,
    ranks_of_rows,
)
from steelyard.warehouse.moments import moments_by_group
from steelyard.warehouse.order_statistics import OrderStatistics, order_statistics_by_group

if TYPE_CHECKING:
    import pyarrow as pa

    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["QuantileEvidence", "quantile_evidence"]

Label = Callable[[Any], str]


@dataclass(frozen=True, kw_only=True)
class QuantileEvidence:
    """A quantile in one group.

    Args:
        values: What came back: how many rows and values there are.
        sample: The quantile with the values of its ranks; None where values are missing or its error is not known.
        clusters: What was randomised and has values: units, or clusters of units.
        of_rows: Whether values are of rows below the unit.
    """

    values: OrderStatistics
    sample: QuantileSample | None
    clusters: int
    of_rows: bool


def quantile_evidence(
    study: Experiment, data: Mapping[str, pa.Table], rows: Mapping[str, float], label: Label
) -> dict[tuple[str, str, str], QuantileEvidence]:
    """Metric, segment ("all" or as in estimates) and arm -> its quantile.

    Args:
        study: The experiment.
        data: The fetches.
        rows: Metric -> which quantile, of those that are of rows below the unit.
        label: How a value of an arm's or segment's column is written.
    """
    found: dict[tuple[str, str, str], QuantileEvidence] = {}
    twice: set[tuple[str, str, str]] = set()
    for ending, by in groupings(study):
        for metric, key, evidence in (*_of_units(study, data, ending, by), *_of_rows(study, data, rows, ending, by)):
            segment = "all" if len(by) == 1 else f"{by[1]} = {label(key[1])}"
            address = metric, segment, label(key[0])
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
            yield use.metric, key, QuantileEvidence(values=values, sample=sample, clusters=values.rows, of_rows=False)


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
                yield use.metric, key, QuantileEvidence(values=values, sample=sample, clusters=clusters, of_rows=True)


def _sample(values: OrderStatistics, ranks: QuantileRanks) -> QuantileSample | None:
    low, value, high = (values.at.get(level) for level in ranks.levels)
    if low is None or value is None or high is None:
        return None
    return QuantileSample(ranks=ranks, value=float(value), low=float(low), high=float(high))
