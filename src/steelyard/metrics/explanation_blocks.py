"""An explanation as blocks: the change, the tree, the segments, and what to know of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from steelyard.document import (
    Block,
    Callout,
    Column,
    Figure,
    Format,
    Grid,
    Heading,
    Items,
    Paragraph,
    Section,
    Step,
    Table,
    WaterfallChart,
    format_value,
)
from steelyard.metrics.explanation import Cause, DimensionChange, Explanation, Happening, Segment, TreeChange
from steelyard.metrics.metric_blocks import metric_format
from steelyard.metrics.root_cause.words import size_format

__all__ = ["explanation_blocks"]

SHOWN = 8
OPEN = 2


def explanation_blocks(found: Explanation) -> list[Block]:
    """The change first, then what is wrong with the data, what stands out, the tree, and dimension by dimension."""
    return [
        *_head(found),
        *_fault_blocks(found),
        *_cause_blocks(found),
        *_tree_blocks(found),
        *_dimension_blocks(found),
        *_foot(found),
    ]


def _style(found: Explanation) -> Format:
    plain = metric_format(found.metric)
    return Format(kind=plain.kind, digits=plain.digits, currency=plain.currency, unit=plain.unit)


def _head(found: Explanation) -> Iterator[Block]:
    """The two numbers and their difference at a glance, then the whole of it in words."""
    label = found.metric.name.replace("_", " ").capitalize() + (" per day" if found.basis == "per day" else "")
    style, share = _style(found), metric_format(found.metric).kind == "percent"
    relative = found.change / found.before if found.change is not None and found.before and not share else None
    totals = found.totals or (None, None)
    figures = [
        Figure(f"{label}, before", found.before, style, note=_days(found.before_range, totals[0], style)),
        Figure(f"{label}, after", found.after, style, note=_days(found.after_range, totals[1], style)),
        Figure(
            "Change",
            found.change,
            size_format(found),
            change=relative,
            better=found.metric.better or None,
            note="of what it was before" if relative is not None else None,
        ),
    ]
    yield Grid(figures, columns=3)
    faults = {fault.says for fault in found.faults}
    yield Heading("In words", level=2)
    yield Items([sentence for sentence in found.summary if sentence not in faults])


def _days(days: tuple[date, date], total: float | None, style: Format) -> str:
    said = f"{days[0]}" if days[0] == days[1] else f"{days[0]} to {days[1]}"
    return said if total is None else f"{said}, {format_value(total, style)} in all"


def _fault_blocks(found: Explanation) -> Iterator[Block]:
    """What is wrong with the data, in one place."""
    if len(found.faults) == 1:
        yield Callout("warning", f"Data: {found.faults[0].kind}", found.faults[0].says)
    elif found.faults:
        kinds = ", ".join(dict.fromkeys(fault.kind for fault in found.faults))
        yield Callout("warning", f"Data: {kinds}", "\n".join(fault.says for fault in found.faults))


def _cause_blocks(found: Explanation) -> Iterator[Block]:
    """The segments that stand out, what they leave over, and what else happened."""
    if found.causes:
        yield Heading("Segments that stand out", level=2)
        yield _causes(found)
    if found.search.says:
        yield Paragraph(found.search.says)
    beside = {id(item) for cause in found.causes for item in cause.coincides}
    for item in found.coincides:
        if id(item) not in beside:
            yield Callout("note", f"In these days: {item.kind}", _happened(item))


def _causes(found: Explanation) -> Table:
    style = size_format(found)
    columns = [
        Column("segment"),
        Column("what"),
        Column("before", format=Format.significant(5), align="right"),
        Column("after", format=Format.significant(5), align="right"),
        Column("expected", format=Format.significant(5), align="right"),
        Column("adds", format=style, align="right"),
        Column("false alarm", align="right"),
        Column("coincides with"),
    ]
    rows: list[tuple[object, ...]] = [_cause_row(cause) for cause in found.causes]
    if found.calendar:
        rows.append(("other weekdays", None, None, None, None, found.calendar, None, None))
    rows.append(("the rest", None, None, None, None, found.unexplained, None, None))
    return Table(columns, rows)


def _cause_row(cause: Cause) -> tuple[object, ...]:
    said = "; ".join(f"{item.says} ({item.kind})" for item in cause.coincides)
    what = f"{cause.kind}: {cause.measure}"
    alarm = "< 0.0001" if cause.false_alarm < 1e-4 else f"{cause.false_alarm:.4f}"
    return (cause.name, what, cause.before, cause.after, cause.expected, cause.impact, alarm, said or None)


def _happened(item: Happening) -> str:
    until = f" to {item.until}" if item.until else ""
    return f"{item.says}, {item.at}{until}."


def _tree_blocks(found: Explanation) -> Iterator[Block]:
    tree = found.tree
    if tree is None or found.before is None:
        return
    yield Heading(f"By its tree: {tree.text.replace('_', ' ').replace('*', '×')}", level=2)
    yield WaterfallChart(
        title=f"{found.metric.name.replace('_', ' ').capitalize()} by factor ({tree.method})",
        start_label="before",
        start=found.before,
        steps=[Step(factor.name.replace("_", " "), factor.contribution) for factor in tree.factors],
        end_label="after",
        format=_style(found),
        better=found.metric.better or None,
    )
    yield _factors(tree, found)


def _factors(tree: TreeChange, found: Explanation) -> Table:
    columns = [
        Column("factor"),
        Column("before", format=Format.significant(5), align="right"),
        Column("after", format=Format.significant(5), align="right"),
        Column("contribution", format=size_format(found), align="right"),
    ]
    return Table(columns, [(f.name.replace("_", " "), f.before, f.after, f.contribution) for f in tree.factors])


def _dimension_blocks(found: Explanation) -> Iterator[Block]:
    """The dimensions that tell most stand open; the others are folded together."""
    if not found.dimensions:
        return
    yield Heading("By dimension", level=2)
    shown = [Section(f"By {_name(item)}", list(_dimension(item, found))) for item in found.dimensions[:OPEN]]
    yield from shown
    rest: list[Block] = [
        block
        for item in found.dimensions[OPEN:]
        for block in (Heading(f"By {_name(item)}", level=3), *_dimension(item, found))
    ]
    if rest:
        count = len(found.dimensions) - OPEN
        yield Section(f"By {count} more dimension{'s' if count > 1 else ''}", rest, open=False)


def _name(dimension: DimensionChange) -> str:
    return dimension.dimension.replace("_", " ")


def _dimension(dimension: DimensionChange, found: Explanation) -> Iterator[Block]:
    yield _segments(dimension, found)
    parted = [segment for segment in dimension.segments if segment.mix is not None]
    if parted:
        mix, rate = (
            format_value(sum(part or 0.0 for part in parts), size_format(found))
            for parts in ([item.mix for item in parted], [item.rate for item in parted])
        )
        yield Paragraph(
            f"Of the change, {mix} is mix (segments became a larger or smaller part) and {rate} is rate (segments "
            "themselves became higher or lower)."
        )
    if dimension.reversal:
        yield Callout("warning", "Simpson's reversal", dimension.reversal)


def _segments(dimension: DimensionChange, found: Explanation) -> Table:
    parted = any(segment.mix is not None for segment in dimension.segments)
    style = size_format(found)
    columns = [Column(dimension.dimension), Column("before", format=_style(found), align="right")]
    columns += [
        Column("after", format=_style(found), align="right"),
        Column("contribution", format=style, align="right"),
    ]
    columns += (
        [Column("mix", format=style, align="right"), Column("rate", format=style, align="right")] if parted else []
    )
    rows = [_row(segment, parted) for segment in dimension.segments[:SHOWN]]
    rest = dimension.segments[SHOWN:]
    if rest:
        last: tuple[object, ...] = (f"{len(rest)} others", None, None, sum(item.contribution for item in rest))
        rows.append((*last, sum(i.mix or 0 for i in rest), sum(i.rate or 0 for i in rest)) if parted else last)
    if dimension.overlap:
        rows.append(("counted in several", None, None, dimension.overlap))
    return Table(columns, rows)


def _row(segment: Segment, parted: bool) -> tuple[object, ...]:
    row = (str(segment.value), segment.before, segment.after, segment.contribution)
    return (*row, segment.mix, segment.rate) if parted else row


def _foot(found: Explanation) -> Iterator[Block]:
    says = [*found.notes, *(f"Not by {dimension}: {why}" for dimension, why in found.skipped.items())]
    if says:
        yield Callout("note", "What to know of this", "\n".join(says))
    yield Section("How these numbers were made", found.hows[1].blocks(), open=False)
