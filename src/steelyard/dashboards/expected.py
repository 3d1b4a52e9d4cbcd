"""What the periods before let expect of a metric's last ones, as watching expects it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np

from steelyard.dashboards.trend import Trend
from steelyard.metrics import Annotation
from steelyard.metrics.calendar import next_period
from steelyard.metrics.watching.annotation_scope import UNUSUAL, concerning
from steelyard.stats.deviations import deviations

__all__ = ["Expected", "expected_of"]

AMOUNTS = ("sum", "count", "distinct")
RECENT = {"day": 28, "week": 8, "month": 6}
SEASON = {"day": 7}
LONGEST = {"day": 28 + 182, "week": 8 + 104, "month": 6 + 48}
SHORT = 3


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What was expected of each period of a trend; None where nothing was.

    Args:
        values: What was expected.
        low: Below it lies one in 740 by chance.
        high: Above it lies as much.
        used: How many periods the expectation rests on.
        season: Periods in a season: 7 for days, 1 for none.
    """

    values: tuple[float | None, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]
    used: int
    season: int

    def since(self, count: int) -> Expected:
        """Of the last so many periods."""
        kept = {name: getattr(self, name)[-count:] for name in ("values", "low", "high")}
        return replace(self, **kept)

    def says(self, grain: str) -> str:
        """What the band is, in words."""
        weekdays = ", with its days of the week" if self.season == 7 else ""
        return (
            f"The usual range is what the {self.used} {grain}s before it let expect{weekdays}; one {grain} in 370 lies "
            "outside by chance."
        )


def expected_of(trend: Trend, annotations: Iterable[Annotation] = ()) -> Expected | None:
    """What was expected of the last whole periods; None where too little history is there to say.

    Outages and holidays are no examples of what is usual. The expectation is made of the periods before the shown ones
    alone, so that a drop does not make itself usual.

    Args:
        trend: By day, week or month.
        annotations: Of the project.
    """
    recent, season = RECENT.get(trend.grain), SEASON.get(trend.grain, 1)
    whole = trend.whole[-LONGEST.get(trend.grain, 0) :]
    if recent is None or len(whole) <= SHORT * season:
        return None
    recent = min(recent, max(len(whole) // SHORT, 1))
    values = np.array([np.nan if value is None else float(value) for _, value in whole])
    found = deviations(
        values,
        recent=recent,
        season=season,
        kind="amount" if trend.metric.kind in AMOUNTS else "level",
        left_out=_unusual(trend, [day for day, _ in whole], annotations),
    )
    if found is None:
        return None
    places = {day: number for number, (day, _) in enumerate(whole[-recent:])}
    bounds = [_placed(trend, places, series) for series in (found.expected, found.low, found.high)]
    return Expected(values=bounds[0], low=bounds[1], high=bounds[2], used=found.used, season=season)


def _unusual(trend: Trend, days: list[date], annotations: Iterable[Annotation]) -> np.ndarray[Any, Any]:
    met = [item for item in concerning(annotations, trend.metric.name, {}) if item.kind in UNUSUAL]
    return np.array([any(item.at < next_period(day, trend.grain) and item.last >= day for item in met) for day in days])


def _placed(trend: Trend, places: dict[date, int], series: np.ndarray[Any, Any]) -> tuple[float | None, ...]:
    return tuple(
        float(series[places[day]]) if day in places and np.isfinite(series[places[day]]) else None
        for day in trend.periods
    )
