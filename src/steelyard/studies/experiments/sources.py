"""Where assignments and exposures come from, and what stages and stopping rules can be written."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from steelyard.canonical import LATER
from steelyard.errors import DefinitionError, unknown_name
from steelyard.stats.spending import Spending, SpendingKind
from steelyard.studies.experiments.condition import in_brackets, of_columns
from steelyard.studies.experiments.exports import EXPORTS
from steelyard.warehouse import quote_name, quote_text

__all__ = ["DEFAULT_RAMP", "EXACT", "SPENDING", "Assignment", "Exposure", "Holdout", "Looks", "Stage", "Stopping"]

DEFAULT_RAMP = (0.05, 0.10, 0.20, 1.0)
"""The shares of a ramp that is not written."""


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """Assignments that another system made.

    A unit may have any number of rows: the first moment counts, and a unit with rows of two arms is in no arm, counted
    and a failed check. With a `system` its export says what is left out here; what is said here goes before it.

    Args:
        system: `growthbook`, `launchdarkly` or `statsig`: the table and columns are those of its export. Empty: none.
        arm: Column that names the arm; empty is the system's, or `arm`.
        table: The table; empty is the system's, or the unit table itself.
        at: Column that says when a unit was assigned; empty is the system's, or that nobody knows.
        unit: Column that holds the unit's id; empty is the system's, or the study's own.
        where: A condition on the table's rows, in SQL; empty is the system's: of LaunchDarkly `context_kind = 'user'`.
        experiment: What the system calls the experiment (of LaunchDarkly the key of its flag); empty is the study's
            name.
        labels: What the table calls an arm -> the arm; a word that is not listed is the arm's own name.

    Raises:
        DefinitionError: A system whose export is not known, or an experiment without a system.

    >>> Assignment(system="growthbook", labels={"0": "control", "1": "one_page"}).at
    'timestamp'
    """

    system: str = field(default="", metadata=LATER)
    arm: str = ""
    table: str = ""
    at: str = ""
    unit: str = ""
    where: str = ""
    experiment: str = field(default="", metadata=LATER)
    labels: Mapping[str, str] = field(default_factory=dict, metadata=LATER)

    def __post_init__(self) -> None:
        if self.system and self.system not in EXPORTS:
            raise unknown_name("system with an export", self.system, EXPORTS, where="assignment.system")
        if self.experiment and not self.system:
            raise DefinitionError(
                f"the experiment {self.experiment!r} of no system",
                where="assignment.experiment",
                hint=f"say `system:` ({', '.join(EXPORTS)}), or a condition: `where:`",
            )
        export = EXPORTS.get(self.system)
        for name in ("arm", "table", "at", "unit", "where"):
            if export is not None and not getattr(self, name):
                object.__setattr__(self, name, getattr(export, name))
        if not self.arm:
            object.__setattr__(self, "arm", "arm")

    def arm_sql(self, column: str) -> str:
        """The arm of the column, as SQL, under the study's name for it."""
        if not self.labels:
            return column
        word = f"CAST({column} AS VARCHAR)"
        whens = " ".join(f"WHEN {quote_text(label)} THEN {quote_text(arm)}" for label, arm in self.labels.items())
        return f"CASE {word} {whens} ELSE {word} END"

    def rows_sql(self, study: str, columns: Iterable[str]) -> list[str]:
        """The conditions on the table's rows, as SQL; raises where they name a column that is none of the table's."""
        conditions = [in_brackets(self.where, where=f"{study}.assignment.where")] if self.where else []
        if export := EXPORTS.get(self.system):
            conditions.append(f"{quote_name(export.experiment)} = {quote_text(self.experiment or study)}")
            conditions += [f"({export.only})"] if export.only else []
        return of_columns(conditions, columns, where=f"{study}.assignment")


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """The event with which a unit enters: from then on its arm can make a difference.

    Args:
        event: The event's own table, when it has one; or a word for the reader beside `table`.
        table: The table of events; empty is the table named like the event.
        at: Column that says when; empty is the one that the table declares.
        unit: Column that holds the unit's id; empty is the study's own.
        where: A condition on the table's rows, in SQL.
    """

    event: str = ""
    table: str = ""
    at: str = ""
    unit: str = ""
    where: str = ""

    def __post_init__(self) -> None:
        if not (self.event or self.table):
            raise DefinitionError("an exposure names no event", where="exposure", hint="say `event:` or `table:`")


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage of a ramp.

    Args:
        share: The share of units that is enrolled, up to 1.
        arms: The split of all who are enrolled then, where it is not the study's own; an arm that is left out has none.

    Raises:
        DefinitionError: The split is no whole.
    """

    share: float
    arms: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.arms:
            return
        if not all(math.isfinite(share) and share >= 0 for share in self.arms.values()):
            raise DefinitionError(
                f"the shares {dict(self.arms)!r} of a stage are not all 0 or more",
                where="ramp",
                hint="leave an arm out",
            )
        if abs(sum(self.arms.values()) - 1) > 1e-9:
            raise DefinitionError(
                f"the shares of a stage's arms add up to {sum(self.arms.values()):.6g}, not 1",
                where="ramp",
                hint="the split is a whole; how many units are enrolled is `share`",
            )


@dataclass(frozen=True, kw_only=True)
class Holdout:
    """Units that are kept out, so that what many experiments add up to can be measured.

    Args:
        everywhere: The share of all units that no experiment with a holdout may enrol; the same in all of them.
        layer: The share of the layer's units that none of its experiments may enrol; the same in all of them.

    Raises:
        DefinitionError: A share is below 0, or nobody would be left.
    """

    everywhere: float = 0.0
    layer: float = 0.0

    def __post_init__(self) -> None:
        for name, share in (("everywhere", self.everywhere), ("layer", self.layer)):
            if not 0 <= share < 1:
                raise DefinitionError(
                    f"a holdout of {share!r} {name}", where=f"holdout.{name}", hint="a share from 0 up to, without, 1"
                )


SPENDING: tuple[SpendingKind, ...] = ("obrien_fleming", "pocock", "kim_demets", "hwang_shih_decani")
"""The rules that spend their error by a function of the information."""
EXACT = "exact"
"""The rule that holds at any moment without an approximation, of shares that are compared as counts."""
RULES = ("fixed", *SPENDING, "always_valid", EXACT)
WITH_SHAPE = ("kim_demets", "hwang_shih_decani")


@dataclass(frozen=True, kw_only=True)
class Stopping:
    """When a look may end the experiment.

    Each rule has half of the error: that for success bounds the worse end of every interval, that for harm the better
    end.

    Args:
        success: The rule for success. `fixed` says nothing before the planned end; `obrien_fleming`, `pocock`,
            `kim_demets` and `hwang_shih_decani` spend the error as units come in; `always_valid` holds at any moment,
            in large samples; `exact` holds at any moment and any counts, of shares that are compared as counts, and is
            `always_valid` of other metrics.
        harm: The rule for harm; the same words.
        shape: Power of `kim_demets`, above 0; gamma of `hwang_shih_decani`. The others have none.

    Raises:
        DefinitionError: A rule that is not known, or a shape that the rules have not or need.
    """

    success: str = "fixed"
    harm: str = "fixed"
    shape: float | None = None

    def __post_init__(self) -> None:
        for name, rule in (("success", self.success), ("harm", self.harm)):
            if rule not in RULES:
                raise unknown_name("stopping rule", rule, RULES, where=f"stopping.{name}")
        shaped = [rule for rule in dict.fromkeys((self.success, self.harm)) if rule in WITH_SHAPE]
        if self.shape is not None and not shaped:
            raise DefinitionError(
                f"the stopping rules {self.success!r} and {self.harm!r} have no shape, and one of {self.shape!r} is "
                "given",
                where="stopping.shape",
                hint="leave it out",
            )
        for rule in shaped:
            self.spending(rule)

    def spending(self, rule: str) -> Spending:
        """The spending function of one of its rules."""
        kind = next(kind for kind in SPENDING if kind == rule)
        return Spending(kind=kind, shape=self.shape if kind in WITH_SHAPE else None)


@dataclass(frozen=True, kw_only=True)
class Looks:
    """When the result is read before the planned end.

    Args:
        every: `daily` or `weekly`; empty is any time.
        planned: How many looks are planned; None where that follows from `every` and the days, or is not known.
        units: Units of all arms at the planned end, where all the error has been spent; None takes what the registered
            plan says, else what the primary's baseline and expected effect come to.
        until: Last local day: the first look after it is the last one, however many units are in. None is the last day
            of `between`, once all windows have closed.

    Raises:
        DefinitionError: A number of looks or units that cannot be.
    """

    every: Literal["", "daily", "weekly"] = ""
    planned: int | None = None
    units: int | None = None
    until: date | None = None

    def __post_init__(self) -> None:
        if self.every not in ("", "daily", "weekly"):
            raise unknown_name("rhythm of looks", self.every, ("once", "daily", "weekly"), where="looks")
        if self.planned is not None and self.planned < 2:
            raise DefinitionError(f"{self.planned!r} planned looks", where="looks.planned", hint="2 or more, or `once`")
        if self.units is not None and self.units < 4:
            raise DefinitionError(f"{self.units!r} units at the end", where="looks.units", hint="4 or more")

    @property
    def in_words(self) -> str:
        """The same in words."""
        number = "" if self.planned is None else f"{self.planned} "
        return f"{number}{f'{self.every} ' if self.every else ''}looks"
