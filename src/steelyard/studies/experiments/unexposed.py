"""What is asked of units that were assigned and not exposed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

from steelyard.studies.experiments.columns import above, below
from steelyard.studies.experiments.population import ARM, STAGE, UNIT, population
from steelyard.studies.experiments.unit_source import source_of
from steelyard.studies.study import Context
from steelyard.warehouse.moments import moments
from steelyard.warehouse.query import Query

if TYPE_CHECKING:
    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["UNEXPOSED", "unexposed_query"]

UNEXPOSED = "unexposed"


def unexposed_query(study: Experiment, context: Context, shifts: Mapping[str, float]) -> Query | None:
    """Moments of the first primary over assigned units that were not exposed; None where they have no value of it.

    Of a unit table only: a governed metric counts from an exposure on, and these units have none.

    Args:
        study: The experiment.
        context: What it may know.
        shifts: Constants near the means.
    """
    use = study.main
    plain = use.kind != "quantile" and use.winsorise is None and not study.cluster
    if study.exposure is None or not plain or source_of(study, context).governed:
        return None
    people = population(replace(study, segments=(), strata=()), context, exposed=False)
    if UNIT not in people.has or STAGE in people.has:
        return None
    values = tuple(name for name in (above(use.metric), below(use.metric)) if name in people.metrics)
    return moments(
        people.relation,
        by=[ARM],
        values=values,
        products=tuple(combinations(values, 2)),
        shifts={name: shift for name, shift in shifts.items() if name in values},
        where=people.analysed or None,
        parameters=people.parameters,
    )
