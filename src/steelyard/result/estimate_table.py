"""Estimates as a table for a person, and how a number of one is written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from steelyard.document import Column, Format, Interval, Table, format_value
from steelyard.result.estimate import Estimate

__all__ = ["estimate_format", "estimate_table"]


def estimate_format(row: Estimate, *, signed: bool = False) -> Format:
    """How a number of the estimate is written: relative ones as percent, fractions as points, others by their size."""
    if row.scale == "relative":
        return Format.percent(2, signed=signed)
    if row.measured_in == "fraction":
        return Format.points(3, signed=signed) if signed else Format.percent(2)
    return Format.significant(4, signed=signed)


def estimate_table(estimates: Iterable[Estimate]) -> Table:
    """One row an estimate of the whole study; those of single days or periods are for charts."""
    shown = [row for row in estimates if not row.at]
    parts = any(row.segment != "all" for row in shown)
    columns = [
        Column("metric"), Column("role"), Column("contrast"), *([Column("segment")] if parts else []),
        Column("estimate", align="right"), Column("interval", align="right"),
        Column("p", align="right", format=Format.p_value()),
        Column("n", align="right", format=Format.integer()), Column("scale"),
    ]  # fmt: skip
    return Table(columns, [_row(row, parts=parts) for row in shown], caption=_levels(shown))


def _levels(shown: list[Estimate]) -> str | None:
    """The level of the intervals; of several, each with whose it is."""
    roles: dict[float, dict[str, None]] = {}
    for row in shown:
        roles.setdefault(row.level, {})[_role(row)] = None
    whose = len(roles) > 1
    said = [f"{level * 100:g} %" + (f" ({', '.join(roles[level])})" if whose else "") for level in sorted(roles)]
    return f"Intervals: {', '.join(said)}" if said else None


def _role(row: Estimate) -> str:
    """What the number is for; a segment's is only that, for `exploratory` is also a study that was not registered."""
    return "segment" if row.role == "exploratory" and row.segment != "all" else row.role


def _row(row: Estimate, *, parts: bool) -> tuple[Any, ...]:
    style = estimate_format(row, signed=True)
    unit = "of the baseline" if row.scale == "relative" else row.measured_in
    return (
        row.metric,
        _role(row),
        row.contrast,
        *([row.segment] if parts else []),
        format_value(row.value, style),
        format_value(Interval(row.low, row.high), style) if row.value is not None else None,
        row.p_value,
        row.n,
        f"{row.scale}{', ' + unit if unit else ''}",
    )
