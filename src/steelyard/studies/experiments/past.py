"""The study as it would have been before it began: the same units, metrics and windows, a few weeks earlier."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from steelyard.errors import DefinitionError
from steelyard.studies.experiments.governed import window_of
from steelyard.studies.experiments.population import EXPOSED_AT, UNIT, population
from steelyard.studies.experiments.questions import Asked
from steelyard.studies.experiments.sources import Holdout
from steelyard.studies.experiments.unit_source import source_of
from steelyard.studies.study import Context
from steelyard.warehouse.query import Query, quote_text

if TYPE_CHECKING:
    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["Past", "entries_by_day", "past_of", "rows_as_past"]

DAYS = 28
WEEK = 7


@dataclass(frozen=True, kw_only=True)
class Past:
    """The study as it would have been before it began.

    Args:
        study: The study with an earlier `between`, every unit enrolled.
        context: What it may know: nothing from its real start on.
        asked: Its unit table.
        window: Days that its longest window lasts after a unit has come in.
    """

    study: Experiment
    context: Context
    asked: Asked
    window: int


def past_of(study: Experiment, context: Context, *, exposed: bool = True) -> Past | None:
    """The study before it began; None where nothing says when that was, or its table has no time at all.

    Args:
        study: The experiment.
        context: What it may know.
        exposed: Whether units come in by the study's exposure, where it has one; else all units take part.

    With an exposure, units come in during the four whole weeks (or the weeks of `between`) before the start that leave
    their windows time to close, so that weekdays fall as they will. Without one, metrics count just before the start,
    for as long as they will.
    """
    if study.table or context.metrics is None:
        return None
    start = _start(study, context)
    if start is None:
        return None
    window = _window(study, context)
    length = (study.between[1] - study.between[0]).days + 1 if study.between else DAYS
    if not exposed:
        study = replace(study, exposure=None)
    if study.exposure is not None:
        length = -(-length // WEEK) * WEEK
        first = start - timedelta(days=-(-(length + window) // WEEK) * WEEK)
    else:
        length = window or length
        first = start - timedelta(days=length)
    return _as_of(study, context, (first, first + timedelta(days=length - 1)), start, window)


def _as_of(study: Experiment, context: Context, between: tuple[date, date], start: date, window: int) -> Past:
    earlier = replace(_of_everybody(study), between=between)
    clock = datetime.combine(start, time(), ZoneInfo(context.zone)).astimezone(UTC)
    known = replace(context, as_of=clock, stages=(), earlier=(), history={})
    return Past(study=earlier, context=known, asked=Asked(earlier, known), window=window)


def _of_everybody(study: Experiment) -> Experiment:
    """The study with nobody kept out: who would have been does not matter where nothing is changed."""
    return replace(study, assignment="steelyard", ramp=(), layer="", holdout=Holdout(), segments=(), strata=())


def _start(study: Experiment, context: Context) -> date | None:
    """The local day on which the study begins: as it or its first stage says; else today, if it has no result yet."""
    if study.between is not None:
        return study.between[0]
    zone = ZoneInfo(context.zone)
    begun = [datetime.fromisoformat(str(row["since"])) for row in context.stages if row.get("since")]
    if begun:
        return min(begun).astimezone(zone).date()
    if context.stages or context.earlier:
        return None
    return context.as_of.astimezone(zone).date()


def _window(study: Experiment, context: Context) -> int:
    lengths = [window_of(use, context.metrics, governed=True) for use in study.uses]
    return max((math.ceil(length / timedelta(days=1)) for length in lengths if length is not None), default=0)


def rows_as_past(study: Experiment, context: Context) -> Past:
    """A unit table as it stands, its rows taken for the past: which arm they were in is not read.

    Raises:
        DefinitionError: Its rows have no id to split them by.
    """
    earlier = replace(_of_everybody(study), exposure=None, between=None)
    if not source_of(earlier, context).randomised:
        raise DefinitionError(
            f"the rows of {study.name!r} have no id to split them by", where=f"{study.name}.unit", hint="say `unit:`"
        )
    known = replace(context, stages=(), earlier=(), history={})
    return Past(study=earlier, context=known, asked=Asked(earlier, known), window=0)


def entries_by_day(past: Past) -> Query | None:
    """Units by the local day on which they came in for the first time; None where nothing says when."""
    people = population(past.study, past.context)
    if EXPOSED_AT not in people.has or UNIT not in people.has:
        return None
    bound = {name: value for name, value in people.parameters.items() if name != "closed_until"}
    day = f"local_date({EXPOSED_AT}, {quote_text(past.context.zone)})"
    return Query(
        sql=f"SELECT day, count(*) AS n\nFROM (SELECT {day} AS day FROM {people.relation} AS units) AS entries\n"
        "GROUP BY day\nORDER BY day",
        parameters=bound,
        says="units that came in before the study, by day",
    )
