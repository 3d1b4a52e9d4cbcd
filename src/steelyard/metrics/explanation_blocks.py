"""An explanation as blocks: the change, the tree, the segments, and what to know of them."""

from __future__ import annotations

from collections.abc import Iterator

from steelyard.document import (
    Block,
    Callout,
    Column,
    Facts,
    Figure,
    Format,
    Heading,
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
    label = found.metric.name.replace("_", " ").capitalize()
    per_day = " per day" if found.basis == "per day" else ""
    before, after = (f"{first} to {last}" for first, last in (found.before_range, found.after_range))
    relative = found.change / found.before if found.change is not None and found.before else None
    yield Figure(
        f"{label}{per_day}, {after}",
        found.after,
        _style(found),
        change=relative,
        better=found.metric.better or None,
        note=f"against {before}",
    )
    facts = [(f"{label}{per_day}, {before}", format_value(found.before, _style(found)))]
    facts.append((f"{label}{per_day}, {after}", format_value(found.after, _style(found))))
    facts.append(("Change", format_value(found.change, size_format(found))))
    if found.totals is not None:
        facts += [
            (f"Total, {span}", format_value(total, _style(found)))
            for span, total in zip((before, after), found.totals, strict=True)
        ]
    yield Facts(facts)
    yield Paragraph(" ".join(found.summary))


def _fault_blocks(found: Explanation) -> Iterator[Block]:
    for fault in found.faults:
        yield Callout("warning", f"Data: {fault.kind}", fault.says)


def _cause_blocks(found: Explanation) -> Iterator[Block]:
    """The segments that stand out, what they leave over, and what else happened."""
    if found.causes:
        yield Heading("Segments that stand out", level=3)
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
    yield Heading(f"By its tree: {tree.text}", level=3)
    yield WaterfallChart(
        title=f"{found.metric.name.replace('_', ' ').capitalize()} by factor ({tree.method})",
        start_label="before",
        start=found.before,
        steps=[Step(factor.name, factor.contribution) for factor in tree.factors],
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
    return Table(columns, [(f.name, f.before, f.after, f.contribution) for f in tree.factors])


def _dimension_blocks(found: Explanation) -> Iterator[Block]:
    for number, dimension in enumerate(found.dimensions):
        blocks: list[Block] = [_segments(dimension, found)]
        if dimension.reversal:
            blocks.append(Callout("warning", "Simpson's reversal", dimension.reversal))
        yield Section(f"By {dimension.dimension}", blocks, open=number < 2)


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
    for note in found.notes:
        yield Callout("note", note)
    for dimension, why in found.skipped.items():
        yield Callout("note", f"Not by {dimension}", why)
    yield Section("How these numbers were made", found.hows[1].blocks(), open=False)
