"""What must hold before an effect is believed: one table of checks, each a function of what came back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from steelyard.result import Check
from steelyard.studies.experiments.balance import balance_before
from steelyard.studies.experiments.cluster_checks import (
    clusters_in_one_arm,
    clusters_in_one_stratum,
    clusters_in_strata,
    clusters_known,
    enough_clusters,
    whole_clusters,
)
from steelyard.studies.experiments.dilution import diluted
from steelyard.studies.experiments.evidence import Evidence
from steelyard.studies.experiments.measured import Found
from steelyard.studies.experiments.posteriors import posteriors_given
from steelyard.studies.experiments.segment_ratio import split_by_segment
from steelyard.studies.experiments.split_checks import (
    filled_arms,
    known_arms,
    one_arm_each,
    one_row_each,
    split_as_promised,
    triggered_alike,
)
from steelyard.studies.experiments.strata_checks import strata_compared
from steelyard.studies.experiments.time_checks import (
    exposed_after_assignment,
    read_at_its_end,
    start_known,
    steady_effect,
    units_apart,
    weekdays_covered,
    windows_closed,
)
from steelyard.studies.experiments.value_checks import (
    denominators_known,
    denominators_positive,
    enough_units,
    outliers,
    quantiles_bounded,
    relative_scale,
    shares_are_binary,
    values_present,
    values_vary,
    winsorised,
)

if TYPE_CHECKING:
    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["CHECKS", "checks_of"]

Row = tuple[str, str, Callable[["Experiment", Evidence], Found]]

CHECKS: tuple[Row, ...] = (
    ("sample_ratio", "blocking", split_as_promised),
    ("sample_ratio_by_segment", "blocking", split_by_segment),
    ("trigger_rate", "blocking", triggered_alike),
    ("dilution", "blocking", diluted),
    ("known_arms", "blocking", known_arms),
    ("filled_arms", "blocking", filled_arms),
    ("one_arm_each", "blocking", one_arm_each),
    ("one_row_each", "blocking", one_row_each),
    ("clusters_in_one_arm", "blocking", clusters_in_one_arm),
    ("clusters_in_one_stratum", "blocking", clusters_in_one_stratum),
    ("clusters_known", "blocking", clusters_known),
    ("values_present", "blocking", values_present),
    ("share_is_binary", "blocking", shares_are_binary),
    ("denominator_positive", "blocking", denominators_positive),
    ("denominator_known", "doubt", denominators_known),
    ("enough_units", "doubt", enough_units),
    ("enough_clusters", "doubt", enough_clusters),
    ("clusters_in_strata", "doubt", clusters_in_strata),
    ("whole_clusters", "doubt", whole_clusters),
    ("values_vary", "doubt", values_vary),
    ("relative_scale", "doubt", relative_scale),
    ("quantiles_bounded", "doubt", quantiles_bounded),
    ("outliers", "note", outliers),
    ("winsorised", "note", winsorised),
    ("exposed_after_assignment", "doubt", exposed_after_assignment),
    ("start_known", "doubt", start_known),
    ("windows_closed", "note", windows_closed),
    ("weekdays_covered", "note", weekdays_covered),
    ("read_at_its_end", "doubt", read_at_its_end),
    ("steady_effect", "doubt", steady_effect),
    ("balance_before", "doubt", balance_before),
    ("strata_compared", "note", strata_compared),
    ("posteriors_given", "note", posteriors_given),
    ("no_interference", "doubt", units_apart),
)
"""Name, severity (unless what was found has another), and the check; one that has nothing to ask yields nothing."""


def checks_of(study: Experiment, evidence: Evidence) -> tuple[Check, ...]:
    """Every check of the table that has something to ask."""
    return tuple(
        measured.check(name, severity) for name, severity, check in CHECKS for measured in check(study, evidence)
    )
