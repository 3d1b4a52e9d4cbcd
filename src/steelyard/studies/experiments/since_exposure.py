"""The primary's effect by the days since a unit came in: whether it lasts."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from steelyard.stats.interval import Interval
from steelyard.stats.linearise import Linear
from steelyard.stats.moments import Moments
from steelyard.stats.relative import log_contrast
from steelyard.stats.sample import Sample
from steelyard.stats.welch import welch
from steelyard.studies.experiments.estimation import contrast
from steelyard.studies.experiments.evidence import Evidence
from steelyard.studies.experiments.freedom import freedom
from steelyard.studies.experiments.spans import above_until, below_until

if TYPE_CHECKING:
    import pyarrow as pa

    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["Trend", "since_table", "trends"]


@dataclass(frozen=True, kw_only=True)
class Trend:
    """How an arm's effect changes with the days since a unit came in.

    Args:
        contrast: The comparison.
        spans: How many spans of days.
        first: The effect in the first span: relative, or in the metric's unit where a level is not positive.
        last: The effect in the last span.
        p_value: Of no trend.
        fades: Whether what the effect is over the whole window gets less.
    """

    contrast: str
    spans: int
    first: float
    last: float
    p_value: float
    fades: bool


def trends(study: Experiment, evidence: Evidence) -> Iterator[Trend]:
    """Each arm's trend: a straight line through the spans' effects, with the error that one unit's days share.

    The line weighs each span by how well its effect is known. Effects are relative (the log scale) where all levels are
    positive, so that a metric which itself rises or falls
    with the days does not look like an effect that does.
    """
    spans = _spans(evidence)
    control = evidence.since.get(study.control)
    for arm in study.treated if len(spans) > 1 and control is not None else ():
        treated = evidence.since.get(arm)
        if treated is None or control is None or min(treated.rows, control.rows) < 2:
            continue
        pair = [[_in_span(moments, span) for span in spans] for moments in (treated, control)]
        levels = [form.mean for forms in pair for form in forms]
        if not all(map(math.isfinite, levels)):
            continue
        logs = min(levels) > 0
        levers = _levers(pair[0], pair[1], spans, logs=logs)
        mine, theirs = (_slope(forms, levers, logs=logs) for forms in pair)
        if not (mine.usable and theirs.usable):
            continue
        found = welch(mine, theirs, df=freedom(treated, control))
        first, last = (_effect(pair[0][place], pair[1][place], logs=logs) for place in (0, -1))
        whole = [_in_span(moments, (0, spans[-1][1])) for moments in (treated, control)]
        yield Trend(
            contrast=contrast(arm, study.control), spans=len(spans), first=first, last=last, p_value=found.p_value,
            fades=found.value * _effect(whole[0], whole[1], logs=logs) < 0,
        )  # fmt: skip


def _spans(evidence: Evidence) -> list[tuple[int, int]]:
    """First and last day (exclusive) of each span."""
    some = next(iter(evidence.since.values()), None)
    names = some.names if some is not None else ()
    edges = sorted(int(name.split()[1]) for name in names if name.startswith("until ") and not name.endswith(":per"))
    return list(itertools.pairwise([0, *edges]))


def _in_span(moments: Moments, span: tuple[int, int]) -> Linear:
    """The metric in one span: what has come by its end less what had come by its beginning."""
    begin, end = span
    above = {above_until(end): 1.0, **({above_until(begin): -1.0} if begin else {})}
    mean = sum(weight * moments.mean(name) for name, weight in above.items())
    if below_until(end) not in moments.names:
        return Linear(moments=moments, mean=mean, origin=0.0, weights=above)
    below = {below_until(end): 1.0, **({below_until(begin): -1.0} if begin else {})}
    size = sum(weight * moments.mean(name) for name, weight in below.items())
    ratio = mean / size if size > 0 else math.nan
    weights = {name: weight / size for name, weight in above.items()} if size > 0 else {}
    weights |= {name: -ratio * weight / size for name, weight in below.items()} if size > 0 else {}
    return Linear(moments=moments, mean=ratio, origin=0.0, weights=weights)


def _levers(treated: list[Linear], control: list[Linear], spans: list[tuple[int, int]], *, logs: bool) -> list[float]:
    """What each span's effect adds to the slope over the middles of the spans: weighted least squares."""
    middles = [(begin + end) / 2 for begin, end in spans]
    weights = [1 / max(_squared_error(t, logs=logs) + _squared_error(c, logs=logs), 1e-300)
               for t, c in zip(treated, control, strict=True)]  # fmt: skip
    centre = sum(w * x for w, x in zip(weights, middles, strict=True)) / sum(weights)
    scale = sum(w * (x - centre) ** 2 for w, x in zip(weights, middles, strict=True))
    return [w * (x - centre) / scale for w, x in zip(weights, middles, strict=True)]


def _squared_error(form: Linear, *, logs: bool) -> float:
    return form.sample().squared_error / (form.mean**2 if logs else 1.0)


def _slope(forms: list[Linear], levers: list[float], *, logs: bool) -> Sample:
    """The slope of an arm's levels, or of their logarithms, as one linear form of its units."""
    mean, weights = 0.0, dict[str, float]()
    for form, lever in zip(forms, levers, strict=True):
        mean += lever * (math.log(form.mean) if logs else form.mean)
        for name, weight in form.weights.items():
            weights[name] = weights.get(name, 0.0) + lever * weight / (form.mean if logs else 1.0)
    return Linear(moments=forms[0].moments, mean=mean, origin=0.0, weights=weights).sample()


def _effect(treated: Linear, control: Linear, *, logs: bool) -> float:
    return treated.mean / control.mean - 1 if logs else treated.mean - control.mean


def since_table(study: Experiment, evidence: Evidence) -> pa.Table | None:
    """The effect in each span, absolute and relative; None where it was not asked."""
    import pyarrow as pa

    spans, control = _spans(evidence), evidence.since.get(study.control)
    if not spans or control is None:
        return None
    rows = [
        _row(contrast(arm, study.control), span, scale, found)
        for arm in study.treated
        if (treated := evidence.since.get(arm)) is not None and min(treated.rows, control.rows) > 1
        for span in spans
        for scale, found in _compared(_in_span(treated, span), _in_span(control, span), study.level)
    ]
    kinds: dict[str, pa.DataType] = {
        "contrast": pa.string(),
        "scale": pa.string(),
        "from_day": pa.int64(),
        "to_day": pa.int64(),
    }
    names = ("contrast", "from_day", "to_day", "scale", "value", "std_error", "low", "high", "p_value")
    return pa.Table.from_pylist(rows, schema=pa.schema([(name, kinds.get(name, pa.float64())) for name in names]))


def _compared(treated: Linear, control: Linear, level: float) -> list[tuple[str, Interval]]:
    one, other = treated.sample(), control.sample()
    if not (one.usable and other.usable) or one.squared_error + other.squared_error == 0:
        return []
    df = freedom(treated.moments, control.moments)
    found = [("absolute", welch(one, other, level, df=df))]
    if one.level > 0 and other.level > 0:
        logs = [Sample(n=s.n, mean=math.log(s.level), variance=s.variance / s.level**2) for s in (one, other)]
        found.append(("relative", log_contrast(logs[0], logs[1], level, df=df)))
    return found


def _row(of: str, span: tuple[int, int], scale: str, found: Interval) -> dict[str, Any]:
    return {
        "contrast": of, "from_day": span[0], "to_day": span[1], "scale": scale, "value": found.value,
        "std_error": found.std_error, "low": found.low, "high": found.high, "p_value": found.p_value,
    }  # fmt: skip
