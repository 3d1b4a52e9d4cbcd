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
from steelyard.metrics.explanation import DimensionChange, Explanation, Segment, TreeChange
from steelyard.metrics.metric_blocks import metric_format

__all__ = ["explanation_blocks"]

SHOWN = 8


def explanation_blocks(found: Explanation) -> list[Block]:
    """The change first, then its tree, then dimension by dimension."""
    return [*_head(found), *_tree_blocks(found), *_dimension_blocks(found), *_foot(found)]


def _style(found: Explanation, *, signed: bool = False) -> Format:
    plain = metric_format(found.metric)
    return Format(kind=plain.kind, digits=plain.digits, currency=plain.currency, unit=plain.unit, signed=signed)


def _steps_style(found: Explanation) -> Format:
    """Parts of a whole number need not be whole."""
    style = _style(found, signed=True)
    return Format.significant(4, signed=True) if style.kind == "integer" else style


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
    facts.append(("Change", format_value(found.change, _steps_style(found))))
    if found.totals is not None:
        facts += [
            (f"Total, {span}", format_value(total, _style(found)))
            for span, total in zip((before, after), found.totals, strict=True)
        ]
    yield Facts(facts)
    yield Paragraph(_summary(found))


def _summary(found: Explanation) -> str:
    """The change in words, and no word of cause."""
    if found.change is None:
        return "There is nothing to compare."
    if found.change == 0:
        return "The value is the same in both ranges."
    says = []
    if found.tree is not None:
        first = found.tree.factors[0]
        size = format_value(first.contribution, _steps_style(found))
        says.append(f"Of the tree, {first.name.replace('_', ' ')} moved most with it ({size}).")
    if found.dimensions and found.dimensions[0].segments:
        dimension = found.dimensions[0]
        segment = dimension.most_telling or dimension.segments[0]
        size = format_value(segment.contribution, _steps_style(found))
        says.append(f"By {dimension.dimension}, {segment.value} departs most from moving in proportion ({size}).")
    says += [dimension.reversal for dimension in found.dimensions if dimension.reversal]
    says.append("These are correlations, what moved together, and not yet causes: a study can tell.")
    return " ".join(says)


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
        Column("contribution", format=_steps_style(found), align="right"),
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
    style = _steps_style(found)
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
