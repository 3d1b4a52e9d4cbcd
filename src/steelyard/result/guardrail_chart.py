"""Guardrails with their margins: how much of each is used up, by the interval that the rule looks at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from steelyard.document import Chart, IntervalChart, IntervalRow
from steelyard.result.estimate import Estimate
from steelyard.result.estimate_table import estimate_format

if TYPE_CHECKING:
    from steelyard.result.result import Result

__all__ = ["guardrail_charts"]


def guardrail_charts(result: Result) -> Iterator[Chart]:
    """One chart a scale and unit, one row a guardrail and contrast; nothing where the table `guardrails` is missing.

    A row is good where its interval lies within the margin, bad where it lies beyond, else a warning.
    """
    table = result.tables.get("guardrails")
    if table is None or "limit" not in table.column_names:
        return
    limits = {(row["metric"], row["contrast"], row["scale"]): row["limit"] for row in table.to_pylist()}
    shown = [row for row in result.estimates if _drawn(row, limits)]
    for scale, unit in dict.fromkeys((row.scale, _unit(row)) for row in shown):
        mine = [row for row in shown if (row.scale, _unit(row)) == (scale, unit)]
        said = "relative effects" if scale == "relative" else f"effects{', ' + unit if unit else ''}"
        several = len({row.contrast for row in mine}) > 1
        yield IntervalChart(
            title=f"Guardrails: {said} with their margins{'' if several else ': ' + mine[0].contrast}",
            rows=[_row(row, limits[row.metric, row.contrast, row.scale], several) for row in mine],
            format=estimate_format(mine[0], signed=True),
            limit_label="margin",
        )


def _drawn(row: Estimate, limits: Mapping[tuple[str, str, str], Any]) -> bool:
    known = (row.metric, row.contrast, row.scale) in limits
    return known and row.role == "guardrail" and row.segment == "all" and not row.at and row.value is not None


def _unit(row: Estimate) -> str:
    return "" if row.scale == "relative" else row.measured_in


def _row(row: Estimate, limit: float, several: bool) -> IntervalRow:
    label = f"{row.metric} · {row.contrast}" if several else row.metric
    # Turned so that more is better: the margin is then the least that the worse end may be.
    sign = 1 if limit <= 0 else -1
    worse, best = (row.low, row.high) if sign > 0 else (row.high, row.low)
    if worse is not None and sign * worse > sign * limit:
        return IntervalRow(label, row.value, row.low, row.high, "good", limit)
    beyond = best is not None and sign * best < sign * limit
    return IntervalRow(label, row.value, row.low, row.high, "bad" if beyond else "warning", limit)
