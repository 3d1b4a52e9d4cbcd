"""One number with its uncertainty, readable alone."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, Literal

from steelyard.errors import DataError

__all__ = ["ESTIMATE_COLUMNS", "Estimate"]

Role = Literal["primary", "secondary", "guardrail", "exploratory"]
Scale = Literal["absolute", "relative"]


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """One number with its uncertainty; the same columns in every study.

    Args:
        metric: What was measured.
        role: What the number is for: `primary`, `secondary`, `guardrail` or `exploratory` (shown beside them, such as a
            segment's; whether a study was registered is its provenance's `standing`).
        contrast: What is compared with what, such as `one_page - control`; a level is named by itself.
        segment: The part of the population, `all` when it is everybody.
        at: The date or period that the number speaks of, as text; empty when it is the whole study.
        value: The estimate; None where it cannot be computed (a check says why).
        std_error: Its standard error on the same scale; None where the method gives none.
        low: Lower bound of the interval; None is unbounded.
        high: Upper bound; None is unbounded.
        level: Confidence level of the interval, a fraction.
        p_value: Two-sided unless the method says otherwise; None where the method gives none.
        n: Units behind the number.
        scale: `absolute` (in `measured_in`) or `relative` (a fraction of the baseline).
        measured_in: The unit of an absolute value, such as `USD` or `fraction`.

    >>> Estimate(metric="revenue", contrast="b - a", value=1.0, std_error=0.5, low=0.02, high=1.98, n=100).excludes(0)
    True
    """

    metric: str
    role: Role = "primary"
    contrast: str = ""
    segment: str = "all"
    at: str = ""
    value: float | None = None
    std_error: float | None = None
    low: float | None = None
    high: float | None = None
    level: float = 0.95
    p_value: float | None = None
    n: int = 0
    scale: Scale = "absolute"
    measured_in: str = ""

    def __post_init__(self) -> None:
        for name in ("value", "std_error", "low", "high", "p_value"):
            number = getattr(self, name)
            if number is not None and math.isnan(number):
                raise DataError(
                    f"the {name} of {self.metric!r} ({self.contrast or self.segment}) is NaN",
                    where="estimate",
                    hint="give None and a check that says why it cannot be computed",
                )
        if self.low is not None and self.high is not None and self.low > self.high:
            raise DataError(f"the interval of {self.metric!r} is reversed: [{self.low}, {self.high}]", where="estimate")
        for name in ("low", "high"):
            number = getattr(self, name)
            if number is not None and math.isinf(number):
                object.__setattr__(self, name, None)

    def excludes(self, point: float) -> bool:
        """Whether the interval leaves `point` out."""
        above = self.low is not None and self.low > point
        below = self.high is not None and self.high < point
        return self.value is not None and (above or below)

    def to_dict(self) -> dict[str, Any]:
        """The row, keyed by column."""
        return {name: getattr(self, name) for name in ESTIMATE_COLUMNS}

    @classmethod
    def day(cls, value: date) -> str:
        """How a date is written in `at`."""
        return value.isoformat()


ESTIMATE_COLUMNS: tuple[str, ...] = tuple(field.name for field in fields(Estimate))
