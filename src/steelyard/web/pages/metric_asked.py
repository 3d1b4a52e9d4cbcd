"""What the page of a metric was asked to show: all of it is in the address."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal

from steelyard.errors import DefinitionError
from steelyard.web.page import address
from steelyard.web.view import View

__all__ = ["COMPARED", "GRAINS", "PARAMETERS", "Grain", "MetricAsked", "metric_asked", "range_and_condition", "targets"]

Grain = Literal["day", "week", "month"]
GRAINS: tuple[Grain, ...] = ("day", "week", "month")
COMPARED = {"previous": "the period before", "year": "the same period last year"}
PARAMETERS = ("grain", "by", "where", "since", "until", "as_of", "compare", "spread")


@dataclass(frozen=True, kw_only=True)
class MetricAsked:
    """What is shown.

    Args:
        name: The metric.
        grain: The period of its trend.
        by: A dimension that it is broken down by; empty for none.
        where: A condition on dimensions; empty for all.
        since: First local day; None from the start.
        until: Last local day; None to the end.
        as_of: The catalog version; None is the newest.
        compare: `previous`, `year`, or a metric of targets; empty for nothing.
        spread: What its values are spread over, `rows` or an entity; empty shows no distribution.
    """

    name: str
    grain: Grain = "week"
    by: str = ""
    where: str = ""
    since: date | None = None
    until: date | None = None
    as_of: int | None = None
    compare: str = ""
    spread: str = ""

    def href(self, *page: str, **other: Any) -> str:
        """The address of this view, or of another page of the metric with the same range and condition.

        Args:
            page: The other page, such as `rows`.
            other: What is asked there beside it, or instead.
        """
        dates = {name: day.isoformat() if day else "" for name, day in (("since", self.since), ("until", self.until))}
        shared = {"where": self.where, **dates, "as_of": self.as_of}
        own = {} if page else {"grain": self.grain, "by": self.by, "compare": self.compare, "spread": self.spread}
        return address("metrics", self.name, *page, **{**own, **shared, **other})

    def but(self, **said: Any) -> MetricAsked:
        """Another view."""
        return replace(self, **said)

    @property
    def limits(self) -> dict[str, Any]:
        """The condition and the range, as a query takes them."""
        return {"where": self.where or None, "since": self.since, "until": self.until}


def metric_asked(view: View) -> MetricAsked:
    """What the address of a metric's page asks for.

    Raises:
        DefinitionError: It asks for what cannot be.
    """
    asked = view.asked
    return range_and_condition(view).but(
        grain=asked.one_of("grain", GRAINS, usual_grain(view)),
        compare=asked.one_of("compare", (*COMPARED, *targets(view)), ""),
        spread=asked.text("spread"),
    )


def range_and_condition(view: View) -> MetricAsked:
    """The range, the condition, the dimension and the catalog version that an address asks for.

    Raises:
        DefinitionError: The range ends before it begins, or the target keeps no versions.
    """
    asked = view.asked
    since, until = asked.day("since"), asked.day("until")
    if since and until and since > until:
        hint = "give the earlier date first"
        raise DefinitionError(f"the range ends on {until} before it begins on {since}", where="?until", hint=hint)
    if asked.number("as_of") is not None and not view.project.embedded:
        problem = f"the target {view.project.target_name!r} keeps no versions"
        raise DefinitionError(problem, where="?as_of", hint="leave it out to see the data as it is now")
    return MetricAsked(
        name=view.names["name"],
        by=asked.text("by"),
        where=asked.text("where"),
        since=since,
        until=until,
        as_of=asked.number("as_of"),
    )


def usual_grain(view: View) -> Grain:
    """Weeks; months for what is aimed at by the month, which no week has."""
    found = view.project.definitions.metrics.metrics.get(view.names["name"])
    target = found.target if found is not None else None
    return "month" if target is not None and target.grain in ("month", "quarter", "year") else "week"


def targets(view: View) -> tuple[str, ...]:
    """The metrics of what is aimed at, which another metric may be compared with."""
    known = view.project.definitions.metrics.metrics
    return tuple(name for name, item in known.items() if item.target is not None and name != view.names["name"])
