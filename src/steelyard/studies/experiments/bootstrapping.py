"""Means that a few units carry, in arms of unequal size: compared by a bootstrap of sums by bucket of units."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from steelyard.stats.bootstrap import BucketSums, bootstrap_t
from steelyard.studies.experiments.comparison import Comparison
from steelyard.studies.experiments.label import label
from steelyard.studies.experiments.population import ARM, STAGE, UNIT
from steelyard.warehouse.moments import moments
from steelyard.warehouse.query import Query

if TYPE_CHECKING:
    import pyarrow as pa

    from steelyard.studies.experiments.experiment import Experiment
    from steelyard.studies.experiments.questions import Asked

__all__ = ["BUCKETS", "bucket_sums", "buckets_query", "compare_by_bootstrap", "unequal"]

BUCKETS = "buckets"
PLACE, PLACES = "bootstrap_bucket", 512
UNEQUAL = 2.0
"""How many times the units of one arm the other has; nearer to each other, skewness cancels in the difference."""
REPLICATES, SEED = 2_000, 0


def unequal(study: Experiment, arm: str) -> bool:
    """Whether an arm and control were given so different shares that the skewness of a mean shows in its difference."""
    one, other = study.arms[arm], study.arms[study.control]
    return max(one, other) >= UNEQUAL * min(one, other)


def buckets_query(study: Experiment, asked: Asked, heavy: tuple[str, ...], shifts: Mapping[str, float]) -> Query | None:
    """Sums by arm and bucket of the metrics that a few units carry; None where none is compared by the bootstrap.

    Only where the design is read once: the bounds of early looks lie further out than draws reach. Units must have ids,
    by whose hash they fall into buckets.

    Args:
        study: The experiment.
        asked: Its unit table.
        heavy: Means of which the largest 0.1 % of units may hold a twentieth or more.
        shifts: Constants near the means.
    """
    log = [use for use in study.uses if use.relative_method in ("", "log")]
    plain = tuple(use.metric for use in log if use.metric in heavy and not use.covariates)
    wanted = any(unequal(study, arm) for arm in study.treated)
    if not plain or not wanted or study.schedule is not None or study.cluster or study.strata:
        return None
    if UNIT not in asked.people.has or STAGE in asked.people.has:
        return None
    place = f"CAST(bucket('{study.name}:bootstrap', units.{UNIT}) % {PLACES} AS INTEGER)"
    condition = f" WHERE {asked.where}" if asked.where else ""
    return moments(
        f"(SELECT units.*, {place} AS {PLACE} FROM {asked.relation} AS units{condition})",
        by=(ARM, PLACE),
        values=plain,
        shifts=shifts,
        parameters=asked.parameters,
    )


def bucket_sums(table: pa.Table | None) -> dict[tuple[str, str], BucketSums]:
    """Metric and arm -> its sums by bucket, of what `buckets_query` asked for; nothing where values are missing."""
    import numpy as np

    rows = [] if table is None else table.to_pylist()
    places = [key.removeprefix("value_") for key in (rows[0] if rows else ()) if key.startswith("value_")]
    found: dict[tuple[str, str], BucketSums] = {}
    for arm in dict.fromkeys(label(row[ARM]) for row in rows):
        own = [row for row in rows if label(row[ARM]) == arm]
        for i in places:
            if any(row[f"count_{i}"] != row["n"] for row in own):
                continue
            # A bucket without units was drawn as well, and is no row.
            columns = np.zeros((3, PLACES))
            for row in own:
                columns[:, row[PLACE]] = row["n"], row[f"sum_{i}"], row[f"cross_{i}_{i}"]
            if np.isfinite(columns).all():
                found[own[0][f"value_{i}"], arm] = BucketSums(
                    rows=columns[0], sums=columns[1], squares=columns[2], origin=float(own[0][f"shift_{i}"])
                )
    return found


def compare_by_bootstrap(treated: BucketSums, control: BucketSums, level: float) -> Comparison | None:
    """The metric's difference between two arms; None where an arm does not vary."""
    words: dict[str, Any] = {"replicates": REPLICATES, "seed": SEED}
    absolute = bootstrap_t(treated, control, level, **words)
    if absolute is None:
        return None
    return Comparison(
        absolute=absolute,
        relative=bootstrap_t(treated, control, level, scale="relative", **words),
        control_level=control.origin + float(control.sums.sum() / control.rows.sum()),
        method=f"bootstrap-t of {PLACES} buckets of units ({REPLICATES:,} draws, seed {SEED})",
    )
