"""What an experiment names and its tables do not have: each by itself, before anything is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from steelyard.errors import SteelyardError
from steelyard.studies.experiments.columns import column_sql, columns_wanted
from steelyard.studies.experiments.enrolment import as_if_begun
from steelyard.studies.experiments.governed import BEGINS_AT, unit_values
from steelyard.studies.experiments.metric_use import MetricUse
from steelyard.studies.experiments.population import ASSIGNED_AT, EXPOSED_AT, population_misfits
from steelyard.studies.experiments.questions import first_questions
from steelyard.studies.experiments.row_quantiles import share_of_rows
from steelyard.studies.experiments.sources import Assignment
from steelyard.studies.experiments.unit_source import source_of
from steelyard.studies.study import Context

if TYPE_CHECKING:
    from steelyard.metrics import MetricCatalog, UnitMetric
    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["misfits_of"]


def misfits_of(study: Experiment, context: Context) -> Iterator[SteelyardError]:
    """Each thing that the study names and the tables of `context` do not have, or have of no use.

    Where nothing of that kind is found, what else keeps its SQL from being written.

    Args:
        study: The experiment.
        context: What it may know; a ramp is taken as begun.
    """
    begun = as_if_begun(study, context)
    found = False
    for error in _apart(study, begun):
        found = True
        yield error
    if not found:
        yield from _refused(partial(first_questions, study, begun))


def _apart(study: Experiment, context: Context) -> Iterator[SteelyardError]:
    yield from population_misfits(study, context)
    try:
        source = source_of(study, context)
    except SteelyardError:  # said already
        return
    for use in study.uses:
        if source.governed and context.metrics is not None:
            yield from _of_governed(study, use, context, context.metrics)
        else:
            for alias, column in columns_wanted(use).items():
                yield from _refused(partial(column_sql, study, use, alias, column, source.columns, source.table))


def _refused(step: Callable[[], object]) -> Iterator[SteelyardError]:
    try:
        step()
    except SteelyardError as error:
        yield error


def _of_governed(
    study: Experiment, use: MetricUse, context: Context, catalog: MetricCatalog
) -> Iterator[SteelyardError]:
    try:
        of_rows = share_of_rows(use, catalog) is not None
    except SteelyardError as error:
        yield error
        return
    for made in unit_values(use, catalog, _start(study)) if not of_rows else ():
        yield from _refused(partial(_written, study, made, context, catalog))


def _written(
    study: Experiment, made: Callable[[], dict[str, UnitMetric]], context: Context, catalog: MetricCatalog
) -> str:
    from steelyard.metrics import unit_table

    units = "SELECT 1 AS unit"
    return unit_table(catalog, entity=study.unit, units=units, values=made(), types=context.tables, unit="unit")


def _start(study: Experiment) -> str:
    """The column with a unit's start as it will be once what is written of exposures and assignments is right."""
    if study.exposure is not None:
        return EXPOSED_AT
    dated = not isinstance(study.assignment, Assignment) or bool(study.assignment.at)
    return ASSIGNED_AT if dated else BEGINS_AT if study.between is not None else ""
