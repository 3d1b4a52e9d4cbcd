"""The fetched moments as two cohorts on one line of periods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from steelyard.stats.cohort import CohortMoments, cohort_from_sums
from steelyard.studies.causal.periods import period_of

if TYPE_CHECKING:
    import pyarrow as pa

    from steelyard.studies.causal.difference_in_differences import DifferenceInDifferences

__all__ = ["Panel", "panel_of"]


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Two cohorts on one line of periods.

    Args:
        periods: First days (or numbers) of the periods, rising.
        treated: Moments of the treated units.
        control: Moments of the others.
        before: Positions of the periods before the treatment.
        earlier: Positions of periods before `between` that the data has whole; placebo dates may stand there.
        after: Positions of the others.
    """

    periods: tuple[Any, ...]
    treated: CohortMoments
    control: CohortMoments
    before: tuple[int, ...]
    after: tuple[int, ...]
    earlier: tuple[int, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether there is something to compare at all: units on both sides, periods before and after."""
        used = [*self.before, *self.after]
        whole = bool(np.isfinite(self.treated.mean[used]).all() and np.isfinite(self.control.mean[used]).all())
        return bool(self.treated.n and self.control.n and self.before and self.after and whole)


def panel_of(study: DifferenceInDifferences, data: Mapping[str, pa.Table]) -> Panel:
    """The fetched moments as two cohorts."""
    paths = data["paths"].to_pylist()
    periods = tuple(sorted({row["period"] for row in paths}))
    shifts = _shifts(paths, periods)
    moments = data["moments"].to_pylist() if "moments" in data else []
    rows = {row["treated"]: row for row in moments}
    start: Any = study.treated_from
    if not study.panel:
        start = period_of(start, study.period, _week_start(periods, study))
    first: Any = study.between[0] if study.between else None
    inside = [k for k, period in enumerate(periods) if first is None or period >= first]
    return Panel(
        periods=periods,
        treated=_cohort(rows.get(1), shifts),
        control=_cohort(rows.get(0), shifts),
        before=tuple(k for k in inside if periods[k] < start),
        after=tuple(k for k in inside if periods[k] >= start),
        earlier=_whole_periods(paths, periods[: len(periods) - len(inside)]),
    )


def _whole_periods(paths: list[dict[str, Any]], periods: tuple[Any, ...]) -> tuple[int, ...]:
    """Periods before the study that the data has whole: the first one with rows may be cut off and is left out."""
    there = [k for k, period in enumerate(periods) if any(row["nonzero"] for row in paths if row["period"] == period)]
    return tuple(range(there[0] + 1, len(periods))) if there else ()


def _week_start(periods: tuple[Any, ...], study: DifferenceInDifferences) -> str:
    from steelyard.studies.causal.periods import DAYS

    return DAYS[periods[0].weekday()] if study.period == "week" and periods else "monday"


def _shifts(paths: list[dict[str, Any]], periods: tuple[Any, ...]) -> np.ndarray[Any, np.dtype[np.float64]]:
    total = dict.fromkeys(periods, 0.0)
    count = dict.fromkeys(periods, 0)
    for row in paths:
        if row["mean"] is not None:
            total[row["period"]] += float(row["mean"]) * row["filled"]
            count[row["period"]] += row["filled"]
    return np.array([total[period] / count[period] if count[period] else 0.0 for period in periods])


def _cohort(row: dict[str, Any] | None, shifts: np.ndarray[Any, np.dtype[np.float64]]) -> CohortMoments:
    size = len(shifts)
    if row is None:
        return cohort_from_sums(0, np.zeros(size), np.zeros((size, size)), shifts)
    sums = np.array([_number(row[f"s{k}"]) for k in range(size)])
    products = np.empty((size, size))
    for j in range(size):
        for k in range(j, size):
            products[j, k] = products[k, j] = _number(row[f"q{j}_{k}"])
    return cohort_from_sums(int(row["units"]), sums, products, shifts)


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)
