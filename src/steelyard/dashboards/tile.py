"""A metric at a glance."""

from __future__ import annotations

from typing import Any

from steelyard.dashboards.trend import Trend, label_of
from steelyard.document import Figure, Format, Sparkline
from steelyard.metrics import Metric
from steelyard.metrics.metric_blocks import metric_format

__all__ = ["change_format", "short_format", "tile"]

IN_A_TILE = 26
DIGITS = 4


def tile(trend: Trend, *, href: str | None = None, label: str | None = None, note: str | None = None) -> Figure:
    """The metric at a glance: its last whole period, the change against the one before, and its trend.

    Args:
        trend: The metric by period.
        href: Where the tile leads.
        label: What it is called; the metric's name by default.
        note: A few words; which period it is by default.
    """
    last = trend.last
    return Figure(
        label or label_of(trend.metric),
        last[1] if last else None,
        short_format(trend.metric, last[1] if last else None),
        change=trend.change,
        change_format=change_format(trend),
        better=trend.metric.better or None,
        note=trend.says if note is None or not trend.whole else note,
        sparkline=Sparkline([value for _, value in trend.whole[-IN_A_TILE:]], f"by {trend.grain}") if last else None,
        href=href,
    )


def short_format(metric: Metric, value: Any) -> Format:
    """As the metric is written, as short as a glance needs: money without its cents from a thousand on, four digits."""
    style = metric_format(metric)
    if style.kind == "money" and value is not None and abs(value) >= 1000:
        return Format.money(style.currency or "", 0)
    return Format.significant(DIGITS, unit=style.unit) if style.kind == "significant" else style


def change_format(trend: Trend) -> Format:
    """How a change of the metric is written: in percent, or in points for what is a share itself."""
    return Format.points(1, signed=True) if trend.is_share else Format.percent(1, signed=True)
