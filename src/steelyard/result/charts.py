"""A result's pictures: its effects with their intervals, and those that its tables are made for."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from steelyard.document import (
    Chart,
    EventStudyChart,
    EventStudyPoint,
    Format,
    IntervalChart,
    IntervalRow,
    LineChart,
    Series,
    Threshold,
)
from steelyard.result.course_chart import course_charts
from steelyard.result.estimate import Estimate
from steelyard.result.guardrail_chart import guardrail_charts

if TYPE_CHECKING:
    from steelyard.result.result import Result

__all__ = ["effect_charts", "result_charts", "table_charts"]

Rows = Sequence[Mapping[str, Any]]
PERCENT = Format.percent(1, signed=True)
AXIS_HOLDS = 15.0  # how many times as far as those that decide the others may reach on their axis
STOPS_AT = 3.0  # log10 of the evidence at which a split's p-value is .001


def result_charts(result: Result) -> Iterator[Chart]:
    """The pictures of a result, each with more than one place to show.

    Args:
        result: The result; of its tables, those named in `OF_TABLES` have a picture.
    """
    yield from effect_charts(result)
    yield from guardrail_charts(result)
    for name in OF_TABLES:
        yield from table_charts(result, name)


def table_charts(result: Result, name: str) -> Iterator[Chart]:
    """The pictures of one of its tables; none where it has no such table."""
    if name in result.tables and result.tables[name].num_rows:
        yield from OF_TABLES[name](result.tables[name].to_pylist())


def effect_charts(result: Result) -> Iterator[Chart]:
    """Relative effects with their intervals; segments and guardrails apart where the result says more of them."""
    apart = {"guardrail"} if any(guardrail_charts(result)) else set()
    shown = [
        row
        for row in result.estimates
        if not row.at and row.value is not None and row.scale == "relative" and row.contrast and row.role not in apart
        and (row.segment == "all" or "segments" not in result.tables)
    ]  # fmt: skip
    near, far = _by_reach(shown)
    if near:
        yield _forest(near)
    if far:
        yield _forest(far, ", too wide for that axis")


def _by_reach(rows: list[Estimate]) -> tuple[list[Estimate], list[Estimate]]:
    """Those that can share an axis with what decides, and others beside which it could not be seen."""
    deciding = max((_reach(row) for row in rows if row.role == "primary"), default=0.0)
    limit = AXIS_HOLDS * deciding if deciding else math.inf
    near = [row for row in rows if row.role == "primary" or _reach(row) <= limit]
    return near, [row for row in rows if row not in near]


def _reach(row: Estimate) -> float:
    return max(abs(end) for end in (row.value, row.low, row.high, 0.0) if end is not None)


def _forest(rows: list[Estimate], more: str = "") -> IntervalChart:
    contrasts = {row.contrast for row in rows}
    labels = [
        IntervalRow(label=_label(row, len(contrasts) > 1), value=row.value, low=row.low, high=row.high) for row in rows
    ]
    of = f" of {rows[0].contrast}" if len(contrasts) == 1 else ""
    title = f"Relative effects{of} with their intervals{more}"
    return IntervalChart(title=title, rows=labels, format=PERCENT, reference=0.0)


def _label(row: Estimate, several: bool) -> str:
    parts = [row.metric, row.segment if row.segment != "all" else "", row.contrast if several else ""]
    return " · ".join(part for part in parts if part)


def _event_study(rows: Rows) -> Iterator[Chart]:
    points = [EventStudyPoint(at=row["period"], value=row["value"], low=row["low"], high=row["high"]) for row in rows]
    yield EventStudyChart(
        title="Effect by period, against the period before the treatment",
        points=points,
        format=Format.significant(3),
        reference_period=-1,
        starts=-0.5,
        x_label="periods since the treatment",
    )


def _course(rows: Rows) -> Iterator[Chart]:
    """Of the metrics that decide; the others are told by the table. Earlier versions told of the first alone."""
    yield from course_charts([row for row in rows if row.get("role", "primary") == "primary"])


def _looks(rows: Rows) -> Iterator[Chart]:
    for arm in dict.fromkeys(row["arm"] for row in rows):
        mine = [row for row in rows if row["arm"] == arm]
        if len(mine) > 1:
            line = Series("effect", *([row[name] for row in mine] for name in ("value", "low", "high")))
            yield LineChart(
                title=f"Effect at each look, with the bounds of the stopping rules: {arm}",
                x=[row["fraction"] for row in mine],
                series=[line],
                format=Format.significant(3, signed=True),
                thresholds=[Threshold("no effect", 0.0)],
                x_label="units, as a share of those planned",
                x_format=Format.percent(0),
            )


def _split(rows: Rows) -> Iterator[Chart]:
    if len(rows) > 1:
        yield LineChart(
            title="Evidence against the split so far (log10 of the e-value)",
            x=[row["day"] for row in rows],
            series=[Series("log10 of the e-value", [row["log10_evidence"] for row in rows])],
            format=Format.significant(2),
            thresholds=[Threshold("stops the experiment", STOPS_AT)],
            zero=True,
        )


OF_TABLES: Mapping[str, Callable[[Rows], Iterator[Chart]]] = {
    "event_study": _event_study,
    "course": _course,
    "looks": _looks,
    "split_by_day": _split,
}
"""Table -> its pictures; which kinds of study fill it is theirs to say."""
