"""What planning asks of the time before the study: moments of all metrics, and how many units come in a day."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import TYPE_CHECKING

from steelyard.stats.cluster_moments import ClusterMoments
from steelyard.stats.linearise import Linear
from steelyard.stats.moments import Moments
from steelyard.studies.experiments.accrual import Accrual
from steelyard.studies.experiments.adjusting import correlation_with, covariates_of, linear_of, slopes_of
from steelyard.studies.experiments.cluster_history import (
    ClusterBuckets,
    cluster_baseline,
    places_for,
    sizes_query,
)
from steelyard.studies.experiments.cluster_sums import CLUSTER, cluster_moments
from steelyard.studies.experiments.columns import above, below
from steelyard.studies.experiments.metric_use import Baseline, MetricUse
from steelyard.studies.experiments.past import Past, entries_by_day, past_of, rows_as_past
from steelyard.studies.experiments.population import UNIT
from steelyard.studies.experiments.quantile_history import quantile_baselines, quantile_history_queries
from steelyard.studies.experiments.replay_buckets import Buckets
from steelyard.studies.experiments.winsorising import capped, caps_known, caps_of, caps_query
from steelyard.studies.study import Context
from steelyard.warehouse.moments import moments, shift_sample, shifts_of
from steelyard.warehouse.query import Query

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from steelyard.metrics import MetricCatalog
    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["History", "buckets_of", "history_of", "history_queries"]

HISTORY, TRAFFIC, NEAR, CAPS, SIZES = "history", "traffic", "history_sample", "history_caps", "history_sizes"
PLACE = "replay_bucket"
PLACES = 16_384
"""Buckets of units in which history is kept for replays: so many that a bucket's split is as good as a unit's."""


def history_queries(study: Experiment, context: Context) -> Mapping[str, Query]:
    """Constants near the means and units by day; then the moments, by bucket of units where replays are asked for."""
    known = context.history
    past = _past(study, context)
    if past is None:
        return {}
    if TRAFFIC not in known and (traffic := entries_by_day(past)) is not None:
        return {TRAFFIC: traffic}
    asked = past.asked
    if NEAR not in known:
        near = shift_sample(asked.sampled, asked.values, where=asked.where, parameters=asked.parameters)
        caps = caps_query(study, asked.relation, asked.values, asked.where, asked.parameters)
        sizes = sizes_query(asked.relation, asked.where, asked.parameters) if study.cluster else None
        more = {CAPS: caps, SIZES: sizes}
        return {NEAR: near, **{name: query for name, query in more.items() if query is not None}}
    if HISTORY not in known:
        return {HISTORY: _moments(study, past, known, by_bucket=context.replays > 0)}
    return quantile_history_queries(past, known, _units(known)) if _plans(study, context) else {}


def _plans(study: Experiment, context: Context) -> bool:
    """Whether the past is asked for baselines: the rows of a unit table are outcomes, and replays take no quantiles."""
    return context.metrics is not None and not study.table


def _units(known: Mapping[str, pa.Table]) -> int:
    """Units before the study."""
    return sum(row["n"] for row in known[HISTORY].select(["n"]).to_pylist()) if HISTORY in known else 0


def _past(study: Experiment, context: Context) -> Past | None:
    """The units of before: those that came in, or all where nobody could; the rows of a unit table for replays only."""
    past = past_of(study, context, exposed=_entries(context) != 0)
    return rows_as_past(study, context) if past is None and context.replays else past


def _entries(context: Context) -> int | None:
    """Units that came in before the study; None where that was not asked."""
    table = context.history.get(TRAFFIC)
    return None if table is None else sum(int(row["n"]) for row in table.to_pylist())


def _moments(study: Experiment, past: Past, known: Mapping[str, pa.Table], *, by_bucket: bool) -> Query:
    asked = past.asked
    relation = asked.relation
    if by_bucket:
        drawn, places = (CLUSTER, places_for(known[SIZES], PLACES)) if study.cluster else (UNIT, PLACES)
        place = f"CAST(bucket('{study.name}:replay', units.{drawn}) % {places} AS INTEGER)"
        relation = f"(SELECT units.*, {place} AS {PLACE} FROM {relation} AS units)"
    by = (PLACE,) if by_bucket else ()
    caps = caps_known(study, caps_of(known.get(CAPS)))
    kept = (*by, CLUSTER) if study.cluster else by
    relation, where, bound = capped(relation, kept, asked.values, asked.where, caps)
    if study.cluster:
        return cluster_moments(
            relation,
            by=by,
            values=asked.values,
            squares=tuple(above(use.metric) for use in study.uses),
            products=tuple(combinations(asked.values, 2)),
            shifts=shifts_of(known[NEAR]),
            where=where,
            parameters={**asked.parameters, **bound},
        )
    return moments(
        relation,
        by=by,
        values=asked.values,
        products=tuple(combinations(asked.values, 2)),
        shifts=shifts_of(known[NEAR]),
        where=where,
        parameters={**asked.parameters, **bound},
    )


@dataclass(frozen=True, kw_only=True)
class History:
    """What came back.

    Args:
        study: The study.
        uses: Its metrics with kind, direction and unit known, as far as definitions say them.
        moments: Over all units; None where there was nothing to ask, or nobody.
        accrual: Units by day; None where nothing says.
        unexposed: Whether nobody was exposed before the study, so that moments are those of all units.
        quantiles: Quantile -> what is known of it; none where there was nothing to ask.
    """

    study: Experiment
    uses: tuple[MetricUse, ...]
    moments: Moments | None
    accrual: Accrual | None
    unexposed: bool = False
    quantiles: Mapping[str, Baseline] = field(default_factory=dict)

    def use(self, use: MetricUse) -> MetricUse:
        """The metric with its kind, direction and unit."""
        return next(found for found in self.uses if found.metric == use.metric)

    def baseline(self, use: MetricUse) -> Baseline | None:
        """What is known of a metric: given numbers first, then history; None where there is neither."""
        if use.baseline is not None:
            return use.baseline
        if self.moments is None or self.study.table:
            return None
        found = self.use(use)
        if found.kind == "quantile":
            return self.quantiles.get(use.metric)
        if isinstance(self.moments, ClusterMoments):
            return cluster_baseline(found, self.moments)
        value = linear_of(found, self.moments)
        if not value.sample().usable or value.variance == 0:
            return None
        return Baseline(
            level=value.sample().level,
            std_dev=math.sqrt(value.variance),
            correlation=correlation_with(value, covariates_of(found.metric, self.moments)),
            units=self.moments.rows if self.moments.rows >= 4 else None,
        )

    def correlation(self, uses: tuple[MetricUse, ...]) -> np.ndarray | None:
        """How the estimates of several metrics move together, each turned so that more is better; None if unknown."""
        import numpy as np

        if self.moments is None or any(use.baseline is not None for use in uses):
            return None
        if any(self.use(use).kind == "quantile" for use in uses):
            return None
        forms = [self._noise(self.use(use)) for use in uses]
        spreads = [form.variance for form in forms]
        if not all(spread > 0 for spread in spreads):
            return None
        signs = [-1.0 if self.use(use).better == "down" else 1.0 for use in uses]
        found = np.eye(len(forms))
        for i, j in combinations(range(len(forms)), 2):
            share = forms[i].covariance(forms[j]) / math.sqrt(spreads[i] * spreads[j])
            found[i, j] = found[j, i] = signs[i] * signs[j] * max(-1.0, min(1.0, share))
        return found

    def _noise(self, use: MetricUse) -> Linear:
        """What is left of the metric after its covariate, as one linear form."""
        assert self.moments is not None  # noqa: S101 - asked for with moments only
        value, covariates = linear_of(use, self.moments), covariates_of(use.metric, self.moments)
        weights = dict(value.weights)
        for theta, before in zip(slopes_of(value, covariates), covariates, strict=True):
            weights |= {name: -theta * weight for name, weight in before.weights.items()}
        return replace(value, weights=weights)


def history_of(study: Experiment, context: Context) -> History:
    """The fetches of `history_queries`, read."""
    buckets = buckets_of(study, context)
    whole = buckets.whole() if buckets is not None and buckets.units else None
    return History(
        study=study,
        uses=tuple(_known(use, context, whole) for use in study.uses),
        moments=whole,
        accrual=_accrual(study, context),
        unexposed=_entries(context) == 0,
        quantiles=_quantiles(study, context),
    )


def buckets_of(study: Experiment, context: Context) -> Buckets | ClusterBuckets | None:
    """The history in buckets of what is randomised; None where there is none."""
    table = context.history.get(HISTORY)
    if table is None or not table.num_rows:
        return None
    if study.cluster:
        return ClusterBuckets.of(table, PLACE, shifts_of(context.history[NEAR]))
    return Buckets.of(table)


def _quantiles(study: Experiment, context: Context) -> dict[str, Baseline]:
    past = _past(study, context) if HISTORY in context.history and _plans(study, context) else None
    return {} if past is None else quantile_baselines(past, context.history, _units(context.history))


def _known(use: MetricUse, context: Context, whole: Moments | None) -> MetricUse:
    kind, better, unit = use.kind, use.better, use.measured_in
    if whole is not None and below(use.metric) in whole.names:
        kind = "ratio"
    if context.metrics is not None and not kind and _is_of_rows(use, context.metrics):
        kind = "quantile"
    if context.metrics is not None and use.source in context.metrics.metrics:
        defined = context.metrics.metric(use.source)
        better = better or defined.better
        unit = unit or ("" if use.kind == "share" else defined.measured_in)
    return replace(use, kind=kind or "mean", better=better or "up", measured_in=unit)


def _is_of_rows(use: MetricUse, catalog: MetricCatalog) -> bool:
    return use.metric in catalog.metrics and catalog.metric(use.metric).kind == "quantile"


def _accrual(study: Experiment, context: Context) -> Accrual | None:
    """Given numbers first, then what came in before the study, as far as its last stage enrols it."""
    past = past_of(study, context)
    window = past.window if past is not None else _given_window(study)
    given = study.main.baseline.by_weekday if study.main.baseline is not None else ()
    if given:
        return Accrual.of_weekdays(given, study.between[0] if study.between else None, window)
    table = context.history.get(TRAFFIC)
    if table is None or not _entries(context) or past is None or past.study.between is None:
        return None
    first, last = past.study.between
    enrolled = study.stages[-1].share * (1 - study.holdout.everywhere) * (1 - study.holdout.layer)
    counted = {row["day"]: row["n"] * enrolled for row in table.to_pylist()}
    return Accrual.of_days(counted, first, last, window)


def _given_window(study: Experiment) -> int:
    from datetime import timedelta

    lengths = [use.window_length for use in study.uses if use.window_length is not None]
    return max((math.ceil(length / timedelta(days=1)) for length in lengths), default=0)
