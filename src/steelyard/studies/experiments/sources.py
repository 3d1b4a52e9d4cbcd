"""Where assignments and exposures come from, and what stages and stopping rules can be written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from steelyard.errors import DefinitionError

__all__ = ["Assignment", "Exposure", "Stage", "Stopping"]


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
        arms: A split of its own; not offered yet.
    """

    share: float
    arms: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Stopping:
    """When a look may end the experiment.

    Args:
        success: The rule for success; `fixed` is one look at the planned end.
        harm: The rule for harm.
    """

    success: str = "fixed"
    harm: str = "fixed"
