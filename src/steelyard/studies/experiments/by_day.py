"""The deciding metric's moments by the local day on which units came in, as SQL: of what its course is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from steelyard.studies.experiments.check_questions import day_of_entry
from steelyard.studies.experiments.columns import columns_in, pairs
from steelyard.studies.experiments.population import ARM, STAGE
from steelyard.studies.experiments.winsorising import capped
from steelyard.warehouse.moments import moments
from steelyard.warehouse.query import Query, quote_name

if TYPE_CHECKING:
    from steelyard.studies.experiments.experiment import Experiment
    from steelyard.studies.experiments.questions import Asked
    from steelyard.studies.study import Context

__all__ = ["DAY", "moments_by_day"]

DAY = "entered_on"


def moments_by_day(
    study: Experiment, context: Context, asked: Asked, shifts: Mapping[str, float], caps: Mapping[str, float]
) -> Query | None:
    """Moments of the first primary by arm, stage and day of entry; None where nothing says when units came in.

    Days multiply the cells of segments, and are wanted of one metric only: so they are a scan of their own.

    Args:
        study: The experiment.
        context: What it may know.
        asked: Its unit table.
        shifts: Constants near the means.
        caps: Where values are winsorised.
    """
    day = day_of_entry(study, context, asked.people)
    values = columns_in(study.main.metric, asked.values)
    if day is None or not values or study.cluster:
        return None
    kept = [ARM, *((STAGE,) if STAGE in asked.people.has else ())]
    condition = f" WHERE {asked.where}" if asked.where else ""
    listed = ", ".join([*kept, f"{day} AS {DAY}", *(quote_name(name) for name in values)])
    relation, _, bound = capped(
        f"(SELECT {listed} FROM {asked.relation} AS units{condition})", (*kept, DAY), values, None,
        {name: cap for name, cap in caps.items() if name in values},
    )  # fmt: skip
    found = moments(
        relation,
        by=(*kept, DAY),
        values=values,
        products=[pair for pair in pairs(study, asked.values) if set(pair) <= set(values)],
        shifts=shifts,
        where=f"{DAY} IS NOT NULL",
        parameters={**asked.parameters, **bound},
    )
    return replace(found, says="moments of the primary by the day on which units came in")
