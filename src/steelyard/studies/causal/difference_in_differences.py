"""Difference-in-differences with one date of treatment: two groups, before and after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, ClassVar, Literal

from steelyard.errors import DefinitionError
from steelyard.result import Check, Verdict
from steelyard.studies.causal.periods import Period, period_of
from steelyard.studies.study import Context, Findings, Plan, Study
from steelyard.warehouse.query import Query

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["DifferenceInDifferences", "Group", "Robustness"]

Robustness = Literal["placebo_date", "leave_one_out", "linear_trend"]


@dataclass(frozen=True, kw_only=True)
class Group:
    """Which units: those that some row of a table speaks of.

    Args:
        table: A table that holds the unit's id; empty means the panel itself.
        where: A condition on the table's columns, in Steelyard's SQL; empty means every row.
    """

    table: str = ""
    where: str = ""


@dataclass(frozen=True, kw_only=True)
class DifferenceInDifferences(Study):
    """Did units that were treated from a date on change more than the others?

    Args:
        unit: The entity that was treated or not; for a bare `panel`, the column that names it.
        period: `day`, `week` or `month`: what the outcome is added up to.
        outcome: A governed metric; for a bare `panel`, the column.
        treated: Who was treated.
        controls: Who they are compared with; None is everybody else.
        treated_from: First date (or number) on which treatment could work; it begins a period.
        between: First and last date of what is looked at, both included; None is all of a bare panel.
        panel: A table with one row a unit and period; empty when the outcome is a governed metric.
        time: The panel's column of the period.
        robustness: Further looks: `placebo_date` (dates before the treatment on which nothing happened; a governed
            outcome is looked at also before `between`, as far again as the study is long), `leave_one_out` (each period
            in turn), `linear_trend` (less the straight line of the time before).
        better: The direction that answers yes.
        min_effect: The least effect that matters, per unit and period, in the outcome's unit.
        measured_in: The outcome's unit, such as `USD`.
        level: Confidence level, a fraction.

    Assumes: without the treatment both groups would have moved in parallel; nobody reacts before `treated_from`;
        units do not affect each other; the groups are the same units throughout.
    Source: Angrist and Pischke, Mostly Harmless Econometrics, section 5.2; errors clustered by unit, CR2 (Bell and
        McCaffrey 2002).
    """

    kind: ClassVar[str] = "difference_in_differences"
    method: ClassVar[str] = "difference-in-differences, two groups, errors clustered by unit (CR2)"

    unit: str
    period: Period = "week"
    outcome: str
    treated: Group
    controls: Group | None = None
    treated_from: date | int
    between: tuple[date | int, date | int] | None = None
    panel: str = ""
    time: str = ""
    robustness: tuple[Robustness, ...] = ("placebo_date", "leave_one_out")
    better: Literal["up", "down"] = "up"
    min_effect: float = 0.0
    measured_in: str = ""
    level: float = field(default=0.95)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, refused in self._refusals().items():
            if refused:
                raise DefinitionError(refused, where=f"{self.name}.{name}")

    def _refusals(self) -> dict[str, str]:
        bounds = self.between
        dates = [self.treated_from, *(bounds or ())]
        mixed = len({isinstance(item, int) for item in dates}) > 1
        outside = bounds is not None and not mixed and not bounds[0] < self.treated_from <= bounds[1]  # type: ignore[operator]
        return {
            "level": "" if 0 < self.level < 1 else f"a level of {self.level} is not between 0 and 1",
            "min_effect": "" if self.min_effect >= 0 else f"a least effect of {self.min_effect} is negative",
            "between": "it mixes dates and numbers"
            if mixed
            else f"{self.treated_from} is not between {bounds[0]} and {bounds[1]}, with something before it"  # type: ignore[index]
            if outside
            else "a governed outcome needs `between:`, its first and last date"
            if not self.panel and bounds is None
            else "",
            "time": "a bare panel needs `time:`, its column of the period" if self.panel and not self.time else "",
            "treated": "" if self.treated.table or self.treated.where else "it does not say who was treated",
        }

    def governed(self) -> tuple[str, ...]:
        """The outcome, when it is a governed metric."""
        return () if self.panel else (self.outcome,)

    def plan(self, context: Context) -> Plan:
        """What will be compared, the rule, and the SQL of the first round."""
        from steelyard.studies.causal.rule import rule_of, says_of

        return Plan(says=says_of(self), rule=rule_of(self), queries=self.reads(context, {}), warnings=self._warnings())

    def _warnings(self) -> tuple[str, ...]:
        if not isinstance(self.treated_from, date) or self.panel:
            return ()
        start = period_of(self.treated_from, self.period)
        cut = f"{self.treated_from} is inside a {self.period}: {start} begins it and will count as treated"
        return () if start == self.treated_from else (cut,)

    def reads(self, context: Context, earlier: Mapping[str, pa.Table]) -> Mapping[str, Query]:
        """First the mean paths of the groups, then the moments of the periods about those means."""
        from steelyard.studies.causal.reads import moments_query, paths_query

        if "paths" not in earlier:
            return {"paths": paths_query(self, context)}
        if "moments" not in earlier:
            query = moments_query(self, context, earlier["paths"])
            return {} if query is None else {"moments": query}
        return {}

    def estimate(self, data: Mapping[str, pa.Table]) -> Findings:
        """The difference, its event study, its placebos, and the naive numbers beside it."""
        from steelyard.studies.causal.estimate import estimate

        return estimate(self, data)

    def checks(self, data: Mapping[str, pa.Table], findings: Findings) -> tuple[Check, ...]:
        """Whether the panel is whole, and whether the groups moved alike before."""
        from steelyard.studies.causal.checks import checks

        return checks(self, data, findings)

    def answer(self, findings: Findings) -> Verdict:
        """What the rule says."""
        from steelyard.studies.causal.rule import answer

        return answer(self, findings)
