"""Quantiles before the study, for planning: their level and their noise a unit, from the order statistics of then."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from steelyard.stats.quantile_difference import QuantileSample
from steelyard.stats.quantile_ranks import quantile_ranks
from steelyard.studies.experiments.metric_use import Baseline
from steelyard.studies.experiments.past import Past
from steelyard.studies.experiments.quantile_questions import ranks_of_rows
from steelyard.studies.experiments.row_quantiles import over_units
from steelyard.warehouse.clustered_counts import clustered_counts
from steelyard.warehouse.moments import moments_by_group
from steelyard.warehouse.order_statistics import OrderStatistics, order_statistics, order_statistics_by_group
from steelyard.warehouse.query import Query, quote_name

if TYPE_CHECKING:
    import pyarrow as pa

    from steelyard.stats.quantile_ranks import QuantileRanks

__all__ = ["quantile_baselines", "quantile_history_queries"]

LEVEL = 0.95
ORDERED = "history_ordered"


def _counted(place: int) -> str:
    return f"history_rows_by_unit_{place}"


def _of_rows(place: int) -> str:
    return f"history_ordered_rows_{place}"


def quantile_history_queries(past: Past, known: Mapping[str, pa.Table], units: int) -> dict[str, Query]:
    """What planning asks of quantiles, round by round; nothing where there are none.

    Args:
        past: The study before it began.
        known: What came back.
        units: Units of then.
    """
    asked, found = past.asked, dict[str, Query]()
    levels = {
        column: sorted({level for use in uses for level in quantile_ranks(units, use.quantile or 0.5, LEVEL).levels})
        for column, uses in over_units(past.study, past.asked.metrics_of_rows).items()
        if units
    }
    if levels:
        found[ORDERED] = order_statistics(
            asked.relation, by=(), levels=levels, where=asked.where, parameters=asked.parameters
        )
    for place, item in enumerate(asked.rows):
        found[_counted(place)] = clustered_counts(
            item.relation,
            by=(),
            cluster=f"units.{quote_name(item.cluster)}",
            quantiles=[(item.column, item.share)],
            where=item.where,
            parameters=asked.parameters,
        )
        if (ranks := _ranks(known, place, item.share)) is not None:
            found[_of_rows(place)] = order_statistics(
                item.relation,
                by=(),
                levels={item.column: ranks.levels},
                where=item.where,
                parameters=asked.parameters,
            )
    return found


def _ranks(known: Mapping[str, pa.Table], place: int, share: float) -> QuantileRanks | None:
    table = known.get(_counted(place))
    groups = moments_by_group(table, ()) if table is not None else {}
    return ranks_of_rows(groups[()], share, LEVEL) if () in groups else None


def quantile_baselines(past: Past, known: Mapping[str, pa.Table], units: int) -> dict[str, Baseline]:
    """Metric -> its level then and its noise: the deviation a unit whose mean over n units is as noisy.

    A quantile that values before do not bound, or in which some are missing, has none.
    """
    found: dict[str, QuantileSample | None] = {}
    if ORDERED in known:
        (columns,) = order_statistics_by_group(known[ORDERED], ()).values() or ({},)
        for column, uses in over_units(past.study, past.asked.metrics_of_rows).items():
            for use in uses:
                ranks = quantile_ranks(units, use.quantile or 0.5, LEVEL)
                found[use.metric] = _sample(columns.get(column), ranks)
    for place, item in enumerate(past.asked.rows):
        table, rows_ranks = known.get(_of_rows(place)), _ranks(known, place, item.share)
        if table is not None and rows_ranks is not None:
            groups = order_statistics_by_group(table, ())
            found[item.use.metric] = _sample(groups[()][item.column] if groups else None, rows_ranks)
    return {metric: made for metric, sample in found.items() if (made := _baseline(sample, units)) is not None}


def _sample(values: OrderStatistics | None, ranks: QuantileRanks) -> QuantileSample | None:
    if values is None or not values.usable:
        return None
    low, value, high = (float(values.at.get(level) or 0.0) for level in ranks.levels)
    return QuantileSample(ranks=ranks, value=value, low=low, high=high)


def _baseline(sample: QuantileSample | None, units: int) -> Baseline | None:
    if sample is None or not sample.std_error > 0:
        return None
    spread = sample.std_error * math.sqrt(units)
    return Baseline(level=sample.value, std_dev=spread, units=units if units >= 4 else None)
