"""What quantiles ask of the warehouse once units are counted: the order statistics at the ranks that bound them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from steelyard.stats.quantile_ranks import QuantileRanks, design_effect_of, quantile_ranks
from steelyard.studies.experiments.cells import cells_of, grouped_by
from steelyard.studies.experiments.population import ARM
from steelyard.studies.experiments.row_quantiles import RowQuantile, over_units
from steelyard.studies.experiments.stratified_quantiles import strata_in, within_questions
from steelyard.warehouse.clustered_counts import SIZE, below, clustered_counts
from steelyard.warehouse.moments import moments_by_group
from steelyard.warehouse.order_statistics import order_statistics
from steelyard.warehouse.query import Query, quote_name

if TYPE_CHECKING:
    import pyarrow as pa

    from steelyard.stats.moments import Moments
    from steelyard.studies.experiments.experiment import Experiment
    from steelyard.studies.experiments.questions import Asked

__all__ = ["counted_name", "groupings", "ordered_name", "quantile_questions", "ranks_of_rows"]


def groupings(study: Experiment) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Ending of a fetch's name -> what it is grouped by: everybody by arm, then each segment's column."""
    yield "", (ARM,)
    yield from ((f"_{place}", (ARM, column)) for place, column in enumerate(study.segments))


def ordered_name(ending: str, place: int | None = None) -> str:
    """The fetch of order statistics of units, or of the rows of the metric at a place of the study's metrics."""
    return f"ordered{ending}" if place is None else f"ordered_rows_{place}{ending}"


def counted_name(place: int, ending: str) -> str:
    """The fetch of counts by unit of the metric at a place of the study's metrics."""
    return f"rows_by_unit_{place}{ending}"


def quantile_questions(study: Experiment, asked: Asked, earlier: Mapping[str, pa.Table]) -> dict[str, Query]:
    """The next fetches of quantiles; none where there are none, or all has been fetched.

    Args:
        study: The experiment.
        asked: Its unit table.
        earlier: What came back; the moments are there.
    """
    if strata := strata_in(study, earlier["moments"]):
        return {} if study.cluster else within_questions(study, asked, earlier, strata, tuple(groupings(study)))
    found: dict[str, Query] = {}
    for ending, by in groupings(study):
        levels = _levels_of_units(study, asked, earlier["moments"], by)
        if levels:
            found[ordered_name(ending)] = order_statistics(
                asked.relation, by=by, levels=levels, where=asked.where, parameters=asked.parameters
            )
    for item in asked.rows:
        place = [use.metric for use in study.uses].index(item.use.metric)
        for ending, by in groupings(study):
            name, query = _of_rows(study, asked, item, place, ending, by, earlier)
            found[name] = query
    return found


def _levels_of_units(
    study: Experiment, asked: Asked, table: pa.Table, by: tuple[str, ...]
) -> dict[str, tuple[float, ...]]:
    """Column -> all levels that its quantiles need in any group."""
    found: dict[str, tuple[float, ...]] = {}
    sizes = {} if study.cluster else _sizes(study, table, by)
    for column, uses in over_units(study, asked.metrics_of_rows).items() if sizes else ():
        ranks = [quantile_ranks(n, use.quantile or 0.5, study.level) for use in uses for n in set(sizes.values())]
        found[column] = tuple(sorted({level for item in ranks for level in item.levels}))
    return found


def _sizes(study: Experiment, table: pa.Table, by: tuple[str, ...]) -> dict[tuple[Any, ...], int]:
    """Units of each group."""
    cells, sizes = grouped_by(study, table.column_names), dict[tuple[Any, ...], int]()
    for cell, group in cells_of(study, table).items():
        key = tuple(value for name, value in zip(cells, cell, strict=True) if name in by)
        sizes[key] = sizes.get(key, 0) + group.rows
    return sizes


def _of_rows(
    study: Experiment,
    asked: Asked,
    item: RowQuantile,
    place: int,
    ending: str,
    by: tuple[str, ...],
    earlier: Mapping[str, pa.Table],
) -> tuple[str, Query]:
    """Counts by unit first, which say how much wider the ranks lie apart; then the values of the ranks."""
    counted = counted_name(place, ending)
    if counted not in earlier:
        return counted, clustered_counts(
            item.relation,
            by=by,
            cluster=f"units.{quote_name(item.cluster)}",
            quantiles=[(item.column, item.share)],
            where=item.where,
            parameters=asked.parameters,
        )
    found = [ranks_of_rows(group, item.share, study.level) for group in moments_by_group(earlier[counted], by).values()]
    levels = sorted({item.share, *(level for ranks in found if ranks is not None for level in ranks.levels)})
    return ordered_name(ending, place), order_statistics(
        item.relation, by=by, levels={item.column: levels}, where=item.where, parameters=asked.parameters
    )


def ranks_of_rows(counts: Moments, share: float, level: float) -> QuantileRanks | None:
    """The ranks that bound a quantile of rows, whose counts by unit are these; None where their error is not known."""
    rows = round(counts.mean(SIZE) * counts.rows)
    effect = design_effect_of(counts, below(0), SIZE)
    return quantile_ranks(rows, share, level, effect=effect, clusters=counts.rows) if effect > 0 else None
