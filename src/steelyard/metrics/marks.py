"""What is counted of a fact's rows beside its measures, as conditions on a row."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from steelyard.metrics.aggregate import Aggregate
    from steelyard.metrics.facts import Fact

__all__ = ["row_marks"]


def row_marks(fact: Fact, known: Collection[str] = ()) -> dict[str, str]:
    """Name -> the condition that a row is unconverted, stale, immature or of no entity.

    Args:
        fact: The fact, with its measures.
        known: Conditions that hold for every row already.
    """
    found: dict[str, str] = {}
    for number, aggregate in enumerate(_converted(fact)):
        made, money = fact.exchange(aggregate), fact.value(replace(aggregate, convert=None))
        own = [text for text in fact.row_conditions(aggregate) if text not in known]
        own.append(f"{money} IS NOT NULL")
        found[f"{fact.name}_unconverted_{number}"] = " AND ".join([*own, made.missing])
        found[f"{fact.name}_stale_{number}"] = " AND ".join([*own, made.stale])
    for number, aggregate in enumerate(_once(fact)):
        assert aggregate.mature is not None  # noqa: S101 - chosen so
        own = [text for text in fact.row_conditions(aggregate) if text not in known]
        mature = fact.mature(aggregate.mature)
        found[f"{fact.name}_immature_{number}"] = " AND ".join([*own, f"NOT {mature}"])
        if aggregate.followed is not None:
            nobody = f"{fact.units[aggregate.identity]} IS NULL"
            found[f"{fact.name}_of_nobody_{number}"] = " AND ".join([*own, mature, nobody])
    return found


def _converted(fact: Fact) -> list[Aggregate]:
    """The measures of converted money, one of those that are of the same money."""
    return list(
        {
            (item.convert, item.expression, item.where, item.exclude): item
            for item in fact.aggregates.values()
            if item.convert is not None
        }.values()
    )


def _once(fact: Fact) -> list[Aggregate]:
    """The measures whose rows must be mature, one of those that have the same rows."""
    found = {
        (item.mature, item.where, item.exclude, item.followed and item.followed.entity): item
        for item in fact.aggregates.values()
        if item.mature is not None
    }
    return [item for item in found.values() if item.followed is not None]
