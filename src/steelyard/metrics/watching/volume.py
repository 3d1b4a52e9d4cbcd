"""How many things stand behind a metric's value: another metric, made of its definition."""

from __future__ import annotations

from dataclasses import replace

from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.expression import columns_of, parse_expression
from steelyard.metrics.metric import Measure, Metric
from steelyard.metrics.names import free_name
from steelyard.metrics.watching.alert import Alert

__all__ = ["with_volume"]


def with_volume(catalog: MetricCatalog, alert: Alert) -> tuple[MetricCatalog, str]:
    """The catalog, with the metric that counts what an alert's metric is of, and that metric's name; empty for none.

    A count or a distinct count is its own volume; a sum or a mean has the rows that it aggregates, a ratio what it
    divides by. Other kinds have none unless the alert names one.

    >>> from steelyard.warehouse import TableDeclaration
    >>> catalog = MetricCatalog.of(
    ...     metrics=[Metric(name="revenue", sum="orders.amount", where="status = 'paid'")],
    ...     tables=[TableDeclaration(name="orders", key=("id",), time="at", dimensions=("status",))],
    ... )
    >>> more, name = with_volume(catalog, Alert(name="low", metric="revenue"))
    >>> more.metrics[name].count, more.metrics[name].where
    ('orders', "status = 'paid'")
    """
    metric = catalog.metric(alert.metric)
    if alert.volume:
        return catalog, alert.volume
    if metric.kind in ("count", "distinct"):
        return catalog, metric.name
    name = free_name(f"volume_of_{metric.name}", set(catalog.metrics))
    made = _volume(catalog, metric, name)
    if made is None:
        return catalog, ""
    return replace(catalog, metrics={**catalog.metrics, name: made}), name


def _volume(catalog: MetricCatalog, metric: Metric, name: str) -> Metric | None:
    if metric.kind in ("sum", "mean"):
        table = columns_of(parse_expression(metric.sum or metric.mean, metric.defined_at))[0].table
        return Metric(name=name, count=table, where=metric.where, exclude=metric.exclude, time=metric.time)
    if metric.ratio is None:
        return None
    divided = metric.ratio.denominator
    side = divided if isinstance(divided, Measure) else catalog.metric(divided)
    if side.kind not in ("sum", "count", "distinct"):
        return None
    return Metric(
        name=name,
        sum=side.sum,
        count=side.count,
        distinct=side.distinct,
        where=" AND ".join(f"({text})" for text in (side.where, metric.where) if text),
        exclude=" OR ".join(f"({text})" for text in (side.exclude, metric.exclude) if text),
        time=side.time or metric.time if isinstance(divided, Measure) else side.time,
    )
