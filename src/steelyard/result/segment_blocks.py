"""Effects by segment as blocks: whether they differ, and what is left of each when chance is taken out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from steelyard.document import (
    Block,
    Callout,
    Column,
    Format,
    Interval,
    IntervalChart,
    IntervalRow,
    Section,
    Table,
)

if TYPE_CHECKING:
    from steelyard.result.result import Result

__all__ = ["segment_blocks"]

NOT_TESTED = (
    "No segment is tested: how its units came in from look to look is not kept, and no p-value of a segment holds at "
    "several looks without it. A study with one look tests them."
)
SIGNED = Format.significant(4, signed=True)


def segment_blocks(result: Result) -> list[Block]:
    """Effects by segment of a result that tests them: of what decides as a chart, of all metrics as a table.

    Nothing where the result has no table `segments`.
    """
    if "segments" not in result.tables:
        return []
    rows = result.tables["segments"].to_pylist()
    deciding = {row.metric for row in result.estimates if row.role == "primary"}
    blocks: list[Block] = [_standing(result, rows)]
    for metric, contrast in dict.fromkeys((row["metric"], row["contrast"]) for row in rows):
        mine = [row for row in rows if (row["metric"], row["contrast"]) == (metric, contrast)]
        if metric in deciding and any(row["shrunk"] is not None for row in mine):
            blocks.append(_chart(metric, contrast, mine))
    if "interactions" in result.tables:
        blocks.append(_interactions(result.tables["interactions"].to_pylist()))
    return [*blocks, Section("Every metric by segment", [_table(rows)], open=False)]


def _standing(result: Result, rows: Sequence[Mapping[str, Any]]) -> Callout:
    claimed = [row for row in rows if row["claimed"]]
    untested = "looks" in result.tables and all(row["adjusted"] is None for row in rows)
    found = "; ".join(f"{row['metric']} where {row['segment']}" for row in claimed)
    says = (
        f"Findings, with the false discovery rate held: {found}."
        if claimed
        else NOT_TESTED
        if untested
        else "No segment is a finding."
    )
    if result.provenance.standing == "registered":
        return Callout("note", "Segments registered beforehand", says)
    return Callout("warning", "Exploratory segments", f"They were not fixed before the data was read. {says}")


def _chart(metric: str, contrast: str, rows: Sequence[Mapping[str, Any]]) -> IntervalChart:
    shown = [
        IntervalRow(row["segment"], row["shrunk"], row["shrunk_low"], row["shrunk_high"])
        for row in rows
    ]  # fmt: skip
    title = f"Effect on {metric} by segment, drawn towards the mean of its segments: {contrast}"
    return IntervalChart(title=title, rows=shown, format=SIGNED)


def _interactions(rows: Sequence[Mapping[str, Any]]) -> Table:
    p_value = Format.p_value()
    columns = {
        "segment": Column("segment"),
        "metric": Column("metric"),
        "contrast": Column("contrast"),
        "values": Column("values", align="right"),
        "effect": Column("effect", "mean of the effects", SIGNED, "right"),
        "between_std_dev": Column("spread", "spread beyond chance", Format.significant(3), "right"),
        "p_value": Column("p", "p of a difference", p_value, "right"),
        "adjusted": Column("adjusted", "p, adjusted", p_value, "right"),
    }
    caption = "Does the effect differ between segments?"
    if all(row["p_value"] is None for row in rows):
        caption += " It is not tested: the test holds at one look only, and several are planned."
        del columns["p_value"], columns["adjusted"]
    return Table([*columns.values()], [tuple(row.get(name) for name in columns) for row in rows], caption=caption)


def _table(rows: Sequence[Mapping[str, Any]]) -> Table:
    columns = [
        Column("segment"), Column("metric"), Column("contrast"),
        Column("units", format=Format.integer(), align="right"),
        Column("effect", format=SIGNED, align="right"), Column("shrunk", "without chance", SIGNED, "right"),
        Column("interval", format=SIGNED, align="right"), Column("p", "p, adjusted", Format.p_value(), "right"),
        Column("finding"),
    ]  # fmt: skip
    shown = [
        (
            row["segment"], row["metric"], row["contrast"], row["units"], row["value"], row["shrunk"],
            None if row["shrunk"] is None else Interval(row["shrunk_low"], row["shrunk_high"]),
            row["adjusted"], "yes" if row["claimed"] else "no",
        )
        for row in rows
    ]  # fmt: skip
    return Table(columns, shown)
