"""Each block of a dashboard, drawn: what it shows, and the same as plain values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any

from steelyard.dashboards.board_line import board_line, numbers_of
from steelyard.dashboards.breakdown import breakdown_blocks
from steelyard.dashboards.dashboard import DashboardBlock
from steelyard.dashboards.narrowed_page import Drawn, NarrowedPage
from steelyard.dashboards.trend import label_of
from steelyard.document import (
    Block,
    Callout,
    CalloutKind,
    Cell,
    Chart,
    Column,
    Format,
    Paragraph,
    Table,
    Task,
    chart_for,
)
from steelyard.metrics import Metric, MetricTable
from steelyard.metrics.expression import UNKNOWN
from steelyard.metrics.graph import DATE_GRAINS
from steelyard.metrics.metric_blocks import metric_format
from steelyard.result.charts import result_charts

__all__ = ["draw_block"]

MOST_ROWS = 200
ANSWER: Mapping[str, CalloutKind] = {"yes": "good", "no": "bad", "unclear": "warning", "invalid": "bad"}


def draw_block(block: DashboardBlock, page: NarrowedPage) -> Drawn:
    """A block as it is shown.

    Raises:
        SteelyardError: Its question has no answer.
    """
    return _DRAW[block.kind](block, page)


def _metric(block: DashboardBlock, page: NarrowedPage) -> Drawn:
    metric = page.answers.catalog.metric(block.metric)
    title, style = block.title or f"{label_of(metric)} by {page.grain}", metric_format(metric)
    if block.by:
        answer = page.answers.query([block.metric], by=(page.grain, *block.by), **page.asked(block.where))
        chart = _over_time(title, answer, block, metric)
        return _drawn(title, [chart], page, "metric", block.metric, answer.notes, rows=answer.rows())
    if block.chart == "histogram":
        trend = page.answers.trend(block.metric, page.grain, **page.asked(block.where))
        rows = [{"value": value} for _, value in trend.whole]
        spread = chart_for(f"{title}: whole {page.grain}s", rows, Task(value="value"), style=style)
        return _drawn(title, [spread], page, "metric", block.metric, **numbers_of(trend))
    shown, notes, data = board_line(
        block.metric,
        page,
        title=title,
        where=block.where,
        compare=block.compare,
        target=block.target,
        thresholds=block.thresholds,
        usual=block.usual,
    )
    return _drawn(title, shown, page, "metric", block.metric, notes, **data)


def _breakdown(block: DashboardBlock, page: NarrowedPage) -> Drawn:
    name = block.breakdown
    metric = page.answers.catalog.metric(name)
    title = block.title or f"{label_of(metric)} by {' and '.join(item.replace('_', ' ') for item in block.by)}"
    if block.chart in ("line", "box"):
        answer = page.answers.query([name], by=(page.grain, *block.by), **page.asked(block.where))
        chart = _over_time(title, answer, block, metric)
    else:
        answer = page.answers.query([name], by=block.by, **page.asked(block.where))
        chart = None
    rows = answer.rows()
    if not rows:
        return _drawn(title, [Callout("note", "No rows", "Nothing was counted in this range.")], page, "metric", name)
    if chart is not None:
        shown: list[Block] = [chart]
    elif block.chart == "histogram":
        spread = f"{title}: how the groups are spread"
        shown = [chart_for(spread, rows, Task(value=name), style=metric_format(metric))]
    elif len(block.by) == 2:
        shown = [
            chart_for(title, _sorted(rows, name, block.by), Task(value=name, by=block.by), style=metric_format(metric))
        ]
    else:
        shown = breakdown_blocks(answer, name, block.by[0])
    return _drawn(title, shown, page, "metric", name, answer.notes, rows=rows)


def _over_time(title: str, answer: MetricTable, block: DashboardBlock, metric: Metric) -> Chart:
    rows = [row for row in answer.rows() if row["period"] is not None]
    name, style = metric.name, metric_format(metric)
    if block.chart == "box":
        whole = [row for row in rows if row["period"] not in answer.partial]
        said = f"{title}: how its whole {answer.question.grain}s are spread"
        return chart_for(said, whole, Task(value=name, by=block.by), kind="box", style=style)
    unfinished = sorted(day for day in answer.partial if rows and day > min(row["period"] for row in rows))
    more: dict[str, Any] = {"incomplete_from": unfinished[0] if unfinished else None, "zero": style.kind != "percent"}
    return chart_for(title, rows, Task(value=name, over="period", by=block.by), style=style, **more)


def _sorted(rows: list[dict[str, Any]], value: str, by: Sequence[str]) -> list[dict[str, Any]]:
    """The groups of both dimensions by their names, the unknown ones last."""
    return sorted(rows, key=lambda row: [(row[name] is None, str(row[name])) for name in by])


def _table(block: DashboardBlock, page: NarrowedPage) -> Drawn:
    by = block.by or (page.grain,)
    answer = page.answers.query(block.table, by=by, **page.asked(block.where))
    rows = answer.rows()
    if any(item in DATE_GRAINS for item in by):
        rows = rows[::-1]  # the newest first
    columns = [Column(name) for name in answer.dimensions]
    columns += [Column(metric.name, format=metric_format(metric), align="right") for metric in answer.metrics]
    cells = [tuple(_cell(answer, name, row[name]) for name in answer.table.column_names) for row in rows[:MOST_ROWS]]
    title = block.title or f"By {' and '.join(item.replace('_', ' ') for item in by)}"
    caption = f"The first {MOST_ROWS} of {len(rows):,} rows." if len(rows) > MOST_ROWS else None
    return Drawn(title=title, blocks=[Table(columns, cells, caption)], notes=answer.notes, data={"rows": rows})


def _cell(answer: MetricTable, name: str, value: Any) -> Cell:
    if name in answer.dimensions and value is None:
        return UNKNOWN
    return f"{value} ({answer.partial[value]})" if name == "period" and value in answer.partial else value


def _funnel(block: DashboardBlock, page: NarrowedPage) -> Drawn:
    answer = page.answers.analyse(block.funnel, by=block.by, **page.asked(block.where))
    title, rows = block.title or block.funnel.replace("_", " ").capitalize(), answer.rows()
    if block.by:
        task, style = Task(value="conversion", by=(*answer.by, "step")), Format.percent(1)
        chart = chart_for(f"{title}: share of those who began", rows, task, style=style)
    elif block.chart == "bar":
        task = Task(value="conversion", by=("step",))
        said = f"{title}: share of those who began"
        chart = chart_for(said, rows, task, kind="bar", style=Format.percent(1), sort=False)
    else:
        chart = chart_for(title, rows, Task(value="entities", by=("step",), ordered=True))
    return _drawn(title, [chart], page, "analysis", block.funnel, answer.notes, rows=rows)


def _cohort(block: DashboardBlock, page: NarrowedPage) -> Drawn:
    answer = page.answers.analyse(block.cohort, **page.asked(block.where))
    title = block.title or block.cohort.replace("_", " ").capitalize()
    rows = [row | {"cohort (size)": f"{row['cohort']} ({row['size']:,})", "period": row["k"]} for row in answer.rows()]
    style = Format.percent(0)
    if block.chart == "line":
        task = Task(value="rate", over="period", by=("cohort (size)",))
        chart = chart_for(title, [row for row in rows if row["rate"] is not None], task, style=style, x_label="period")
    else:
        chart = chart_for(title, rows, Task(value="rate", by=("cohort (size)", "period")), style=style)
    return _drawn(title, [chart], page, "analysis", block.cohort, answer.notes, rows=answer.rows())


def _study(block: DashboardBlock, page: NarrowedPage) -> Drawn:
    title = block.title or block.study.replace("_", " ").capitalize()
    kept = page.answers.results.get(block.study, ())
    if not kept:
        nothing = Callout("note", "Not run yet", f"steelyard run {block.study} answers it.")
        return _drawn(title, [nothing], page, "study", block.study, result=None)
    entry, result = kept[0]
    verdict = result.verdict
    said = verdict.answer if verdict.action == "none" else f"{verdict.answer}: {verdict.action}"
    callout = Callout(ANSWER[verdict.answer], said.capitalize(), verdict.says)
    data = {"entry": entry.digest, "verdict": verdict.to_dict()}
    shown: list[Block] = [Paragraph(result.question), callout, *islice(result_charts(result), 1)]
    return _drawn(title, shown, page, "study", block.study, result=data)


def _text(block: DashboardBlock, page: NarrowedPage) -> Drawn:
    parts = [part.strip() for part in block.text.split("\n\n")]
    return Drawn(title=block.title, blocks=[Paragraph(" ".join(part.split())) for part in parts if part])


def _drawn(
    title: str,
    blocks: Sequence[Block],
    page: NarrowedPage,
    kind: str,
    name: str,
    notes: Sequence[str] = (),
    **data: Any,
) -> Drawn:
    return Drawn(title=title, blocks=blocks, notes=notes, data=data, href=page.href(kind, name))


_DRAW: Mapping[str, Callable[[DashboardBlock, NarrowedPage], Drawn]] = {
    "metric": _metric,
    "breakdown": _breakdown,
    "table": _table,
    "funnel": _funnel,
    "cohort": _cohort,
    "study": _study,
    "text": _text,
}
