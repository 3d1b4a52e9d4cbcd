"""The chart that suits a task, made of rows: a trend, a composition, two dimensions, stages, a spread, rates."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from steelyard.document.chart.bar import BarChart
from steelyard.document.chart.box import BoxChart, BoxRow
from steelyard.document.chart.chart import COLOURS, Chart
from steelyard.document.chart.funnel import FunnelChart, Stage
from steelyard.document.chart.heat_map import HeatMap
from steelyard.document.chart.histogram import Histogram
from steelyard.document.chart.interval import IntervalChart, IntervalRow
from steelyard.document.chart.line import LineChart
from steelyard.document.chart.scale import place_of
from steelyard.document.chart.series import Series
from steelyard.document.format import AUTO, Format
from steelyard.document.sparkline import finite
from steelyard.errors import DefinitionError, unknown_name

ChartKind = Literal["line", "bar", "heat_map", "funnel", "histogram", "box", "dots"]
CHART_KINDS: tuple[ChartKind, ...] = get_args(ChartKind)
UNKNOWN = "(unknown)"
MOST_BARS = 20
Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is to be seen in rows.

    Args:
        value: the column of the number.
        over: the column of time, or another that numbers rise along; None where there is none.
        by: the columns of groups, at most two.
        low: the column of an interval's lower bound, with `high`.
        high: the column of its upper bound.
        ordered: whether the groups are stages, in the order of the rows.
    """

    value: str
    over: str | None = None
    by: Sequence[str] = ()
    low: str | None = None
    high: str | None = None
    ordered: bool = False

    def kind(self) -> ChartKind:
        """Give the kind of chart that suits it.

        >>> Task(value="revenue", over="week").kind(), Task(value="revenue", by=["country"]).kind()
        ('line', 'bar')
        """
        if self.over is not None:
            return "line"
        if len(self.by) == 2:
            return "heat_map"
        if not self.by:
            return "histogram"
        return "dots" if self.low else "funnel" if self.ordered else "bar"


def chart_for(
    title: str,
    rows: Sequence[Row],
    task: Task,
    *,
    kind: ChartKind | None = None,
    style: Format = AUTO,
    **said: Any,
) -> Chart:
    """Draw rows by the chart that suits what is to be seen in them.

    A trend is a line, a composition sorted bars, two dimensions a heat map, ordered stages a funnel, a spread a
    histogram (of several groups: boxes), and rates with intervals dots.

    Args:
        title: what is shown.
        rows: one mapping a point; for a spread, one a value.
        task: which column is what.
        kind: another kind than the one that suits.
        style: how values are written.
        said: further fields of the chart, such as `events` of a line.

    Raises:
        UnknownNameError: there is no such kind, or a row has no such column.
        DefinitionError: the kind needs a column that the task does not name.

    >>> sales = [{"country": "NO", "orders": 2}, {"country": "DE", "orders": 5}]
    >>> chart_for("Orders", sales, Task(value="orders", by=["country"])).table().rows
    (('DE', 5), ('NO', 2))
    """
    chosen = kind or task.kind()
    if chosen not in CHART_KINDS:
        raise unknown_name("chart", chosen, CHART_KINDS, where=title)
    _check(title, rows, task, chosen)
    return _DRAWN[chosen](title, rows, task, style, said)


def _check(title: str, rows: Sequence[Row], task: Task, kind: ChartKind) -> None:
    groups = {"bar": (1, 1), "funnel": (1, 1), "dots": (1, 1), "heat_map": (2, 2), "line": (0, 1), "histogram": (0, 0)}
    least, most = groups.get(kind, (1, 1))
    if not least <= len(task.by) <= most:
        wants = f"{least}" if least == most else f"{least} or {most}"
        problem = f"a {kind} is by {wants} column{'' if wants == '1' else 's'}, not by {len(task.by)}"
        raise DefinitionError(problem, where=title, hint=f"{task.kind()} suits it")
    if kind == "line" and task.over is None:
        raise DefinitionError("a line needs something to run over", where=title, hint="say `over`, or draw bars")
    if kind == "dots" and not (task.low and task.high):
        raise DefinitionError("dots need the bounds of their intervals", where=title, hint="say `low` and `high`")
    columns = [task.value, task.over, *task.by, *((task.low, task.high) if kind == "dots" else ())]
    for name in [column for column in columns if column]:
        for row in rows:
            if name not in row:
                raise unknown_name("column", name, row, where=title)


def _line(title: str, rows: Sequence[Row], task: Task, style: Format, said: Mapping[str, Any]) -> Chart:
    over = task.over or ""
    places = sorted({row[over] for row in rows if row[over] is not None}, key=place_of)
    groups: dict[str, dict[Any, Any]] = {}
    for row in rows:
        name = ", ".join(_name(row[by]) for by in task.by) or task.value.replace("_", " ")
        if groups.setdefault(name, {}).setdefault(row[over], row[task.value]) is not row[task.value]:
            raise DefinitionError(f"two rows of {name!r} are at {row[over]}", where=title, hint="aggregate them first")
    size = {name: sum(abs(finite(value) or 0.0) for value in points.values()) for name, points in groups.items()}
    shown = sorted(groups, key=lambda name: (-size[name], name))[:COLOURS]
    more = f": the {COLOURS} largest of {len(groups)}" if len(groups) > COLOURS else ""
    series = [Series(name, [groups[name].get(place) for place in places]) for name in shown]
    return LineChart(title + more, places, series, style, **said)


def _bar(title: str, rows: Sequence[Row], task: Task, style: Format, said: Mapping[str, Any]) -> Chart:
    named = [(_name(row[task.by[0]]), row[task.value]) for row in rows]
    largest = sorted(named, key=lambda one: (finite(one[1]) is None, -abs(finite(one[1]) or 0.0), one[0]))
    shown = largest[:MOST_BARS] if len(named) > MOST_BARS else named
    more = f": the {MOST_BARS} largest of {len(named):,}" if len(named) > MOST_BARS else ""
    return BarChart(title + more, [name for name, _ in shown], [value for _, value in shown], style, **said)


def _heat_map(title: str, rows: Sequence[Row], task: Task, style: Format, said: Mapping[str, Any]) -> Chart:
    down, across = task.by
    names = [list(dict.fromkeys(_name(row[by]) for row in rows)) for by in task.by]
    cells = {(_name(row[down]), _name(row[across])): row[task.value] for row in rows}
    values = [[cells.get((one, other)) for other in names[1]] for one in names[0]]
    labels = {"row_label": down.replace("_", " "), "column_label": across.replace("_", " ")}
    return HeatMap(title, names[0], names[1], values, style, **{**labels, **said})


def _funnel(title: str, rows: Sequence[Row], task: Task, style: Format, said: Mapping[str, Any]) -> Chart:
    stages = [Stage(_name(row[task.by[0]]), int(row[task.value])) for row in rows]
    return FunnelChart(title, stages, **said)


def _histogram(title: str, rows: Sequence[Row], task: Task, style: Format, said: Mapping[str, Any]) -> Chart:
    return Histogram.of(title, [row[task.value] for row in rows], format=style, **said)


def _box(title: str, rows: Sequence[Row], task: Task, style: Format, said: Mapping[str, Any]) -> Chart:
    groups: dict[str, list[float]] = {}
    for row in rows:
        found, value = groups.setdefault(_name(row[task.by[0]]), []), finite(row[task.value])
        found += [] if value is None else [value]
    boxes = [_five(name, values) for name, values in groups.items()]
    return BoxChart(title, boxes, style, **{"whiskers": "5th and 95th percentile", **said})


def _five(name: str, values: list[float]) -> BoxRow:
    """The quartiles and the 5th and 95th percentile, by linear interpolation between the values around."""
    if not values:
        return BoxRow(name, None, None, None, None, None, 0)
    cuts = statistics.quantiles(values, n=20, method="inclusive") if len(values) > 1 else values * 19
    # Interpolation between equal values is off by a last digit at times.
    low, first, median, third, high = sorted(cuts[place] for place in (0, 4, 9, 14, 18))
    return BoxRow(name, low, first, median, third, high, len(values))


def _dots(title: str, rows: Sequence[Row], task: Task, style: Format, said: Mapping[str, Any]) -> Chart:
    low, high = task.low or "", task.high or ""
    dots = [IntervalRow(_name(row[task.by[0]]), row[task.value], row[low], row[high]) for row in rows]
    return IntervalChart(title, dots, style, **{"reference": None, **said})


def _name(value: Any) -> str:
    return UNKNOWN if value is None else str(value)


_DRAWN: Mapping[ChartKind, Callable[[str, Sequence[Row], Task, Format, Mapping[str, Any]], Chart]] = {
    "line": _line,
    "bar": _bar,
    "heat_map": _heat_map,
    "funnel": _funnel,
    "histogram": _histogram,
    "box": _box,
    "dots": _dots,
}
