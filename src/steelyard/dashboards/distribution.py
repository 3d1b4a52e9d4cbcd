"""How the values behind a metric are spread, as a picture and in words."""

from __future__ import annotations

from steelyard.dashboards.tile import short_format
from steelyard.dashboards.trend import label_of
from steelyard.document import Block, Callout, CodeBlock, Histogram, Paragraph, Section, Threshold, format_value
from steelyard.metrics import Metric
from steelyard.metrics.distribution import Distribution

__all__ = ["distribution_blocks"]


def distribution_blocks(found: Distribution, metric: Metric) -> list[Block]:
    """The picture, its middle in words, and the SQL that counted it.

    Args:
        found: The counted bins.
        metric: The metric.
    """
    of = f"each {found.per.replace('_', ' ')}" if found.per else "each row"
    if not found.values:
        return [Callout("note", "No values", f"No row in this range has a value of {metric.name.replace('_', ' ')}.")]
    style = short_format(metric, None)
    median = found.quantiles.get(0.5)
    chart = Histogram(
        title=f"{label_of(metric)} of {of}",
        edges=found.edges,
        counts=found.counts,
        format=style,
        marks=[Threshold("median", median)] if median is not None else [],
        below=found.below,
        above=found.above,
        missing=found.missing,
    )
    said = {
        name: format_value(found.quantiles[share], style) for name, share in _NAMED.items() if share in found.quantiles
    }
    words = (
        f"{found.values:,} values. Half of them lie between {said['quarter']} and {said['three quarters']}, one in "
        f"twenty below {said['low']} and one in twenty above {said['high']}; the mean is "
        f"{format_value(found.mean, style)}, the smallest {format_value(found.low, style)}, the largest "
        f"{format_value(found.high, style)}."
    )
    return [chart, Paragraph(words), Section("SQL", [CodeBlock(found.sql, "sql")], open=False)]


_NAMED = {"low": 0.05, "quarter": 0.25, "three quarters": 0.75, "high": 0.95}
