"""A governed metric: what is counted, of which rows, for whom, and who answers for it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from steelyard.canonical import digest, plain
from steelyard.errors import DefinitionError
from steelyard.metrics.kinds import (
    Balance,
    Conversion,
    Convert,
    Fixed,
    PeriodToDate,
    Quantile,
    Retention,
    Rolling,
    Share,
    Target,
    days_of,
)
from steelyard.warehouse import Deduplicate

__all__ = ["KINDS", "PLAIN_KINDS", "Measure", "Metric", "Ratio"]

PLAIN_KINDS = ("sum", "count", "mean", "distinct", "ratio")
"""Kinds that are aggregates of rows, or one over another: what studies can measure on a unit."""

KINDS = (
    *PLAIN_KINDS, "quantile", "balance", "cumulative", "rolling", "period_to_date", "conversion", "retention", "share",
    "derived", "fixed", "target",
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
        sum: What is added up, such as `orders.amount` or `lines.quantity * lines.price`; NULL adds nothing. Exactly one
            of the keys from here to `target` is given: it is the metric's kind.
        count: The table whose rows are counted.
        mean: What is averaged over the rows in which it is not NULL.
        distinct: What is counted once each; NULL is nothing to count.
        ratio: One aggregate over another, each at its own table's grain: a ratio of sums, never a mean of ratios.
        quantile: A quantile of the rows' values, such as the median.
        balance: A level that adds up over things and never over time.
        cumulative: The name of a metric: its value over all rows from the beginning to the day.
        rolling: A metric over the last n days.
        period_to_date: A metric from the start of its period to the day.
        conversion: The share of rows that are followed by another row of the same entity.
        retention: The share of rows whose entity came back on certain days after.
        share: A group's part of the total.
        derived: Arithmetic over the names of metrics, after aggregation: `revenue - refunds`.
        fixed: A metric of each entity over all its rows, whatever the question filters, aggregated over the entities.
        target: What was aimed at, from a table of targets.
        convert: Brings money in many currencies to one; of a sum, mean, quantile or balance.
        where: Only rows for which this is true count; for a ratio, on both sides.
        exclude: Rows for which this is true do not count; a row for which it is unknown (NULL) does. For a ratio, on
            both sides.
        time: The column that places a row in time, where it is not the table's own: `column`, or `table.column` of a
            table that the row refers to.
        entity: Whom it is about: the unit that studies measure it on; empty where a study says.
        grain: What one counted row is, in words; empty takes the table's.
        window: How long after a unit's start it is counted in a study, such as `7 days`; a query counts every row.
        deduplicate: Which of several rows of a business key counts; what the table says, where it is not given.
        not_additive_over: Dimensions, entities or `time` over which values must not be added up: a question is
            refused unless it groups by them or keeps one value.
        lateness: How long rows may come after their day, such as `2 days`; a day is complete only after that.
        cadence: How often it is meant to be fresh: `hourly`, `daily` or `weekly`.
        week_start: First day of its week, where that is not the project's.
        limits: The smallest and the largest value that can be right, as `min` and `max`; others are flagged.
        version: What its owner calls this definition.
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
    quantile: Quantile | None = None
    balance: Balance | None = None
    cumulative: str = ""
    rolling: Rolling | None = None
    period_to_date: PeriodToDate | None = None
    conversion: Conversion | None = None
    retention: Retention | None = None
    share: Share | None = None
    derived: str = ""
    fixed: Fixed | None = None
    target: Target | None = None
    convert: Convert | None = None
    where: str = ""
    exclude: str = ""
    time: str = ""
    entity: str = ""
    grain: str = ""
    window: str = ""
    deduplicate: Deduplicate | None = None
    not_additive_over: tuple[str, ...] = ()
    lateness: str = ""
    cadence: Literal["hourly", "daily", "weekly", ""] = ""
    week_start: Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", ""] = ""
    limits: Mapping[str, float] = field(default_factory=dict)
    version: str = ""
    measured_in: str = ""
    better: Literal["up", "down", ""] = ""
    owner: str = ""
    question: str = ""
    description: str = ""
    defined_at: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.name):
            raise self._wrong(
                f"a metric cannot be named {self.name!r}", "use lower-case letters, digits and underscores"
            )
        given = [kind for kind in KINDS if getattr(self, kind)]
        if len(given) != 1:
            raise self._wrong(
                f"the metric {self.name!r} is {' and '.join(given) or 'of no kind'}",
                f"give exactly one of {', '.join(KINDS)}",
            )
        if self.better not in ("", "up", "down"):
            raise self._wrong(f"{self.better!r} is no direction of {self.name!r}", "write up or down")
        self._check_words()

    def _check_words(self) -> None:
        if self.window:
            self.window_days()
        if self.lateness:
            days_of(self.lateness, "lateness", least=0)
        for word in ("where", "exclude", "time"):
            if getattr(self, word) and self.kind not in (*PLAIN_KINDS, "quantile", "balance", "target"):
                problem = f"{word!r} means nothing to {self.name!r}, whose rows are those of other metrics"
                raise self._wrong(problem, "say it of the metrics that it names")
        if self.convert is not None and self.kind not in ("sum", "mean", "quantile", "balance"):
            raise self._wrong(
                f"{self.name!r} is a {self.kind}, which is no money to convert", "convert the metrics that it names"
            )
        if strange := sorted(set(self.limits) - {"min", "max"}):
            raise self._wrong(f"{strange[0]!r} is no limit of {self.name!r}", "give `min`, `max` or both")
        if self.limits.get("min", -math.inf) > self.limits.get("max", math.inf):
            raise self._wrong(f"the limits of {self.name!r} leave no value", "give the smaller as `min`")

    def _wrong(self, problem: str, hint: str) -> DefinitionError:
        return DefinitionError(problem, where=self.defined_at, hint=hint)

    @property
    def kind(self) -> str:
        """Which of `KINDS` it is."""
        return next(kind for kind in KINDS if getattr(self, kind))

    def names(self) -> tuple[str, ...]:
        """The metrics that it is made of, as it names them."""
        found: list[str] = []
        if self.ratio is not None:
            found += [side for side in (self.ratio.numerator, self.ratio.denominator) if isinstance(side, str)]
        for said in (self.rolling, self.period_to_date, self.share, self.fixed):
            found += [said.of] if said is not None else []
        for followed in (self.conversion, self.retention):
            found += [followed.base, followed.then] if followed is not None else []
        found += [self.cumulative] if self.cumulative else []
        if self.derived:
            found += re.findall(r"\b[a-z][a-z0-9_]*\b(?!\s*\()", re.sub(r"'[^']*'", "", self.derived))
        return tuple(dict.fromkeys(found))

    @property
    def additive(self) -> bool:
        """Whether the numbers of its parts add up to its total."""
        return self.kind in ("sum", "count", "target") and not self.not_additive_over

    def window_days(self) -> int | None:
        """The window in days; None where there is none.

        >>> Metric(name="revenue", sum="orders.amount", window="2 weeks").window_days()
        14
        """
        if not self.window:
            return None
        try:
            return days_of(self.window, "window")
        except DefinitionError:
            raise self._wrong(f"{self.window!r} is no window of {self.name!r}", "write, say, 7 days") from None

    def definition(self) -> dict[str, Any]:
        """The metric as plain values: what is said of it, without what is not, and without its place."""
        said = {item.name: plain(getattr(self, item.name)) for item in fields(self) if item.name != "defined_at"}
        return {name: value for name, value in said.items() if value}

    def digest(self) -> str:
        """The definition's digest; a `MetricCatalog` digests its tables and parts with it."""
        return digest(self.definition())
