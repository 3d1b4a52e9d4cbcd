"""What each kind of metric beyond a plain aggregate says: the words of its YAML, checked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Literal

from steelyard.errors import DefinitionError

__all__ = [
    "Balance", "Conversion", "Convert", "Fixed", "PeriodToDate", "Quantile", "Retention", "Rolling", "Share",
    "Target", "days_of",
]  # fmt: skip


def days_of(text: str, what: str, *, least: int = 1) -> int:
    """A number of days, from `7 days` or `2 weeks`.

    Args:
        text: As written.
        what: What it is, for the error.
        least: The smallest number of days that it may be.

    Raises:
        DefinitionError: It is none.

    >>> days_of("2 weeks", "window")
    14
    """
    found = re.fullmatch(r"([0-9]{1,5}) (day|week)s?", text.strip())
    days = int(found[1]) * (7 if found[2] == "week" else 1) if found else -1
    if days < least:
        raise DefinitionError(f"{text!r} is no {what}", hint=f"write a number of days or weeks, such as {what}: 7 days")
    return days


@dataclass(frozen=True, kw_only=True)
class Quantile:
    """A quantile of a row's value, interpolated between neighbours (R's type 7); NULL is no value.

    Args:
        of: The value of a row, such as `orders.amount`.
        share: The share of values below, between 0 and 1; 0.5 is the median.
    """

    of: str
    share: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise DefinitionError(f"a quantile of {self.share} cannot be", hint="give a share between 0 and 1")


@dataclass(frozen=True, kw_only=True)
class Balance:
    """A level that adds up over things and never over time.

    Args:
        of: The level, such as `balances.amount`; it is added up over things.
        policy: Which rows stand for a period. `end_of_period`: those of the last day in it that the table has;
            `last_in_period`: the last of each thing inside it; `carried_forward`: the last known of each thing at its
            end; `average`: the mean of the days' sums, over the days in it that the table has.
        per: The thing: an entity, or a column of the table; empty takes the table's key without its time.
        within: How old a carried level may be, such as `30 days`; empty for any age.
    """

    of: str
    policy: Literal["end_of_period", "last_in_period", "carried_forward", "average"]
    per: str = ""
    within: str = ""

    def __post_init__(self) -> None:
        if self.within and self.policy != "carried_forward":
            raise DefinitionError(f"`within` means nothing to the policy {self.policy!r}", hint="leave it out")
        if self.within:
            days_of(self.within, "within")


@dataclass(frozen=True, kw_only=True)
class Rolling:
    """A metric over the last n calendar days, those without rows among them.

    Args:
        of: The name of a metric: a sum, count, mean, distinct count, ratio or quantile.
        days: How many days, the last included.
        average: Whether it is the mean a day, and not the sum.
        warm_up: What stands where the data does not reach back far enough: `partial` takes the days that there are,
            `missing` is NULL.
    """

    of: str
    days: int
    average: bool = False
    warm_up: Literal["partial", "missing"] = "partial"

    def __post_init__(self) -> None:
        if not 1 <= self.days <= 3660:
            raise DefinitionError(f"a window of {self.days} days cannot be", hint="give 1 to 3,660 days")


@dataclass(frozen=True, kw_only=True)
class PeriodToDate:
    """A metric from the start of a period to the day.

    Args:
        of: The name of a metric, as for a rolling one.
        period: At the start of each it begins anew.
    """

    of: str
    period: Literal["week", "month", "quarter", "year"] = "month"


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """The share of base rows that are followed by another row of the same entity.

    Base rows whose window is not over by the day to which the data is complete do not count.

    Args:
        base: The name of a count or sum: its rows are what is followed.
        then: The name of a count or sum: its rows are what follows, at the same moment or later.
        entity: Whose rows they are, such as `customer`.
        within: How long after, both ends included, such as `7 days`.
    """

    base: str
    then: str
    entity: str
    within: str

    def __post_init__(self) -> None:
        days_of(self.within, "within", least=0)


@dataclass(frozen=True, kw_only=True)
class Retention:
    """The share of base rows whose entity has another row on local days `from_day` to `to_day` after.

    Base rows whose days are not over by the day to which the data is complete do not count.

    Args:
        base: The name of a count or sum: its rows say who came.
        then: The name of a count or sum: its rows say who came back.
        entity: Whose rows they are, such as `user`.
        from_day: First day after the base row's own, which is day 0.
        to_day: Last day, included.
    """

    base: str
    then: str
    entity: str
    from_day: int
    to_day: int

    def __post_init__(self) -> None:
        if not 0 <= self.from_day <= self.to_day:
            raise DefinitionError(
                f"days {self.from_day} to {self.to_day} are no range", hint="give the earlier first, from 0"
            )


@dataclass(frozen=True, kw_only=True)
class Share:
    """A group's part of the total.

    Args:
        of: The name of a sum, count, distinct count or balance, or of a window of one of the first three.
        within: Dimensions that the total is kept apart by; none for the whole. Periods are always kept apart.
        filters: Whether the total obeys the question's `where` (`keep`), or only its `context` (`ignore`).
    """

    of: str
    within: tuple[str, ...] = ()
    filters: Literal["keep", "ignore"] = "ignore"


@dataclass(frozen=True, kw_only=True)
class Fixed:
    """A metric of each entity, over all its rows whatever the question filters, aggregated over the entities.

    Args:
        of: The name of the metric that each entity has a value of.
        per: The entity; its own table's rows are what a question groups and filters.
        then: How the entities' values become one.
        share: Of a quantile, the share of values below.
    """

    of: str
    per: str
    then: Literal["mean", "sum", "min", "max", "quantile"] = "mean"
    share: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise DefinitionError(f"a quantile of {self.share} cannot be", hint="give a share between 0 and 1")


@dataclass(frozen=True, kw_only=True)
class Target:
    """What was aimed at, from a table with one row a period and group.

    Args:
        of: What is added up, such as `targets.amount`.
        grain: The period of one row: a question by a finer one is refused.
    """

    of: str
    grain: Literal["day", "week", "month", "quarter", "year"]


@dataclass(frozen=True, kw_only=True)
class Convert:
    """Money in many currencies, brought to one at the last rate known on a day.

    Args:
        to: The ISO code of the currency, such as `EUR`.
        rates: The table of rates, declared with `rates:`.
        at: The day whose rates hold for all rows (constant currency); None takes each row's own day.
        stale_after: A rate older than this on its day is counted as stale.
    """

    to: str
    rates: str
    at: date | None = None
    stale_after: str = "7 days"

    def __post_init__(self) -> None:
        days_of(self.stale_after, "stale_after")
        if not re.fullmatch(r"[A-Z]{3}", self.to):
            raise DefinitionError(f"{self.to!r} is no currency", hint="write its ISO code, such as EUR")
