"""One metric as an experiment uses it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

from steelyard.canonical import LATER
from steelyard.errors import DefinitionError
from steelyard.pipeline.duration import parse_duration
from steelyard.stats.intraclass import planned_design_effect
from steelyard.studies.experiments.effect import Effect
from steelyard.studies.experiments.prior import Prior
from steelyard.studies.experiments.winsorising import Winsorise

__all__ = ["Baseline", "Count", "Covariate", "Mean", "MetricUse", "Quantile", "Ratio", "Share"]

Kind = Literal["", "mean", "share", "ratio", "count", "quantile"]
Better = Literal["", "up", "down"]
Adjustment = Literal["", "cuped", "lin"]
RelativeChoice = Literal["", "log", "delta", "fieller"]


@dataclass(frozen=True, kw_only=True)
class Covariate:
    """What was known of a unit before it could be treated (CUPED).

    Args:
        metric: A column of the unit table, or a governed metric; empty is the metric's own.
        before: Length of time before the exposure over which a governed metric is taken: "28 days".
        numerator: Column of a unit table, when the covariate is a ratio.
        denominator: Column of a unit table, when the covariate is a ratio.
    """

    metric: str = ""
    before: str = ""
    numerator: str = ""
    denominator: str = ""

    def __post_init__(self) -> None:
        if bool(self.numerator) != bool(self.denominator):
            raise DefinitionError("a covariate that is a ratio needs `numerator` and `denominator`", hint="give both")
        if self.before:
            parse_duration(self.before, where="covariate.before")


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """What is known of a metric before the experiment, for planning.

    Args:
        level: Its mean, share or ratio.
        std_dev: Standard deviation over units (of the linear form for a ratio); a share needs none.
        correlation: With the covariate, from -1 to 1.
        units: Units that can be had in all; gives the smallest effect that they show.
        daily: New units a day that the last stage takes in: one number, or seven, Monday first; of the primary.
        density: Of the metric at its quantile, per unit of the metric: what a quantile has in place of `std_dev`.
        cluster_size: Units of a cluster that is randomised as one, on average; 1 where each unit is.
        icc: Correlation of two units of one cluster.
        cluster_variation: Coefficient of variation of the clusters' sizes.
        triggered: Share of the analysed units that the change can reach: the expected effect is theirs, and over all
            units it is thinner by this factor. 1 where only exposed units are analysed.
    """

    level: float
    std_dev: float | None = None
    correlation: float = 0.0
    units: int | None = None
    daily: float | tuple[float, ...] | None = None
    density: float | None = None
    cluster_size: float = 1.0
    icc: float = 0.0
    cluster_variation: float = 0.0
    triggered: float = 1.0

    def __post_init__(self) -> None:
        for name in ("level", "cluster_size", "icc", "cluster_variation"):
            if not math.isfinite(getattr(self, name)):
                raise DefinitionError(
                    f"a {name} of {getattr(self, name)!r}", where=f"baseline.{name}", hint="give a finite number"
                )
        if not -1 <= self.correlation <= 1:
            raise DefinitionError(f"a correlation of {self.correlation!r}", where="baseline", hint="from -1 to 1")
        if self.std_dev is not None and not (self.std_dev > 0 and math.isfinite(self.std_dev)):
            raise DefinitionError(f"a standard deviation of {self.std_dev!r}", where="baseline", hint="above 0")
        if self.units is not None and self.units < 4:
            raise DefinitionError(f"{self.units!r} units cannot be compared", where="baseline", hint="4 or more")
        if not 0 < self.triggered <= 1:
            raise DefinitionError(f"a triggered share of {self.triggered!r}", where="baseline", hint="above 0, up to 1")
        planned_design_effect(self.cluster_size, self.icc, size_variation=self.cluster_variation)
        self._check_daily()

    def _check_daily(self) -> None:
        daily = self.by_weekday
        if daily and not (len(daily) == 7 and all(0 <= n < math.inf for n in daily) and sum(daily) > 0):
            raise DefinitionError(
                f"daily units of {self.daily!r}",
                where="baseline.daily",
                hint="one number above 0, or seven from Monday",
            )

    @property
    def by_weekday(self) -> tuple[float, ...]:
        """New units on each day of the week, Monday first; empty where nobody says."""
        if self.daily is None:
            return ()
        return tuple(self.daily) if isinstance(self.daily, Sequence) else (float(self.daily),) * 7


@dataclass(frozen=True, kw_only=True)
class MetricUse:
    """One metric as an experiment uses it.

    Args:
        metric: A governed metric, or a column of the unit table; for a ratio of columns any name. Of a quantile it
            becomes its name, such as `latency p90`, and what it is taken of goes to `of`.
        kind: `mean`, `share` (0 or 1, or a boolean, for each unit), `ratio`, `count` (a whole number for each unit,
            compared by its mean) or `quantile`; empty is what the definition says, else a mean.
        numerator: Column above, for a ratio of columns of a unit table.
        denominator: Column below.
        window: Length of time after the exposure that counts: "7 days"; empty is up to now.
        covariate: What takes out the part of the noise that was there before; or several.
        adjustment: How covariates are used: `cuped` (the default; one coefficient for both arms, the one with the least
            variance of the contrast) or `lin` (a regression with slopes of each arm's own).
        relative_method: Interval of the relative effect: `log` (the default), `delta` or `fieller`.
        prior: What is believed of the effect before, for a readout beside the rule that decides nothing.
        min_effect: Practical threshold, towards better: the interval must lie beyond it. Not below zero.
        expected_effect: What planning counts on.
        margin: How much worse a guardrail may be; above zero.
        better: `up` or `down`; empty is what the governed definition says, else up.
        measured_in: Unit of the metric, such as `USD`; empty is what the governed definition says.
        baseline: What planning starts from, where history cannot say.
        winsorise: Where values of a mean or count are cut off, as a quantile of all units or as a limit; a bare number
            is the quantile.
        quantile: Which quantile is compared in place of the mean, above 0 and below 1: over units, of a column or of a
            governed sum or count; over rows, of a governed mean.
        of: The column or governed metric that the quantile is taken of, where `metric` is a name of its own.
    """

    metric: str
    kind: Kind = ""
    numerator: str = ""
    denominator: str = ""
    window: str = ""
    covariate: Covariate | str | tuple[Covariate | str, ...] | None = None
    adjustment: Adjustment = field(default="", metadata=LATER)
    min_effect: Effect | None = None
    expected_effect: Effect | None = None
    margin: Effect | None = None
    better: Better = ""
    measured_in: str = ""
    baseline: Baseline | None = None
    winsorise: Winsorise | float | None = None
    relative_method: RelativeChoice = field(default="", metadata=LATER)
    prior: Prior | None = field(default=None, metadata=LATER)
    quantile: float | None = None
    of: str = field(default="", metadata=LATER)

    def __post_init__(self) -> None:
        object.__setattr__(self, "covariate", _spelt_out(self.covariate))
        if isinstance(self.winsorise, int | float):
            object.__setattr__(self, "winsorise", Winsorise(quantile=float(self.winsorise)))
        if not self.metric:
            raise DefinitionError("a metric has no name", hint="say `metric:`")
        self._name_quantile()
        self._check_choices()
        self._check_quantile()
        self._check_ratio()
        self._check_effects()
        if len(set(self.covariates)) < len(self.covariates):
            raise DefinitionError(
                f"{self.metric!r} has a covariate twice", where=self._at("covariate"), hint="leave one of them out"
            )
        if self.adjustment and not self.covariates:
            raise DefinitionError(
                f"the adjustment {self.adjustment!r} of {self.metric!r} has no covariate",
                where=self._at("adjustment"),
                hint="say `covariate:`",
            )
        if self.prior is not None:
            self.prior.refuse_for(self.metric, share=self.kind == "share" and not self.covariates)
        if self.window:
            parse_duration(self.window, where=self._at("window"))

    def _at(self, name: str) -> str:
        return f"{self.metric}.{name}"

    def _check_choices(self) -> None:
        for name, value, known in (
            ("kind", self.kind, ("mean", "share", "ratio", "count", "quantile")),
            ("better", self.better, ("up", "down")),
            ("adjustment", self.adjustment, ("cuped", "lin")),
            ("relative_method", self.relative_method, ("log", "delta", "fieller")),
        ):
            if value and value not in known:
                raise DefinitionError(
                    f"{name} of {self.metric!r} is {value!r}", where=self._at(name), hint=f"one of {', '.join(known)}"
                )

    def _name_quantile(self) -> None:
        """Gives a quantile a name of its own, so that several of one column are several metrics."""
        if self.quantile is None:
            if self.of:
                raise DefinitionError(
                    f"{self.metric!r} is of {self.of!r}, and no quantile of it",
                    where=self._at("of"),
                    hint="leave it out",
                )
            return
        if not 0 < self.quantile < 1:
            raise DefinitionError(
                f"the quantile {self.quantile!r} of {self.metric!r}",
                where=self._at("quantile"),
                hint="give a number above 0 and below 1, such as 0.9",
            )
        if not self.of:
            object.__setattr__(self, "of", self.metric)
            object.__setattr__(self, "metric", f"{self.of} p{self.quantile * 100:g}")
        if not self.kind:
            object.__setattr__(self, "kind", "quantile")

    def _check_quantile(self) -> None:
        """What a quantile cannot be combined with is refused, never ignored."""
        if self.quantile is not None and self.kind != "quantile":
            raise DefinitionError(
                f"{self.metric!r} is a {self.kind} and a quantile", where=self._at("kind"), hint="leave one of them out"
            )
        if self.kind != "quantile":
            return
        for name, given, why in (
            ("numerator", self.numerator or self.denominator, "a ratio of means has no quantile: make it a column"),
            ("covariate", self.covariate, "CUPED takes noise out of means; ranks have no such adjustment here"),
            ("winsorise", self.winsorise, "values beyond the quantile do not move it"),
            ("relative_method", self.relative_method, "its relative effect is on the log scale"),
        ):
            if given:
                raise DefinitionError(
                    f"the quantile {self.metric!r} has a {name}", where=self._at(name), hint=f"leave it out: {why}"
                )

    def _check_ratio(self) -> None:
        if bool(self.numerator) != bool(self.denominator):
            raise DefinitionError(
                f"the ratio {self.metric!r} needs both `numerator` and `denominator`",
                where=self._at("numerator"),
                hint="name the columns above and below",
            )
        if self.denominator and self.kind not in ("", "ratio"):
            raise DefinitionError(f"{self.metric!r} is a {self.kind} with a denominator", hint="say `kind: ratio`")
        if self.denominator and not self.kind:
            object.__setattr__(self, "kind", "ratio")
        if self.winsorise is not None and self.kind in ("share", "ratio"):
            raise DefinitionError(
                f"the {self.kind} {self.metric!r} cannot be winsorised",
                where=self._at("winsorise"),
                hint="winsorise a mean or a count",
            )

    def _check_effects(self) -> None:
        for name in ("min_effect", "expected_effect", "margin"):
            size = getattr(self, name)
            if size is not None and not isinstance(size, Effect):
                raise DefinitionError(
                    f"{name} {size!r} says no scale",
                    where=self._at(name),
                    hint=f"say Effect(relative={size!r}), of the control's level, or Effect(absolute={size!r})",
                )
        if self.min_effect is not None and self.min_effect.size < 0:
            raise DefinitionError(
                f"a min_effect of {self.min_effect.size!r} is below zero",
                where=self._at("min_effect"),
                hint="it is a distance towards better, whichever way that is; a tolerated loss is a guardrail's margin",
            )
        if self.margin is not None and self.margin.size <= 0:
            raise DefinitionError(
                f"a margin of {self.margin.size!r}", where=self._at("margin"), hint="give how much worse, above zero"
            )
        self._check_reach()
        if self.expected_effect is not None and self.expected_effect.size == 0:
            raise DefinitionError(
                "an expected_effect of 0 plans nothing", where=self._at("expected_effect"), hint="leave it out"
            )

    def _check_reach(self) -> None:
        """Refuses a margin that nothing can break, and a threshold that nothing can reach: percent taken for shares."""
        for name, effect, downwards in (("margin", self.margin, self.better != "down"),
                                        ("min_effect", self.min_effect, self.better == "down")):  # fmt: skip
            if effect is None or effect.size < 1:
                continue
            if (effect.scale == "relative" and downwards) or (effect.scale == "absolute" and self.kind == "share"):
                raise DefinitionError(
                    f"the {name} of {self.metric!r} is {effect.says(self.shown_in).lstrip('+')}, and nothing can "
                    "move by so much",
                    where=self._at(name),
                    hint="2 % is 0.02; where less is better, say `better: down`" if name == "margin" else "2 % is 0.02",
                )

    @property
    def shown_in(self) -> str:
        """The unit that absolute effects are shown in; a share's is `fraction`."""
        return self.measured_in or ("fraction" if self.kind == "share" else "")

    @property
    def window_length(self) -> timedelta | None:
        """How long after the exposure counts; None is up to now."""
        return parse_duration(self.window) if self.window else None

    @property
    def source(self) -> str:
        """The column or governed metric that it is made of."""
        return self.of or self.metric

    @property
    def covariates(self) -> tuple[Covariate, ...]:
        """The covariates; none where nothing is taken out."""
        given = self.covariate if isinstance(self.covariate, tuple) else (self.covariate,)
        return tuple(item for item in given if isinstance(item, Covariate))


def _spelt_out(given: Covariate | str | Sequence[Covariate | str] | None) -> Covariate | tuple[Covariate, ...] | None:
    """Covariates in full: one as itself, so that a list of one is the same definition; several as a tuple."""
    if given is None or isinstance(given, Covariate):
        return given
    if isinstance(given, str):
        return Covariate(metric=given)
    found = tuple(Covariate(metric=item) if isinstance(item, str) else item for item in given)
    return found[0] if len(found) == 1 else found or None


def Mean(column: str, **options: Any) -> MetricUse:  # noqa: N802
    """The mean of a column over units; options as `MetricUse`.

    >>> Mean("revenue", min_effect=Effect(relative=0.005)).kind
    'mean'
    """
    return MetricUse(metric=column, kind="mean", **options)


def Share(column: str, **options: Any) -> MetricUse:  # noqa: N802
    """The share of units whose column is 1 or true (of the others 0 or false); options as `MetricUse`.

    >>> Share("converted").kind
    'share'
    """
    return MetricUse(metric=column, kind="share", **options)


def Count(column: str, **options: Any) -> MetricUse:  # noqa: N802
    """The mean of a whole number that each unit has, such as its orders; options as `MetricUse`.

    >>> Count("orders").kind
    'count'
    """
    return MetricUse(metric=column, kind="count", **options)


def Quantile(column: str, quantile: float, *, metric: str = "", **options: Any) -> MetricUse:  # noqa: N802
    """A quantile of a column over units; options as `MetricUse`.

    >>> Quantile("latency", 0.9).metric
    'latency p90'
    """
    of = column if metric else ""
    return MetricUse(metric=metric or column, of=of, kind="quantile", quantile=quantile, **options)


def Ratio(numerator: str, denominator: str, *, metric: str = "", **options: Any) -> MetricUse:  # noqa: N802
    """The ratio of two columns' means over units (delta method); options as `MetricUse`.

    >>> Ratio("orders", "sessions").metric
    'orders / sessions'
    """
    return MetricUse(
        metric=metric or f"{numerator} / {denominator}",
        kind="ratio",
        numerator=numerator,
        denominator=denominator,
        **options,
    )
