"""What the exports of other systems call the unit, the arm and the moment of an exposure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["EXPORTS", "Export"]


@dataclass(frozen=True, kw_only=True)
class Export:
    """The table of exposures that a system writes, one row an exposure.

    Args:
        table: Its name, where nobody gave it another.
        unit: Column of the unit's id.
        arm: Column of the arm.
        at: Column of the moment.
        experiment: Column that names the experiment.
        only: Which of its rows are exposures, in SQL; empty is all.
        where: Which of them count, where the study does not say; empty is all.
    """

    table: str
    unit: str
    arm: str
    at: str
    experiment: str
    only: str = ""
    where: str = ""


EXPORTS: Mapping[str, Export] = MappingProxyType(
    {
        "growthbook": Export(
            table="experiment_viewed", unit="user_id", arm="variation_id", at="timestamp", experiment="experiment_id"
        ),
        "launchdarkly": Export(
            table="evaluation_events",
            unit="context_key",
            arm="variation_value",
            at="received_time",
            experiment="flag_key",
            only="experiment_iteration_id IS NOT NULL",
            where="context_kind = 'user'",
        ),
        "statsig": Export(
            table="first_exposures", unit="unit_id", arm="experiment_group", at="first_exposure_utc", experiment="name"
        ),
    }
)
"""System -> its export.

Source: GrowthBook, the columns of an experiment assignment query (docs.growthbook.io/app/datasources); LaunchDarkly,
Warehouse Data Export schema reference, evaluation events: one row for each context of an evaluation, with an
`experiment_iteration_id` where it is an exposure (launchdarkly.com/docs/integrations/data-export); Statsig, Daily
reports, `type = first_exposures` (docs.statsig.com/console-api/daily-reports).
"""
