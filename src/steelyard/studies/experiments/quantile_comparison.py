"""One quantile in one arm against control."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from steelyard.stats.quantile_difference import QuantileSample, quantile_difference, quantile_relative
from steelyard.studies.experiments.comparison import Comparison

if TYPE_CHECKING:
    import pyarrow as pa

    from steelyard.studies.experiments.evidence import Evidence

__all__ = ["compare_quantiles", "quantiles_table"]


def compare_quantiles(
    treated: QuantileSample | None, control: QuantileSample | None, level: float, by: str = ""
) -> Comparison:
    """The quantile's difference between two arms, from the order statistics that bound it in each.

    An arm whose bounds are one and the same value says nothing of its error: the interval is unbounded.

    Args:
        treated: The arm that is judged; None where it is not known.
        control: The arm that it is compared with.
        level: Level of the intervals.
        by: What the strata are whose shares both arms were given, such as `stage`; empty where there are none.
    """
    absolute = quantile_difference(treated, control, level) if treated and control else None
    if treated is None or control is None or absolute is None:
        return Comparison(absolute=None, relative=None, control_level=None, method="none")
    effect = max(treated.ranks.effect, control.ranks.effect)
    method = f"order statistics, weighted by {by}, t" if by else "order statistics, t"
    if effect != 1 and not by:
        method = f"order statistics of values in clusters (design effect {effect:.3g}), t"
    if 0 in (treated.std_error, control.std_error):
        unknown = replace(absolute, low=-math.inf, high=math.inf, p_value=1.0)
        return Comparison(absolute=unknown, relative=None, control_level=control.value, method=method)
    return Comparison(
        absolute=absolute,
        relative=quantile_relative(treated, control, level),
        control_level=control.value,
        method=method,
    )


def quantiles_table(evidence: Evidence) -> dict[str, pa.Table]:
    """Each arm's quantiles with their own intervals, which ask for no law of the values; nothing without quantiles.

    Within strata they are as the arm would have them with the strata's shares in itself and the arm `beside`.
    """
    import pyarrow as pa

    rows = []
    for (metric, segment, arm, beside), item in evidence.quantiles.items():
        if item.sample is None:
            continue
        low, high = item.sample.interval
        rows.append(
            {
                "metric": metric,
                "segment": segment,
                "arm": arm,
                "beside": beside,
                "quantile": item.sample.ranks.quantile,
                "value": item.sample.value,
                "low": low if math.isfinite(low) else None,
                "high": high if math.isfinite(high) else None,
                "coverage": item.sample.ranks.coverage,
                "values": item.values.values,
                "clusters": item.clusters,
                "design_effect": item.sample.ranks.effect,
            }
        )
    kinds: dict[str, pa.DataType] = {
        **dict.fromkeys(("metric", "segment", "arm", "beside"), pa.string()),
        **dict.fromkeys(("values", "clusters"), pa.int64()),
    }
    within = ("beside",) if any(row["beside"] for row in rows) else ()
    names = ("metric", "segment", "arm", *within, "quantile", "value", "low", "high", "coverage", "values", "clusters",
             "design_effect")  # fmt: skip
    schema = pa.schema([(name, kinds.get(name, pa.float64())) for name in names])
    return {"quantiles": pa.Table.from_pylist(rows, schema=schema)} if rows else {}
