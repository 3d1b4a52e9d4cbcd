"""A governed metric: what is counted, of which rows, for whom, and who answers for it."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Any, Literal

from steelyard.canonical import digest, plain
from steelyard.errors import DefinitionError

__all__ = ["KINDS", "LATER_KINDS", "Measure", "Metric", "Ratio"]

KINDS = ("sum", "count", "mean", "distinct", "ratio")
LATER_KINDS = (
    "balance", "quantile", "cumulative", "rolling", "period_to_date", "conversion", "retention", "funnel", "share",
    "derived", "fixed", "target", "deduplicate",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One aggregate of one table's rows; exactly one of `sum`, `count`, `mean` and `distinct` is given.

    Args:
        sum: What is added up, such as `orders.amount` or `lines.quantity * lines.price`; NULL adds nothing.
        count: The table whose rows are counted.
        mean: What is averaged over the rows in which it is not NULL.
        distinct: What is counted once each; NULL is nothing to count.
        where: Only rows for which this is true count.
        exclude: Rows for which this is true do not count; a row for which it is unknown (NULL) does.
        time: The column that places a row in time, where it is not the table's own: `column`, or `table.column` of a
            table that the row refers to.

    >>> Measure(sum="orders.amount").kind
    'sum'
    """

    sum: str = ""
    count: str = ""
    mean: str = ""
    distinct: str = ""
    where: str = ""
    exclude: str = ""
    time: str = ""

    def __post_init__(self) -> None:
        given = [kind for kind in ("sum", "count", "mean", "distinct") if getattr(self, kind)]
        if len(given) != 1:
            raise DefinitionError(
                f"a measure is one of sum, count, mean and distinct, not {' and '.join(given) or 'nothing'}",
                hint="write, say, `sum: orders.amount`, or `count: orders`",
            )

    @property
    def kind(self) -> str:
        """Which aggregate it is."""
        return next(kind for kind in ("sum", "count", "mean", "distinct") if getattr(self, kind))

    @property
    def of(self) -> str:
        """What it aggregates, as written."""
        return str(getattr(self, self.kind))


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """One aggregate over another; each is a measure, or the name of a sum, count or distinct metric.

    Args:
        numerator: What is divided.
        denominator: What it is divided by; where it is 0, the ratio is NULL.
    """

    numerator: Measure | str
    denominator: Measure | str


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A governed metric; its fields are the keys of its YAML.

    Args:
        name: Snake case.
        sum: As in `Measure`; one of `sum`, `count`, `mean`, `distinct` and `ratio` is given.
        count: As in `Measure`.
        mean: As in `Measure`.
        distinct: As in `Measure`.
        ratio: One aggregate over another, each at its own table's grain: a ratio of sums, never a mean of ratios.
        where: Only rows for which this is true count; for a ratio, on both sides.
        exclude: Rows for which this is true do not count; for a ratio, on both sides.
        time: As in `Measure`.
        entity: Whom it is about: the unit that studies measure it on; empty where a study says.
        grain: What one counted row is, in words; empty takes the table's.
        window: How long after a unit's start it is counted in a study, such as `7 days`; a query counts every row.
        measured_in: Its unit, such as `USD`.
        better: `up`, `down`, or empty where neither is.
        owner: Who answers for it.
        question: What it answers, as a person would ask.
        description: For a person.
        defined_at: File and line; no part of the definition.

    Raises:
        DefinitionError: It is of no kind or of several, or a word of it cannot be.

    >>> revenue = Metric(name="revenue", sum="orders.amount", exclude="status = 'cancelled'", better="up")
    >>> revenue.kind, len(revenue.digest())
    ('sum', 64)
    """

    name: str
    sum: str = ""
    count: str = ""
    mean: str = ""
    distinct: str = ""
    ratio: Ratio | None = None
    where: str = ""
    exclude: str = ""
    time: str = ""
    entity: str = ""
    grain: str = ""
    window: str = ""
    measured_in: str = ""
    better: Literal["up", "down", ""] = ""
    owner: str = ""
    question: str = ""
    description: str = ""
    defined_at: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.name):
            raise DefinitionError(
                f"a metric cannot be named {self.name!r}",
                where=self.defined_at,
                hint="use lower-case letters, digits and underscores",
            )
        given = [kind for kind in KINDS if getattr(self, kind)]
        if len(given) != 1:
            raise DefinitionError(
                f"the metric {self.name!r} is {' and '.join(given) or 'of no kind'}",
                where=self.defined_at,
                hint=f"give exactly one of {', '.join(KINDS)}",
            )
        if self.better not in ("", "up", "down"):
            raise DefinitionError(
                f"{self.better!r} is no direction of {self.name!r}", where=self.defined_at, hint="write up or down"
            )
        if self.window:
            self.window_days()

    @property
    def kind(self) -> str:
        """Which of `KINDS` it is."""
        return next(kind for kind in KINDS if getattr(self, kind))

    @property
    def additive(self) -> bool:
        """Whether the numbers of its parts add up to its total."""
        return self.kind in ("sum", "count")

    def window_days(self) -> int | None:
        """The window in days; None where there is none.

        >>> Metric(name="revenue", sum="orders.amount", window="2 weeks").window_days()
        14
        """
        if not self.window:
            return None
        found = re.fullmatch(r"([1-9][0-9]{0,4}) (day|week)s?", self.window.strip())
        if found is None:
            raise DefinitionError(
                f"{self.window!r} is no window of {self.name!r}", where=self.defined_at, hint="write, say, 7 days"
            )
        return int(found[1]) * (7 if found[2] == "week" else 1)

    def definition(self) -> dict[str, Any]:
        """The metric as plain values: what is said of it, without what is not, and without its place."""
        said = {item.name: plain(getattr(self, item.name)) for item in fields(self) if item.name != "defined_at"}
        return {name: value for name, value in said.items() if value}

    def digest(self) -> str:
        """The definition's digest; a `MetricCatalog` digests its tables and parts with it."""
        return digest(self.definition())
