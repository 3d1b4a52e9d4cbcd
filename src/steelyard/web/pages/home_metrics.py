"""The metrics of the first page, from the warehouse: headline, drivers, guardrails."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from steelyard.dashboards import (
    Health,
    Trend,
    Trends,
    driver_blocks,
    expected_of,
    headline_blocks,
    health_of,
    read_trends,
    tile,
    what_happened,
)
from steelyard.document import Block, Callout, Grid, Link, Paragraph
from steelyard.errors import SteelyardError
from steelyard.studies import Study
from steelyard.web.page import address
from steelyard.web.pages.ranges import default_ranges, written
from steelyard.web.pages.tables_known import KnownTable, known_tables
from steelyard.web.view import View

__all__ = ["HomeMetrics", "home_metrics"]

MOST_GUARDRAILS = 8
MOST_OTHERS = 8
FEW = 3


@dataclass(kw_only=True)
class HomeMetrics:
    """What the warehouse gave for the first page.

    Args:
        figures: The one metric that comes first.
        line: It over time.
        drivers: Its tree.
        guardrails: What must not suffer.
        others: Other metrics, where there is no tree.
        trouble: What could not be answered.
        tables: Every source and table.
        through: The last local day that the metrics' facts have.
        data: The same as plain values.
    """

    figures: list[Block] = field(default_factory=list)
    line: list[Block] = field(default_factory=list)
    drivers: list[Block] = field(default_factory=list)
    guardrails: list[Block] = field(default_factory=list)
    others: list[Block] = field(default_factory=list)
    trouble: list[Block] = field(default_factory=list)
    tables: list[KnownTable] = field(default_factory=list)
    through: date | None = None
    data: dict[str, Any] = field(default_factory=lambda: {"health": None, "metrics": {}})


def home_metrics(view: View) -> HomeMetrics:
    """Asks for them; a warehouse that does not answer is trouble on the page, and the rest still shows."""
    found = HomeMetrics()
    health = _health(view)
    try:
        found.tables = known_tables(view)
        if health is None:
            found.figures = [_no_metric_yet()]
        else:
            _fill(found, view, health)
    except SteelyardError as error:
        says = " ".join(part for part in (f"{error.problem}.", error.hint) if part)
        found.trouble.append(Callout("bad", "The warehouse did not answer", says))
    return found


def _health(view: View) -> Health | None:
    settings, definitions = view.project.settings, view.project.definitions
    return health_of(
        definitions.metrics,
        headline=settings.health,
        guardrails=settings.guardrails,
        guarded=[name for study in definitions.studies.values() for name in _guarded(study)],
    )


def _guarded(study: Study) -> Iterator[str]:
    """The metrics that a study guards; of the kinds that have guardrails."""
    for use in getattr(study, "guardrail_uses", ()):
        yield use.metric


def _no_metric_yet() -> Block:
    says = (
        "A file under metrics/ defines them: `revenue: {sum: orders.amount, better: up}`. `steelyard check` reads it."
    )
    return Callout("note", "No metric is defined yet", says.replace("`", ""))


def _fill(found: HomeMetrics, view: View, health: Health) -> None:
    catalog = view.project.definitions.metrics
    together = (health.headline, *health.drivers)
    others = [] if health.drivers else [name for name in catalog.metrics if name not in (*together, *health.guardrails)]
    apart = [*health.guardrails[:MOST_GUARDRAILS], *others[:MOST_OTHERS]]
    with view.warehouse() as warehouse:
        asked = read_trends(catalog, warehouse, together, apart, grain="week")
        first = asked.found.get(health.headline)
        if first is not None and len(first.whole) < FEW:
            asked = read_trends(catalog, warehouse, together, apart, grain="day")
    found.through = asked.through
    found.trouble += [_unanswered(name, error) for name, error in asked.failed.items()]
    found.figures, found.line = _headline(view, asked.found.get(health.headline), health)
    if health.headline in asked.found:
        found.drivers = driver_blocks(catalog, health.headline, asked.found, _metric)
    found.guardrails = _tiles(asked, health.guardrails[:MOST_GUARDRAILS])
    found.others = _tiles(asked, others[:MOST_OTHERS])
    if found.others and len(others) > MOST_OTHERS:
        found.others.append(Paragraph([Link(f"All {len(catalog.metrics):,} metrics", "/metrics")]))
    found.data = {
        "health": health.headline,
        "drivers": health.drivers,
        "guardrails": health.guardrails,
        "data_through": asked.through,
        "metrics": {name: _plain(trend) for name, trend in asked.found.items()},
    }


def _metric(name: str) -> str:
    return address("metrics", name)


def _plain(trend: Trend) -> dict[str, Any] | None:
    last = trend.last
    return {"period": last[0], "value": last[1], "change": trend.change, "grain": trend.grain} if last else None


def _unanswered(name: str, error: SteelyardError) -> Block:
    return Callout("warning", f"{name} has no number", f"{error.problem}. {error.hint}".strip())


def _headline(view: View, trend: Trend | None, health: Health) -> tuple[list[Block], list[Block]]:
    if trend is None:
        return [], []
    if not trend.periods:
        says = "steelyard refresh loads the sources and builds the tables; this page then shows it."
        return [Callout("note", f"There is no data for {health.headline.replace('_', ' ')} yet", says)], []
    annotations = view.project.definitions.metrics.annotations
    acts = view.project.stage_ledger.by_study()
    ranges = default_ranges(trend)
    name = health.headline
    why = address("metrics", name, "explain", before=written(ranges[0]), after=written(ranges[1])) if ranges else ""
    return headline_blocks(
        trend,
        expected=expected_of(trend, annotations),
        happened=what_happened(name, annotations, acts, zone=view.project.settings.zone),
        href=_metric(name),
        why=why,
    )


def _tiles(asked: Trends, names: Sequence[str]) -> list[Block]:
    tiles = [tile(asked.found[name], href=_metric(name)) for name in names if name in asked.found]
    return [Grid(tiles, columns=4 if len(tiles) in (4, 7, 8) else 3)] if tiles else []
