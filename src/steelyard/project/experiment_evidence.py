"""What an experiment's newest result measured, part by part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steelyard.document import Block, Column, Format, Interval, Section, Table, format_value
from steelyard.result.blocks import arrow_block
from steelyard.result.charts import effect_charts, table_charts
from steelyard.result.course_chart import course_charts
from steelyard.result.estimate_table import estimate_table
from steelyard.result.guardrail_chart import guardrail_charts

if TYPE_CHECKING:
    from steelyard.result import Result

__all__ = ["course_blocks", "effect_blocks", "guardrail_blocks", "looks_blocks"]

SIGNED = Format.significant(4, signed=True)
SIZE = Format.significant(4)
QUANTILES = [
    Column("metric"), Column("arm"), Column("value", format=SIZE, align="right"),
    Column("interval", format=SIZE, align="right"), Column("coverage", format=Format.percent(2), align="right"),
    Column("values", format=Format.integer(), align="right"),
    Column("design effect", format=Format.decimal(2), align="right"),
]  # fmt: skip


def effect_blocks(result: Result) -> list[Block]:
    """The effects with their intervals; every number, and each arm's quantiles, folded away."""
    whole = [row for row in result.estimates if row.segment == "all"]
    blocks: list[Block] = [*effect_charts(result), Section("Every number", [estimate_table(whole)], open=False)]
    if "quantiles" in result.tables:
        rows = [_quantile(row) for row in result.tables["quantiles"].to_pylist() if row["segment"] == "all"]
        blocks.append(Section("Quantiles of each arm", [Table(QUANTILES, rows)], open=False))
    return blocks


def _quantile(row: dict[str, Any]) -> tuple[Any, ...]:
    within = f"{row['arm']}, weighted as beside {row['beside']}" if row.get("beside") else row["arm"]
    interval = Interval(row["low"], row["high"])
    return row["metric"], within, row["value"], interval, row["coverage"], row["values"], row["design_effect"]


def course_blocks(result: Result) -> list[Block]:
    """Effects of all who came in until each day, with their bounds; first those of the metrics that decide, drawn.

    The others' and the numbers of all, the first days' too, that are too wide to draw, are folded away.
    """
    if "course" not in result.tables:
        return []
    rows = result.tables["course"].to_pylist()
    others = [*course_charts([row for row in rows if row.get("role", "primary") != "primary"])]
    folded = [Section("Other metrics", others, open=False)] if others else []
    charts = [*table_charts(result, "course")]
    if not charts and not others:
        return []
    whole = Section("Every day", [arrow_block(result.tables["course"], most=2_000)], open=False)
    return [*charts, *folded, whole]


def looks_blocks(result: Result) -> list[Block]:
    """Each look with its bounds; nothing where one look was planned."""
    if "looks" not in result.tables:
        return []
    z = Format.decimal(2)
    columns = [
        Column("look", align="right"), Column("at"), Column("arm"),
        Column("units", format=Format.integer(), align="right"),
        Column("fraction", "of those planned", Format.percent(0), "right"),
        Column("effect", format=SIGNED, align="right"), Column("interval", format=SIGNED, align="right"),
        Column("z", "z", z, "right"), Column("success", "success from z", z, "right"),
        Column("harm", "harm below z", z, "right"), Column("says"),
    ]  # fmt: skip
    rows = [_look(row) for row in result.tables["looks"].to_pylist()]
    return [*table_charts(result, "looks"), Table(columns, rows)]


def _look(row: dict[str, Any]) -> tuple[Any, ...]:
    says = "success" if row["crossed"] else "the end" if row["ended"] else "goes on"
    z = row["value"] / row["std_error"] if row["std_error"] else None
    harm = None if row["harm_bound"] is None else -row["harm_bound"]
    interval = Interval(row["low"], row["high"])
    return (
        row["look"], row["at"][:16].replace("T", " "), row["arm"], row["units"], row["fraction"], row["value"],
        interval, z, row["success_bound"], harm, says,
    )  # fmt: skip


def guardrail_blocks(result: Result) -> list[Block]:
    """Guardrails with their margins, by the interval of the rule; and by bounds that hold at every gate of a ramp."""
    blocks: list[Block] = [*guardrail_charts(result)]
    if "guardrails" not in result.tables:
        return blocks
    rows = [_gate(row) for row in result.tables["guardrails"].to_pylist()]
    columns = ["guardrail", "contrast", "effect", "interval", "margin", "harmed"]
    caption = "With bounds that hold whenever they are looked at, as the gates of a ramp are"
    return [*blocks, Section("At the gates of a ramp", [Table(columns, rows, caption=caption)], open=False)]


def _gate(row: dict[str, Any]) -> tuple[Any, ...]:
    style = Format.percent(2, signed=True) if row["scale"] == "relative" else SIGNED
    interval = None if row["value"] is None else format_value(Interval(row["low"], row["high"]), style)
    harmed = {True: "yes", False: "no", None: "unknown"}[row["harmed"]]
    effect = format_value(row["value"], style)
    return row["metric"], row["contrast"], effect, interval, format_value(row.get("limit"), style), harmed
