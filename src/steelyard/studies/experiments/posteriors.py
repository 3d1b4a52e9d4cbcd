"""What stated priors and the data say together: shown beside the rule, and deciding nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from steelyard.stats.beta_binomial import beta_binomial
from steelyard.stats.gaussian_posterior import gaussian_posterior
from steelyard.studies.experiments.columns import above
from steelyard.studies.experiments.measured import Found, Measured
from steelyard.studies.experiments.prior import Prior
from steelyard.studies.experiments.shares import is_binary

if TYPE_CHECKING:
    import pyarrow as pa

    from steelyard.studies.experiments.estimation import Line
    from steelyard.studies.experiments.evidence import Evidence
    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["posterior_table", "posteriors_given"]


def posterior_table(study: Experiment, evidence: Evidence, lines: Sequence[Line]) -> dict[str, pa.Table]:
    """Of each metric with a prior, by arm: the chance to beat control, and what choosing either would cost on average.

    Args:
        study: The experiment.
        evidence: What came back.
        lines: Every comparison; those of everybody are used.

    Assumes: The priors were written down before the data. Looking early does not change a posterior; it does change how
        often a rule that followed it would err, and none does.
    """
    import pyarrow as pa

    rows = [
        {"metric": line.use.metric, "contrast": f"{line.arm} - {study.control}", "prior": line.use.prior.says(), **row}
        for line in lines
        if line.segment == "all" and line.use.prior is not None
        for row in _rows(study, evidence, line, line.use.prior)
    ]
    if not rows:
        return {}
    text, number = pa.string(), pa.float64()
    kinds: dict[str, pa.DataType] = {"metric": text, "contrast": text, "prior": text, "of": text}
    kinds |= dict.fromkeys(("mean", "low", "high", "level", "chance_to_beat_control"), number)
    kinds |= dict.fromkeys(("expected_loss", "expected_loss_of_control"), number)
    return {"posteriors": pa.Table.from_pylist(rows, schema=pa.schema(kinds))}


def posteriors_given(study: Experiment, evidence: Evidence) -> Found:
    """Beta priors without a posterior: over stages whose splits differ, an arm has no one share of all its units."""
    names = [repr(use.metric) for use in study.uses if use.prior is not None and use.prior.shapes is not None]
    if names and evidence.splits:
        yield Measured(
            holds=None,
            says=f"No posterior of {', '.join(names)} is given: a beta prior is of one share in each arm, and stages "
            "of the ramp had splits of their own, which its counts over all stages would mix unevenly. A normal prior "
            "of the effect (`std_dev:`) has a posterior over such stages.",
        )


def _rows(study: Experiment, evidence: Evidence, line: Line, prior: Prior) -> Iterator[dict[str, Any]]:
    if prior.shapes is not None:
        yield from _of_shares(study, evidence, line, prior.shapes)
        return
    found = line.found.absolute if prior.scale == "absolute" else line.found.relative
    if found is None or not found.std_error > 0:
        return
    sign = -1 if line.use.better == "down" else 1
    made = gaussian_posterior(
        sign * found.value,
        found.std_error,
        prior_mean=sign * prior.mean,
        prior_std_dev=math.inf if prior.std_dev is None else prior.std_dev,
        level=study.level,
    )
    low, high = sorted((sign * made.low, sign * made.high))
    yield {
        "of": f"{prior.scale} effect",
        "mean": sign * made.mean,
        "low": low,
        "high": high,
        "level": made.level,
        "chance_to_beat_control": made.probability_better,
        "expected_loss": made.loss_if_shipped,
        "expected_loss_of_control": made.loss_if_kept,
    }


def _of_shares(
    study: Experiment, evidence: Evidence, line: Line, shapes: tuple[float, float]
) -> Iterator[dict[str, Any]]:
    """Both arms' shares; not over stages whose splits differ, where counts of all stages would mislead."""
    arms = [evidence.arms.get(arm) for arm in (study.control, line.arm)]
    column = above(line.use.metric)
    if evidence.splits or any(arm is None or not arm.rows or not is_binary(arm, column) for arm in arms):
        return
    counts = [(round(arm.mean(column) * arm.rows), arm.rows) for arm in arms if arm is not None]
    if line.use.better == "down":
        # Of those that do not have it, more is better; the beta law turns with it.
        counts, shapes = [(n - x, n) for x, n in counts], (shapes[1], shapes[0])
    control, treated = beta_binomial(counts, prior=shapes, level=study.level)
    ends = (treated.low, treated.high, treated.mean)
    low, high, mean = ends if line.use.better != "down" else (1 - ends[1], 1 - ends[0], 1 - ends[2])
    yield {
        "of": f"share of {line.arm!r}",
        "mean": mean,
        "low": low,
        "high": high,
        "level": study.level,
        "chance_to_beat_control": treated.probability_best,
        "expected_loss": treated.expected_loss,
        "expected_loss_of_control": control.expected_loss,
    }
