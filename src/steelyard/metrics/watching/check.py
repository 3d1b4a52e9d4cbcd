"""What is wrong with alerts and annotations beside the metrics that they speak of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steelyard.errors import DefinitionError, SteelyardError, unknown_name
from steelyard.metrics.annotation import Annotation
from steelyard.metrics.expression import parse_expression
from steelyard.metrics.watching.alert import Alert
from steelyard.metrics.watching.freshness import watched_tables

if TYPE_CHECKING:
    from steelyard.metrics.catalog import MetricCatalog

__all__ = ["checked_alerts", "checked_annotations"]


def checked_alerts(catalog: MetricCatalog) -> tuple[dict[str, Alert], list[SteelyardError]]:
    """The alerts that can be, and what is wrong with the others."""
    good: dict[str, Alert] = {}
    problems: list[SteelyardError] = []
    for name, alert in catalog.alerts.items():
        try:
            _check(catalog, alert)
        except SteelyardError as error:
            problems.append(error.at(alert.defined_at))
        else:
            good[name] = alert
    return good, problems


def _check(catalog: MetricCatalog, alert: Alert) -> None:
    for sink in alert.to:
        if sink not in catalog.sinks:
            raise unknown_name("sink", sink, catalog.sinks, where=alert.defined_at)
    if alert.fresh:
        watched_tables(catalog, alert)
        return
    for name in filter(None, (alert.metric, alert.volume)):
        catalog.metric(name, where=alert.defined_at)
    known = catalog.dimensions(alert.metric)
    for dimension in alert.by:
        if dimension in ("day", "week", "month", "quarter", "year"):
            problem = f"the alert {alert.name!r} is by {dimension!r}, which is no segment"
            raise DefinitionError(problem, where=alert.defined_at, hint="write `grain: day`, or `grain: week`")
        if dimension not in known and "." not in dimension:
            raise unknown_name(f"dimension of {alert.metric!r}", dimension, known, where=alert.defined_at)
    if alert.where:
        parse_expression(alert.where, alert.defined_at)


def checked_annotations(catalog: MetricCatalog) -> tuple[tuple[Annotation, ...], list[SteelyardError]]:
    """The annotations that can be, and what is wrong with the others."""
    good: list[Annotation] = []
    problems: list[SteelyardError] = []
    for item in catalog.annotations:
        try:
            for name in item.metrics:
                catalog.metric(name, where=item.defined_at)
            if item.where:
                parse_expression(item.where, item.defined_at)
        except SteelyardError as error:
            problems.append(error.at(item.defined_at))
        else:
            good.append(item)
    return tuple(good), problems
