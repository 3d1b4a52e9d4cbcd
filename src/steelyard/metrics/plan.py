"""What will be run for a question, and the order of its operations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from steelyard.metrics.claims import Claim
from steelyard.metrics.question import Question
from steelyard.warehouse import Query

__all__ = ["ORDER", "Plan"]

ORDER = (
    "rules of key, time and duplicates: keys are proved, and facts join only to the one row that they refer to",
    "attributes with a history are those of the fact's time",
    "rows are kept by the metric's own conditions (an exclusion keeps what is unknown), the question's and the dates",
    "fixed totals, which ignore the question's conditions but for its context",
    "each fact is aggregated at its own grain, and facts meet after that",
    "missing periods become rows",
    "windows, which look back beyond the dates",
    "the top values, and (other), from rows",
    "ratios and arithmetic; a zero denominator gives NULL",
    "conditions on metrics",
    "shares, of totals that neither those conditions nor the limit change",
    "order, and the limit",
)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What will be run for a question.

    Args:
        question: What was asked.
        query: The one SELECT.
        columns: Output column -> the dimension as asked; `period` -> the grain.
        tables: The tables that are read.
        own_keys: What the facts say of their own keys: where it is false, a thing may count twice.
        claims: What must be true of them for the answer to be right.
        joined: Fact by fact, what is joined: its name in the SELECT -> its table.
        several: The facts of which a row may count in several groups.
        overlaps: Fact by fact, output column -> why its groups have rows in common.
        facts: Name of a fact's step -> its table.
        counted: Output columns beside the answer: rows read and references found.
        repeated: Those among them that are the same in every row.
        sizes: Output columns that say of how many units each aggregate is, where groups may be too small to be told.
        places: Output column -> where each fact takes it from.
        non_additive: Metric -> the columns over which its values do not add up to the whole.
        says: What a reader must know of how it was planned.
        periods: The periods of the answer; None where it has no grain or is not filled.
    """

    question: Question
    query: Query
    columns: Mapping[str, str]
    tables: tuple[str, ...]
    own_keys: tuple[Claim, ...]
    claims: tuple[Claim, ...]
    joined: Mapping[str, Mapping[str, str]]
    several: frozenset[str]
    overlaps: Mapping[str, Mapping[str, str]]
    facts: Mapping[str, str]
    counted: tuple[str, ...]
    places: Mapping[str, Mapping[str, str]]
    sizes: tuple[str, ...] = ()
    repeated: frozenset[str] = frozenset()
    non_additive: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    says: tuple[str, ...] = ()
    periods: tuple[date, ...] | None = None
