"""The numbers of difference-in-differences, from two cohorts' moments."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from steelyard.result import Estimate
from steelyard.stats.difference import before_after, difference, joint_test
from steelyard.stats.interval import Interval
from steelyard.studies.causal.panel import Panel, panel_of
from steelyard.studies.study import Findings

if TYPE_CHECKING:
    import pyarrow as pa

    from steelyard.studies.causal.difference_in_differences import DifferenceInDifferences

__all__ = ["estimate", "placebo_positions"]

DIFFERENCE = "treated - control"


def estimate(study: DifferenceInDifferences, data: Mapping[str, pa.Table]) -> Findings:
    """Every estimate, the event study as a table, and the facts that the checks and the rule need."""
    panel = panel_of(study, data)
    if not panel.usable:
        facts = {"usable": False, "treated": panel.treated.n, "control": panel.control.n}
        rows = (_row(study, panel, None, contrast=DIFFERENCE),)
        return Findings(estimates=rows, tables={"paths": data["paths"]}, facts=facts)
    numbers = _Numbers(study, panel)
    tables = {"event_study": numbers.event_study(), "paths": data["paths"]}
    return Findings(estimates=tuple(numbers.estimates()), tables=tables, facts=numbers.facts())


def placebo_positions(before: int) -> tuple[int, ...]:
    """Where placebo dates go: at the quarters of the time before, with something on both sides.

    >>> placebo_positions(12), placebo_positions(2), placebo_positions(1)
    ((3, 6, 9), (1,), ())
    """
    return tuple(sorted({round(before * share) for share in (0.25, 0.5, 0.75)} & set(range(1, before))))


@dataclass(frozen=True)
class _Numbers:
    study: DifferenceInDifferences
    panel: Panel

    def difference(self, before: tuple[int, ...], after: tuple[int, ...]) -> Interval:
        weights = before_after(len(self.panel.periods), before, after)
        return difference(self.panel.treated, self.panel.control, weights, level=self.study.level)

    def main(self) -> Interval:
        return self.difference(self.panel.before, self.panel.after)

    def estimates(self) -> Iterator[Estimate]:
        study, panel = self.study, self.panel
        main = self.main()
        yield _row(study, panel, main, contrast=DIFFERENCE, role="primary")
        yield self._relative(main)
        yield _row(study, panel, self._naive(), contrast=f"{DIFFERENCE}, after only (naive)")
        yield _row(study, panel, self._gap_before(), contrast=f"{DIFFERENCE}, before")
        for at, interval in self.placebos():
            yield _row(study, panel, interval, contrast=f"{DIFFERENCE}, placebo", at=str(at))
        if "linear_trend" in study.robustness and len(panel.before) > 1:
            yield _row(study, panel, self.detrended(), contrast=f"{DIFFERENCE}, less the linear trend before")

    def _relative(self, main: Interval) -> Estimate:
        """The effect as a fraction of what the treated would have had: their mean after, less the effect."""
        shared: dict[str, Any] = {"contrast": DIFFERENCE, "role": "secondary", "scale": "relative"}
        periods, before, after = len(self.panel.periods), self.panel.before, self.panel.after
        change = before_after(periods, before, after)
        late = np.clip(change, 0.0, None)
        found = float(late @ self.panel.treated.mean)
        expected = found - main.value
        if expected <= 0:
            return _row(self.study, self.panel, None, **shared)
        # The delta method of found / expected, where expected = treated before + change of the controls.
        ratio = found / expected
        relative = difference(
            self.panel.treated,
            self.panel.control,
            (late - ratio * (late - change)) / expected,
            level=self.study.level,
            control_weights=ratio * change / expected,
        )
        return _row(self.study, self.panel, _moved_to(relative, ratio - 1), **shared)

    def _naive(self) -> Interval:
        return self._level(self.panel.after)

    def _gap_before(self) -> Interval:
        return self._level(self.panel.before)

    def _level(self, positions: tuple[int, ...]) -> Interval:
        weights = np.zeros(len(self.panel.periods))
        weights[list(positions)] = 1.0 / len(positions)
        return difference(self.panel.treated, self.panel.control, weights, level=self.study.level)

    def placebos(self) -> list[tuple[Any, Interval]]:
        """Treatments that did not happen, in all the time before that the data has, also before `between`.

        Together they hold at the study's level (Bonferroni).
        """
        before = (*self.panel.earlier, *self.panel.before)
        if "placebo_date" not in self.study.robustness:
            return []
        positions = placebo_positions(len(before))
        level = 1 - (1 - self.study.level) / max(len(positions), 1)
        weights = [before_after(len(self.panel.periods), before[:k], before[k:]) for k in positions]
        return [
            (self.panel.periods[before[k]], difference(self.panel.treated, self.panel.control, row, level=level))
            for k, row in zip(positions, weights, strict=True)
        ]

    def detrended(self) -> Interval:
        """The difference, less what the straight line through the time before would have led to."""
        periods, before, after = len(self.panel.periods), self.panel.before, self.panel.after
        place = np.arange(periods, dtype=float)
        centred = place[list(before)] - place[list(before)].mean()
        slope = np.zeros(periods)
        slope[list(before)] = centred / (centred @ centred)
        distance = place[list(after)].mean() - place[list(before)].mean()
        weights = before_after(periods, before, after) - distance * slope
        return difference(self.panel.treated, self.panel.control, weights, level=self.study.level)

    def without_one(self) -> dict[str, float]:
        """The difference without each period in turn."""
        if "leave_one_out" not in self.study.robustness:
            return {}
        found = {}
        for k in (*self.panel.before, *self.panel.after):
            period = self.panel.periods[k]
            before = tuple(item for item in self.panel.before if item != k)
            after = tuple(item for item in self.panel.after if item != k)
            if before and after:
                found[str(period)] = self.difference(before, after).value
        return found

    def event_study(self) -> pa.Table:
        """Each period against the last one before the treatment."""
        import pyarrow as pa

        last = self.panel.before[-1]
        rows = []
        for k in (*self.panel.before, *self.panel.after):
            period = self.panel.periods[k]
            interval = None if k == last else self.difference((last,), (k,))
            bounds = (
                (0.0, 0.0, 0.0) if interval is None else (interval.value, _finite(interval.low), _finite(interval.high))
            )
            rows.append(
                {"period": k - last - 1, "begins": str(period), "value": bounds[0], "low": bounds[1], "high": bounds[2]}
            )
        kinds: list[pa.DataType] = [pa.int64(), pa.string(), pa.float64(), pa.float64(), pa.float64()]
        names = ("period", "begins", "value", "low", "high")
        return pa.Table.from_pylist(rows, schema=pa.schema(list(zip(names, kinds, strict=True))))

    def facts(self) -> dict[str, Any]:
        panel, main = self.panel, self.main()
        last = panel.before[-1]
        leads = [before_after(len(panel.periods), (last,), (k,)) for k in panel.before[:-1]]
        weights = before_after(len(panel.periods), panel.before, panel.after)
        spread = [cohort.of(weights)[1] for cohort in (panel.treated, panel.control)]
        return {
            "usable": True,
            "treated": panel.treated.n,
            "control": panel.control.n,
            "main": main,
            "leads": joint_test(panel.treated, panel.control, leads),
            "placebos": self.placebos(),
            "without_one": self.without_one(),
            "gap_before": self._gap_before().value,
            "means_before": [
                float(cohort.mean[list(panel.before)].mean()) for cohort in (panel.treated, panel.control)
            ],
            "unit_spread": math.sqrt(max(float(np.nanmean(spread)), 0.0)) if np.isfinite(spread).any() else math.nan,
            "periods": (len(panel.before), len(panel.after)),
        }


def _moved_to(interval: Interval, value: float) -> Interval:
    """The same error around another value; its p-value is that of the value being zero."""
    from scipy.special import stdtr

    gap, error = value - interval.value, interval.std_error
    p_value = 2 * float(stdtr(interval.df, -abs(value / error))) if error else 1.0
    return replace(interval, value=value, low=interval.low + gap, high=interval.high + gap, p_value=p_value)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _row(study: DifferenceInDifferences, panel: Panel, interval: Interval | None, **named: Any) -> Estimate:
    """An estimate row; without an interval it says that there is no number."""
    shared = {
        "metric": study.outcome,
        "role": "exploratory",
        "n": panel.treated.n + panel.control.n,
        "measured_in": _unit(study),
    }
    if interval is None:
        return Estimate(**{**shared, "level": study.level, **named})
    numbers = {name: _finite(getattr(interval, name)) for name in ("value", "std_error", "low", "high", "p_value")}
    if named.get("scale") == "relative":
        shared["measured_in"] = "fraction"
    return Estimate(**{**shared, **numbers, "level": interval.level, **named})


def _unit(study: DifferenceInDifferences) -> str:
    if study.panel:
        return study.measured_in
    return f"{study.measured_in} per {study.unit} and {study.period}".strip()
