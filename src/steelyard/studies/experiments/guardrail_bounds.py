"""Guardrails under bounds that hold whenever they are looked at, for the gates of a ramp."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from steelyard.studies.experiments.evidence import Evidence
from steelyard.studies.experiments.exact_look import at_any_look, bounded
from steelyard.studies.experiments.look_bounds import LookBounds
from steelyard.studies.experiments.stage_information import known_units

if TYPE_CHECKING:
    import pyarrow as pa

    from steelyard.studies.experiments.estimation import Line
    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["GUARDRAILS", "TUNED_FOR", "guardrail_table"]

GUARDRAILS = "guardrails"
TUNED_FOR = 5_000
"""Units at which the bounds are narrowest where nobody planned a number: it must not depend on what came."""


def guardrail_table(study: Experiment, evidence: Evidence, lines: Sequence[Line]) -> dict[str, pa.Table]:
    """Each guardrail in each arm on the scale of its margin, with always-valid bounds; nothing without guardrails.

    `limit` is the effect at which the margin is used up: below zero where more is better.

    A ramp is looked at before each of its stages, whatever `looks` says of the verdict: harm is told there by these.

    Args:
        study: The experiment.
        evidence: What came back.
        lines: Every comparison; guardrails of everybody are used.
    """
    import pyarrow as pa

    rows = [
        row for line in lines if line.role == "guardrail" and line.segment == "all"
        for row in _rows(study, evidence, line)
    ]  # fmt: skip
    if not rows:
        return {}
    kinds: dict[str, pa.DataType] = dict.fromkeys(("metric", "contrast", "scale"), pa.string())
    kinds |= dict.fromkeys(("value", "low", "high", "level", "margin", "limit"), pa.float64())
    kinds["harmed"] = pa.bool_()
    return {GUARDRAILS: pa.Table.from_pylist(rows, schema=pa.schema(kinds))}


def _rows(study: Experiment, evidence: Evidence, line: Line) -> Iterator[dict[str, Any]]:
    margin = line.use.margin
    if margin is None:
        return
    sign = -1 if line.use.better == "down" else 1
    planned = evidence.looks.planned_units if evidence.looks else TUNED_FOR
    known = max(known_units(study, evidence, line.arm), 1.0)
    bounds = LookBounds.of(at_any_look(study), (known / planned,), line.level, last=False, over=False)
    made = bounded(bounds, line.made, line.shares, line.level, sign, tested=False)
    found = made.absolute if margin.scale == "absolute" else made.relative
    row: dict[str, Any] = {"metric": line.use.metric, "contrast": f"{line.arm} - {study.control}"}
    row |= {"scale": margin.scale, "margin": margin.size, "limit": -sign * margin.size}
    row["level"] = line.level
    if found is not None:
        low, high = (end if math.isfinite(end) else None for end in (found.low, found.high))
        best = sign * (found.high if sign > 0 else found.low)
        row |= {"value": found.value, "low": low, "high": high, "harmed": best < -margin.size}
    yield row
