"""An A/A certificate: the history split at random again and again, and how often the method finds what is not there."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from steelyard.result import Check
from steelyard.stats.moments import Moments
from steelyard.stats.proportions import wilson
from steelyard.studies.experiments.cluster_history import ClusterBuckets
from steelyard.studies.experiments.estimation import find
from steelyard.studies.experiments.evidence import Evidence
from steelyard.studies.experiments.history import PLACES, History, buckets_of
from steelyard.studies.experiments.replay_buckets import Buckets
from steelyard.studies.experiments.rule import decide
from steelyard.studies.study import Context

if TYPE_CHECKING:
    import pyarrow as pa

    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["Certificate", "certificate_of"]

AT_ONCE = 50
DOUBTS_AT = 0.01
FEWEST_UNITS = 100
Key = tuple[str, str, str]


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """What the replays came to.

    Args:
        tables: How often each metric was found to differ, and what the rule said, each with its interval.
        checks: Whether that is as often as promised.
    """

    tables: Mapping[str, pa.Table] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Rate:
    """How often something happened that should happen with a chance of `expected`.

    Args:
        metric: The metric; `the rule` for what the verdict said.
        contrast: The comparison, or what the rule said.
        scale: Of the effect; empty for the rule.
        seen: How often.
        replays: Of how many.
        expected: How often it should, as a share; None where only a limit is known.
        places: Buckets that were split.
    """

    metric: str
    contrast: str
    scale: str
    seen: int
    replays: int
    expected: float | None
    places: int = PLACES

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Wilson's interval of the rate, with what is not known because units were split by bucket.

        For one way to put units into b buckets the variance of a difference is off by a factor of 1 with a relative
        standard deviation of the root of 2 / b, and the rate with it; so the replays say as much as fewer would that
        split unit by unit.
        """
        from scipy.special import ndtri

        share = min(max(self.seen / self.replays, 0.5 / self.replays), 1 - 0.5 / self.replays)
        z = float(ndtri(1 - (self.expected or share) / 2))
        steep = 2 * z * math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
        chance = share * (1 - share) / self.replays
        worth = self.replays * chance / (chance + steep**2 / (2 * self.places))
        return wilson(self.seen / self.replays * worth, worth, level)


def certificate_of(study: Experiment, context: Context, history: History) -> Certificate:
    """Splits the history `context.replays` times as the study splits its units, and judges every split by its rule.

    Each bucket of units falls into an arm by itself, with the arms' shares as chances; seeded, so that the same history
    gives the same certificate.
    """
    buckets = buckets_of(study, context)
    if buckets is None or buckets.units < FEWEST_UNITS:
        found = 0 if buckets is None else buckets.units
        says = f"Before the study there are {found:,} units with closed windows: {FEWEST_UNITS} at least can be split."
        return Certificate(checks=(Check(name="false_positive_rate", status="not_run", severity="doubt", says=says),))
    ranked = [use.metric for use in study.uses if history.use(use).kind == "quantile"]
    if {use.metric for use in study.primaries} & set(ranked):
        says = (
            f"{study.main.metric!r} is a quantile: sums by bucket of units have no ranks, so splits cannot be replayed."
        )
        return Certificate(checks=(Check(name="false_positive_rate", status="not_run", severity="doubt", says=says),))
    study = replace(
        study,
        secondary=tuple(use for use in study.secondary_uses if use.metric not in ranked),
        guardrails=tuple(use for use in study.guardrail_uses if use.metric not in ranked),
    )
    rates = _rates(study, context, history, buckets)
    left = () if not ranked else (_without(ranked),)
    return Certificate(tables={_title(context, buckets): _table(rates)}, checks=(*_checks(rates), *left))


def _without(ranked: list[str]) -> Check:
    says = f"The rule was replayed without {', '.join(map(repr, ranked))}: sums by bucket of units have no ranks."
    return Check(name="quantiles_replayed", status="not_run", severity="note", says=says)


def _title(context: Context, buckets: Buckets | ClusterBuckets) -> str:
    whole = f"{buckets.units:,} units"
    if isinstance(buckets, ClusterBuckets):
        whole = f"{buckets.clusters:,} clusters, {whole},"
    return f"A/A: {context.replays:,} random splits of {whole} from before, in which nothing differs"


def _rates(study: Experiment, context: Context, history: History, buckets: Buckets | ClusterBuckets) -> list[Rate]:
    alone = replace(study, segments=(), strata=())
    differs: Counter[Key] = Counter()
    levels: dict[Key, float] = {}
    said: Counter[str] = Counter()
    # Where each bucket holds one cluster, no split of them is left out.
    places = buckets.places if isinstance(buckets, ClusterBuckets) and buckets.clusters > buckets.places else PLACES
    for arms in _splits(study, context, buckets):
        found = find(alone, _evidence(arms, history))
        for row in found.estimates:
            if row.value is not None:
                key = row.metric, row.contrast, row.scale
                levels[key] = row.level
                differs[key] += (row.low or -math.inf) > 0 or (row.high or math.inf) < 0
        said[decide(alone, found).action] += 1
    rates = [
        Rate(metric=metric, contrast=of, scale=scale, seen=differs[metric, of, scale], replays=context.replays,
             expected=1 - level, places=places)
        for (metric, of, scale), level in levels.items()
    ]  # fmt: skip
    rates += [
        Rate(
            metric="the rule",
            contrast=says,
            scale="",
            seen=said[says],
            replays=context.replays,
            expected=None,
            places=places,
        )
        for says in ("ship", "rollback")
    ]
    return rates


def _splits(study: Experiment, context: Context, buckets: Buckets | ClusterBuckets) -> Iterator[dict[str, Moments]]:
    import numpy as np

    arms = (study.control, *study.treated)
    ends = np.cumsum([study.arms[arm] for arm in arms])[:-1]
    random = np.random.default_rng([context.seed, *study.name.encode()])
    for start in range(0, context.replays, AT_ONCE):
        draws = random.random((min(AT_ONCE, context.replays - start), buckets.places))
        places = np.searchsorted(ends, draws, side="right")
        by_arm = {arm: buckets.split(places == number) for number, arm in enumerate(arms)}
        for replay in range(len(draws)):
            yield {arm: kept for arm, found in by_arm.items() if (kept := found[replay]) is not None and kept.rows}


def _evidence(arms: Mapping[str, Moments], history: History) -> Evidence:
    notes: dict[str, str] = {}
    for use in history.uses:
        known = {"better": use.better, "unit": use.measured_in, "kind": use.kind}
        notes |= {f"{what} of {use.metric}": said for what, said in known.items()}
    cells: dict[tuple[str, ...], Moments] = {(arm,): moments for arm, moments in arms.items()}
    return Evidence(cells=cells, counts=(), ids=None, repeated={}, unusable=(), notes=notes, segments=())


def _table(rates: list[Rate]) -> pa.Table:
    import pyarrow as pa

    rows: list[dict[str, Any]] = []
    for rate in rates:
        low, high = rate.interval()
        rows.append(
            {
                "metric": rate.metric, "what": rate.contrast, "scale": rate.scale, "replays": rate.replays,
                "times": rate.seen, "rate": rate.seen / rate.replays, "low": low, "high": high,
                "expected": rate.expected,
            }
        )  # fmt: skip
    texts, whole = ("metric", "what", "scale"), ("replays", "times")
    kinds: dict[str, pa.DataType] = {**dict.fromkeys(texts, pa.string()), **dict.fromkeys(whole, pa.int64())}
    columns = ("metric", "what", "scale", "replays", "times", "rate", "low", "high", "expected")
    return pa.Table.from_pylist(rows, schema=pa.schema([(name, kinds.get(name, pa.float64())) for name in columns]))


def _checks(rates: list[Rate]) -> tuple[Check, ...]:
    """Whether each metric differs as often as promised: too often is a doubt, too seldom wastes units."""
    tested = [rate for rate in rates if rate.expected is not None and rate.scale == "absolute"]
    if not tested:
        says = "No metric could be estimated from the history, so nothing is known of its errors."
        return (Check(name="false_positive_rate", status="not_run", severity="doubt", says=says),)
    level = 1 - DOUBTS_AT / len(tested)
    often = [rate for rate in tested if rate.interval(level)[0] > (rate.expected or 0)]
    seldom = [rate for rate in tested if rate.interval(level)[1] < (rate.expected or 0)]
    worst = max(tested, key=lambda rate: rate.seen / rate.replays)
    good = (
        f"In {worst.replays:,} random splits no metric was found to differ more often than promised: "
        f"at most {_shown(worst)}."
    )
    bad = "Found to differ where nothing does, more often than promised: " + "; ".join(map(_shown, often))
    first = Check(
        name="false_positive_rate",
        status="failed" if often else "passed",
        severity="doubt",
        value=worst.seen / worst.replays,
        limit=worst.expected,
        says=f"{bad}. Its errors are not those of independent units, or too few carry the metric." if often else good,
    )
    if not seldom:
        return (first,)
    says = f"Found to differ less often than promised, so that units are wasted: {'; '.join(map(_shown, seldom))}."
    return (first, Check(name="false_positive_rate_is_full", status="failed", severity="note", says=says))


def _shown(rate: Rate) -> str:
    low, high = rate.interval()
    return f"{rate.metric!r} ({rate.contrast}) {rate.seen / rate.replays:.2%} ({low:.2%} to {high:.2%})"
