"""An alert: which metric is watched, in which segments, and what about it is worth a word."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from steelyard.errors import DefinitionError
from steelyard.stats.control_chart import RunRule, named_rules

__all__ = ["Alert"]

MINIMUM_VOLUME = 30.0
_WEEKS = {"day": (4, 104), "week": (12, 520)}
_NAMES = ("metric", "fresh")


@dataclass(frozen=True, kw_only=True)
class Alert:
    """What is watched; its fields are the keys of its YAML. Exactly one of `metric` and `fresh` is given.

    Args:
        name: Snake case.
        metric: The metric that is watched.
        by: Dimensions, as a question has them: the whole is watched, and each of their values (or combinations).
        where: A condition on dimensions; empty for all rows.
        grain: `day` or `week`.
        direction: `down`, `up` or `both`; empty takes the side on which the metric is worse, or both.
        minimum_volume: How many things a period must be expected to have to be judged; absent: 30, and 0 for a fixed
            limit on a sum or count.
        volume: The metric that counts them; empty counts the rows, or what a ratio divides by.
        rules: Rules of a control chart, or `western_electric` for its four, which is the default: `beyond_3_sigma`,
            `2_of_3_beyond_2_sigma`, `4_of_5_beyond_1_sigma`, `8_on_one_side`, `9_on_one_side`.
        baseline: How many weeks before are compared with: `8 weeks`, and for the grain `week` 26, by default.
        fdr: The share of false ones among the alerts of a day that is accepted; with nothing wrong anywhere, the
            chance that a day has any.
        above: A fixed limit instead of rules: a higher value is told.
        below: A fixed limit: a lower value is told.
        fresh: A table, or a metric: its newest row is watched instead of a metric's value.
        within: How old the newest row may be, such as `26 hours` or `2 days`.
        severity: `critical`, `warning` or `note`.
        owner: Who is asked to look; empty takes the metric's owner.
        says: What to do when it comes, for a person.
        to: Names of sinks; empty for the exit code and the report alone.
        defined_at: File and line; no part of the definition.

    Raises:
        DefinitionError: It watches nothing or two things, or a word of it cannot be.

    >>> alert = Alert(name="revenue_low", metric="revenue", by=("country",), rules=("beyond_3_sigma",))
    >>> alert.kind, alert.weeks, [rule.sigma for rule in alert.run_rules]
    ('rules', 8, [3.0])
    """

    name: str
    metric: str = ""
    by: tuple[str, ...] = ()
    where: str = ""
    grain: Literal["day", "week"] = "day"
    direction: Literal["down", "up", "both", ""] = ""
    minimum_volume: float | None = None
    volume: str = ""
    rules: tuple[str, ...] = ()
    baseline: str = ""
    fdr: float = 0.01
    above: float | None = None
    below: float | None = None
    fresh: str = ""
    within: str = ""
    severity: Literal["critical", "warning", "note"] = "warning"
    owner: str = ""
    says: str = ""
    to: tuple[str, ...] = ()
    defined_at: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.name):
            hint = "use lower-case letters, digits and underscores"
            raise self._refuse(f"an alert cannot be named {self.name!r}", hint)
        given = [kind for kind in _NAMES if getattr(self, kind)]
        if len(given) != 1:
            raise self._refuse(
                f"the alert {self.name!r} watches {' and '.join(given) or 'nothing'}", "give `metric:`, or `fresh:`"
            )
        self._check_words()
        if self.fresh:
            self._check_freshness()
        else:
            self._check_numbers()

    def _refuse(self, problem: str, hint: str) -> DefinitionError:
        return DefinitionError(problem, where=self.defined_at, hint=hint)

    def _check_words(self) -> None:
        known = {
            "grain": ("day", "week"),
            "direction": ("", "down", "up", "both"),
            "severity": ("critical", "warning", "note"),
        }
        for key, values in known.items():
            if getattr(self, key) not in values:
                said = " or ".join(value for value in values if value)
                raise self._refuse(f"{key} {getattr(self, key)!r} of the alert {self.name!r}", f"write {said}")
        for key in ("by", "to"):
            items = getattr(self, key)
            if len(set(items)) != len(items):
                raise self._refuse(f"{key} of the alert {self.name!r} names something twice: {items!r}", "name it once")

    def _check_freshness(self) -> None:
        said = [key for key in ("by", "where", "rules", "baseline", "volume", "direction") if getattr(self, key)]
        said += [key for key in ("above", "below", "minimum_volume") if getattr(self, key) is not None]
        if said:
            raise self._refuse(
                f"the alert {self.name!r} is of freshness, and says {said[0]!r}", "leave it out, or make it two alerts"
            )
        self.age()

    def _check_numbers(self) -> None:
        if self.within:
            raise self._refuse(f"the alert {self.name!r} says `within`", "`within` belongs to `fresh:`")
        if self.limited and (self.rules or self.baseline):
            key = "rules" if self.rules else "baseline"
            raise self._refuse(
                f"the alert {self.name!r} has a fixed limit and {key!r}",
                "make it two alerts: one of limits, one of rules",
            )
        if self.limited and self.direction:
            raise self._refuse(
                f"the alert {self.name!r} has a fixed limit and a direction", "`above:` and `below:` say it"
            )
        if self.above is not None and self.below is not None and self.above < self.below:
            raise self._refuse(
                f"every value of the alert {self.name!r} is above {self.above:g} or below {self.below:g}",
                "`below` is the lower limit",
            )
        if not 0 < self.fdr <= 0.5:
            raise self._refuse(f"fdr {self.fdr!r} of the alert {self.name!r}", "give a share such as 0.01, at most 0.5")
        if self.minimum_volume is not None and self.minimum_volume < 0:
            raise self._refuse(f"minimum_volume {self.minimum_volume!r} of the alert {self.name!r}", "give 0 or more")
        named_rules(self.rules, where=self.defined_at)
        self.weeks  # noqa: B018 - refuses what is no number of weeks

    @property
    def kind(self) -> Literal["rules", "limit", "freshness"]:
        """What makes it come: rules of a control chart, a fixed limit, or the age of the newest row."""
        if self.fresh:
            return "freshness"
        return "limit" if self.limited else "rules"

    @property
    def limited(self) -> bool:
        """Whether a fixed limit takes the place of rules."""
        return self.above is not None or self.below is not None

    @property
    def run_rules(self) -> tuple[RunRule, ...]:
        """The rules of its control chart."""
        return named_rules(self.rules or ("western_electric",), where=self.defined_at)

    @property
    def weeks(self) -> int:
        """How many weeks the baseline has."""
        if not self.baseline:
            return 8 if self.grain == "day" else 26
        found = re.fullmatch(r"([0-9]{1,3})(?: weeks?)?", self.baseline.strip())
        least, most = _WEEKS[self.grain]
        if found is None or not least <= int(found[1]) <= most:
            raise self._refuse(
                f"{self.baseline!r} is no baseline of the alert {self.name!r}",
                f"write {least} to {most} weeks for the grain {self.grain}, such as `{2 * least} weeks`",
            )
        return int(found[1])

    def age(self) -> timedelta:
        """How old the newest row may be.

        >>> Alert(name="late", fresh="orders", within="26 hours").age()
        datetime.timedelta(days=1, seconds=7200)
        """
        found = re.fullmatch(r"([1-9][0-9]{0,4}) (minute|hour|day)s?", self.within.strip())
        if found is None:
            raise self._refuse(f"{self.within!r} is no age of the alert {self.name!r}", "write `within: 26 hours`")
        return timedelta(**{f"{found[2]}s": int(found[1])})
