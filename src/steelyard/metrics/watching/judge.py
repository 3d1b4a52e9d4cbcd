"""Judges the last period of a series: by a control chart, or by a fixed limit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.metric import Metric
from steelyard.metrics.watching.alert import MINIMUM_VOLUME, Alert
from steelyard.metrics.watching.annotation_scope import UNUSUAL, concerning
from steelyard.metrics.watching.series import AMOUNTS, Series, Watched, recent_periods
from steelyard.stats.deviations import Deviations, deviations

__all__ = ["Judged", "judge", "sides"]

_LEAST_KNOWN = 0.5


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One metric in one segment, on one period.

    Args:
        alert: What it is watched by.
        segment: Dimension -> value; empty is the whole.
        first: The first local day of what is told: of a run, of its first period.
        last: The last local day.
        value: The last period's value.
        expected: What was expected of it; None for a fixed limit.
        low: Below it lies one period in 740 by chance; None likewise.
        high: Above it likewise.
        direction: `down` or `up`: the side on which it lies.
        rules: The rules that are broken, or the limit.
        p_value: How often chance does as much, over the rules and the watched sides; None for a fixed limit.
        weight: How much of the whole a departure of the segment's weighs: its volume for a mean or ratio, else 1.
        not_judged: Why it could not be judged; empty where it was.
        apart: The last periods that lie more than two standard deviations off: no examples to compare with.
    """

    alert: Alert
    segment: Mapping[str, Any]
    first: date
    last: date
    value: float | None = None
    expected: float | None = None
    low: float | None = None
    high: float | None = None
    direction: Literal["down", "up"] = "down"
    rules: tuple[str, ...] = ()
    p_value: float | None = None
    weight: float = 1.0
    not_judged: str = ""
    apart: tuple[date, ...] = ()

    @property
    def name(self) -> str:
        """Metric and segment, in words."""
        said = ", ".join(f"{key} {value}" for key, value in self.segment.items())
        return f"{self.alert.metric or self.alert.fresh}{f' in {said}' if said else ''}"

    @property
    def key(self) -> str:
        """What is one and the same from day to day: metric, segment and direction."""
        parts = [f"{key}={value}" for key, value in sorted(self.segment.items())]
        return "|".join([self.alert.metric or f"fresh:{self.alert.fresh}", *parts, self.direction])

    @property
    def place(self) -> str:
        """The alert and what it watches, each once a day."""
        return f"{self.alert.name}|{self.key}"

    @property
    def departure(self) -> float:
        """What it departs by from what was expected, weighed."""
        if self.value is None or self.expected is None:
            return 0.0
        return (self.value - self.expected) * self.weight


def sides(alert: Alert, metric: Metric) -> tuple[Literal["down", "up"], ...]:
    """The sides that are watched: the alert's, else the one on which the metric is worse, else both."""
    if alert.direction == "both":
        return ("down", "up")
    if alert.direction:
        return (alert.direction,)
    worse: dict[str, tuple[Literal["down", "up"], ...]] = {"up": ("down",), "down": ("up",)}
    return worse.get(metric.better, ("down", "up"))


def judge(catalog: MetricCatalog, alert: Alert, watched: Watched, series: Series) -> Judged:
    """Judges the last period.

    Args:
        catalog: The definitions.
        alert: Of rules or of a fixed limit.
        watched: What the series is of.
        series: The whole or a segment.
    """
    work = _Judging(catalog, alert, watched, series)
    return work.by_limit() if alert.kind == "limit" else work.by_rules()


class _Judging:
    """One series on its way."""

    def __init__(self, catalog: MetricCatalog, alert: Alert, watched: Watched, series: Series) -> None:
        self.alert, self.watched, self.series = alert, watched, series
        self.metric = catalog.metric(alert.metric)
        self.amount = self.metric.kind in AMOUNTS
        self.annotations = concerning(catalog.annotations, alert.metric, series.segment)
        last = float(series.values[-1])
        self.value = None if math.isnan(last) else last

    def found(self, **said: Any) -> Judged:
        weight = 1.0 if self.amount or self.series.volume is None else float(self.series.volume[-1])
        given = {"first": self.watched.periods[-1], "last": self.watched.until, "value": self.value, "weight": weight}
        return Judged(alert=self.alert, segment=self.series.segment, **{**given, **said})

    def not_judged(self, why: str) -> Judged:
        return self.found(not_judged=why)

    def minimum(self) -> float:
        if self.alert.minimum_volume is not None:
            return self.alert.minimum_volume
        return 0.0 if self.alert.kind == "limit" and self.amount else MINIMUM_VOLUME

    # By a fixed limit

    def by_limit(self) -> Judged:
        if self.value is None:
            return self.not_judged("it has no value")
        volume = None if self.series.volume is None else float(self.series.volume[-1])
        if volume is not None and volume < self.minimum():
            return self.not_judged(f"it is of {volume:,.0f} things, fewer than {self.minimum():,.0f}")
        alert = self.alert
        if alert.above is not None and self.value > alert.above:
            return self.found(direction="up", rules=(f"above {alert.above:g}",))
        if alert.below is not None and self.value < alert.below:
            return self.found(direction="down", rules=(f"below {alert.below:g}",))
        return self.found()

    # By the rules of a control chart

    def by_rules(self) -> Judged:
        if self.value is None:
            return self.not_judged("it has no value")
        values, out = self.values(), self.left_out()
        if why := self.too_short(values, out):
            return self.not_judged(why)
        if (usual := self.usual_volume(values, out)) is not None and usual < self.minimum():
            return self.not_judged(f"about {usual:,.0f} things are usual, fewer than {self.minimum():,.0f}")
        found = deviations(
            values,
            recent=recent_periods(self.alert),
            season=self.season,
            kind="amount" if self.amount else "level",
            unit=self.unit(values),
            volume=None if self.amount else self.series.volume,
            left_out=out,
        )
        if found is None or math.isnan(found.standard[-1]):
            return self.not_judged("not enough history: too few such days without an annotation")
        return self.charted(found)

    @property
    def season(self) -> int:
        return 7 if self.alert.grain == "day" else 1

    def values(self) -> npt.NDArray[np.float64]:
        """The series without the zeros before it began."""
        values = self.series.values.copy()
        if self.amount and self.series.segment:
            begun = np.flatnonzero(values)
            values[: begun[0] if len(begun) else len(values)] = np.nan
        return values

    def left_out(self) -> npt.NDArray[np.bool_]:
        """The periods that an outage or a holiday meets."""
        ends = [*(day - timedelta(days=1) for day in self.watched.periods[1:]), self.watched.until]
        unusual = [item for item in self.annotations if item.kind in UNUSUAL]
        met = [any(i.meets(day, end) for i in unusual) for day, end in zip(self.watched.periods, ends, strict=True)]
        return np.array(met, dtype=bool)

    def too_short(self, values: npt.NDArray[np.float64], out: npt.NDArray[np.bool_]) -> str:
        """Why the baseline does not reach back far enough."""
        data_from, needed = self.watched.data_from, self.watched.periods[0]
        if data_from is None or data_from > needed:
            return f"not enough history: its baseline begins on {needed}, and the data on {data_from or 'no day'}"
        length = len(values) - recent_periods(self.alert)
        known = int((~np.isnan(values[:length]) & ~out[:length]).sum())
        if known < _LEAST_KNOWN * length:
            return f"not enough history: {known} of the {length} periods of its baseline can be used"
        return ""

    def usual_volume(self, values: npt.NDArray[np.float64], out: npt.NDArray[np.bool_]) -> float | None:
        """The median volume of the same place in the season."""
        if self.series.volume is None:
            return None
        steps = np.arange(len(values))
        last = len(values) - 1
        same = (steps % self.season == last % self.season) & (steps <= last - recent_periods(self.alert))
        kept = self.series.volume[same & ~out & ~np.isnan(values)]
        return float(np.median(kept)) if len(kept) else 0.0

    def unit(self, values: npt.NDArray[np.float64]) -> float:
        """What one thing counts for: of a sum twice the mean amount, for amounts vary as much as they are large."""
        if self.metric.kind != "sum" or self.series.volume is None:
            return 1.0
        total, things = float(np.nansum(values)), float(np.nansum(self.series.volume))
        return 2.0 * total / things if total > 0 and things > 0 else 1.0

    def charted(self, found: Deviations) -> Judged:
        rules = self.alert.run_rules
        watched = sides(self.alert, self.metric)
        best, broken, side = 1.0, dict[str, float](), watched[0]
        for direction in watched:
            signed = [float(value) * (1.0 if direction == "up" else -1.0) for value in found.standard]
            met = {
                rule.name: rule.p_value(signed, found.mean_correlation(rule.points))
                for rule in rules
                if rule.met(signed)
            }
            if met and min(met.values()) < best:
                best, broken, side = min(met.values()), met, direction
        # Every rule on every side is a test of its own (Bonferroni): they are few, and the largest weighs the most.
        tests = len(rules) * len(watched)
        shown = tuple(name for name, p in broken.items() if tests * p <= max(self.alert.fdr, tests * best))
        return self.found(
            first=self.run_begins(shown) if broken else self.watched.periods[-1],
            expected=float(found.expected[-1]),
            low=float(found.low[-1]),
            high=float(found.high[-1]),
            direction=side,
            rules=shown,
            p_value=min(tests * best, 1.0),
            apart=tuple(
                day
                for day, off in zip(self.watched.periods[-len(found.standard) :], found.standard, strict=True)
                if abs(off) > 2
            ),
        )

    def run_begins(self, broken: Sequence[str]) -> date:
        """The first period of the shortest rule that is broken: what the newest points show alone is of the last."""
        points = min(rule.points for rule in self.alert.run_rules if rule.name in broken)
        return self.watched.periods[-points]
