"""Where assignments and exposures come from, and what stages and stopping rules can be written."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from steelyard.errors import DefinitionError

__all__ = ["DEFAULT_RAMP", "Assignment", "Exposure", "Holdout", "Stage", "Stopping"]

DEFAULT_RAMP = (0.05, 0.10, 0.20, 1.0)
"""The shares of a ramp that is not written."""


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """Assignments that another system made.

    Args:
        arm: Column that names the arm.
        table: The table; empty is the unit table itself.
        at: Column that says when a unit was assigned; empty where nobody knows.
        unit: Column that holds the unit's id; empty is the study's own.
        where: A condition on the table's rows, in SQL.
    """

    arm: str = "arm"
    table: str = ""
    at: str = ""
    unit: str = ""
    where: str = ""


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


@dataclass(frozen=True, kw_only=True)
class Stopping:
    """When a look may end the experiment.

    Args:
        success: The rule for success; `fixed` is one look at the planned end.
        harm: The rule for harm.
    """

    success: str = "fixed"
    harm: str = "fixed"
