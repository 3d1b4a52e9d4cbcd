"""Questions that would add up what does not add up: refused, with the nearest that has an answer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from sqlglot import exp

from steelyard.errors import DefinitionError, SteelyardError
from steelyard.metrics.aggregate import Aggregate
from steelyard.metrics.calendar import next_period, period_start
from steelyard.metrics.expression import parse_expression
from steelyard.metrics.facts import Fact
from steelyard.metrics.formula import Leaf
from steelyard.metrics.question import Question

__all__ = ["refuse_hours", "refuse_sums"]

COARSER = {
    "day": ("day", "week", "month", "quarter", "year"),
    "week": ("week",),
    "month": ("month", "quarter", "year"),
    "quarter": ("quarter", "year"),
    "year": ("year",),
}
"""Grain of a table of targets -> the grains that its periods fill exactly."""


def refuse_sums(fact: Fact, aggregate: Aggregate, question: Question, name: str) -> None:
    """Refuses what would add up over a dimension that the metric does not add up over, or split a target.

    Args:
        fact: The fact, grouped and narrowed.
        aggregate: What is aggregated.
        question: What is asked.
        name: The metric, for the error.

    Raises:
        DefinitionError: It would; the error names the nearest right question.
    """
    if aggregate.grain:
        starts = fact.week_start or fact.catalog.week_start, fact.catalog.year_start
        _refuse_split(aggregate.grain, question, name, *starts)
    for over in aggregate.not_additive_over:
        if over == "time":
            _refuse_over_time(question, name, aggregate.place)
        else:
            _refuse_over(fact, over, question, name, aggregate.place)


def refuse_hours(name: str, leaf: Leaf, question: Question) -> None:
    """Refuses a window or a level by hour: both are of days.

    Raises:
        DefinitionError: The question is by hour, and the leaf is of days.
    """
    if question.grain == "hour" and (leaf.window or leaf.balance):
        what = "a level of a day" if leaf.balance else "counted over whole days"
        raise DefinitionError(
            f"{name!r} is {what}, and the question is by hour",
            where="by",
            hint="ask by day, or a coarser grain; or by hour for the metric that it is made of",
        )


def _refuse_split(grain: str, question: Question, name: str, week_start: str, year_start: int) -> None:
    fitting = COARSER[grain]
    if question.grain is not None and question.grain not in fitting:
        raise DefinitionError(
            f"{name!r} is a target of a {grain}, and the question is by {question.grain}: "
            f"a finer target would be invented",
            where="by",
            hint=f"ask by {' or '.join(fitting)}",
        )
    for day, what in ((question.since, "since"), (question.until and question.until + timedelta(days=1), "until")):
        if day is not None and period_start(day, grain, week_start, year_start) != day:
            start = period_start(day, grain, week_start, year_start)
            whole = start if what == "since" else next_period(start, grain) - timedelta(days=1)
            raise DefinitionError(
                f"the range cuts a {grain} of {name!r}, which is a target of a whole {grain}",
                where=what,
                hint=f"ask for whole periods: {what} {whole}",
            )


def _refuse_over_time(question: Question, name: str, where: str) -> None:
    one_day = question.since is not None and question.since == question.until
    if question.grain != "day" and not one_day:
        raise DefinitionError(
            f"{name!r} does not add up over time, and the question adds up {_span(question.since, question.until)}",
            where=where,
            hint="ask by day, or for one day; a `balance:` says by which policy a level stands for a period",
        )


def _span(since: date | None, until: date | None) -> str:
    return f"the days from {since or 'the first'} to {until or 'the last'}"


def _refuse_over(fact: Fact, over: str, question: Question, name: str, where: str) -> None:
    wanted = str(fact.dimension(over, where))
    if wanted in {str(place) for place in fact.dimensions.values()}:
        if wanted in {str(fact.dimension(item)) for item in question.top}:
            raise DefinitionError(
                f"{name!r} does not add up over {over!r}, and (other) would add up all but the top",
                where=where,
                hint=f"ask by {over} without `top`, and with `limit` for the largest",
            )
        return
    for condition in (question.where, question.context):
        if condition is not None and wanted in set(_pinned(fact, condition)):
            return
    raise DefinitionError(
        f"{name!r} does not add up over {over!r}, and the question adds up all of them",
        where=where,
        hint=f"ask by {over} too, or for one value of it: where {over} = ...",
    )


def _pinned(fact: Fact, condition: str) -> Iterator[str]:
    """The dimensions that a condition keeps to one value."""
    waiting = [parse_expression(condition)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, exp.And):
            waiting += [node.this, node.expression]
        elif isinstance(node, exp.Paren):
            waiting.append(node.this)
        elif (
            isinstance(node, exp.EQ) and isinstance(node.this, exp.Column) and isinstance(node.expression, exp.Literal)
        ):
            name = f"{node.this.table}.{node.this.name}" if node.this.table else node.this.name
            try:
                yield str(fact.dimension(name))
            except SteelyardError:  # a column that is no dimension pins none; `where` itself says what is wrong
                continue
