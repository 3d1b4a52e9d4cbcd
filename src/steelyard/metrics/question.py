"""What is asked of the metrics: names, groups, a condition, a range of local dates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from steelyard.errors import DefinitionError
from steelyard.metrics.graph import GRAINS

__all__ = ["Question", "ask"]

MOST_TOP = 1_000_000
"""Values that stand apart; who wants more wants all."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked.

    Args:
        metrics: Names, in the order of the answer's columns.
        grain: One of hour, day, week, month, quarter, year; None for the whole range.
        by: Dimensions, in the order of the answer's columns.
        where: A condition on dimensions; None for none.
        since: First local date; None from the start.
        until: Last local date, included; None to the end.
        limit: The most rows; None for all.
        fill: Whether periods without rows become rows.
        having: A condition on the metrics that are asked for, after aggregation; None for none.
        top: Dimension -> how many of its values stand apart, by the first metric; the rest is `(other)`.
        context: A condition on dimensions that fixed totals and shares obey too; None for none.
        complete_through: The last day that is known completely, where the asker knows better than the tables.
    """

    metrics: tuple[str, ...]
    grain: str | None = None
    by: tuple[str, ...] = ()
    where: str | None = None
    since: date | None = None
    until: date | None = None
    limit: int | None = None
    fill: bool = True
    having: str | None = None
    top: Mapping[str, int] = field(default_factory=dict)
    context: str | None = None
    complete_through: date | None = None

    @property
    def timed(self) -> bool:
        """Whether it is about time."""
        return self.grain is not None or self.since is not None or self.until is not None


def ask(
    metrics: str | Sequence[str],
    *,
    by: str | Sequence[str] = (),
    where: str | None = None,
    since: str | date | None = None,
    until: str | date | None = None,
    limit: int | None = None,
    fill: bool = True,
    having: str | None = None,
    top: int | Mapping[str, int] | None = None,
    context: str | None = None,
    complete_through: str | date | None = None,
) -> Question:
    """The question, checked for what can be checked without a catalog.

    Raises:
        DefinitionError: It asks for nothing, by two grains, twice by one dimension, for dates that cannot be, or for
            the top of what it does not group by.
    """
    names = _tuple(metrics)
    groups = _tuple(by)
    grains = [item for item in groups if item in GRAINS]
    if not names:
        raise DefinitionError("no metric is asked for", hint="name at least one")
    for kind, items in (("metric", names), ("dimension", groups)):
        if not all(item.strip() for item in items):
            raise DefinitionError(f"a {kind} without a name is asked for", hint="name it, or leave it away")
        twice = sorted({item for item in items if items.count(item) > 1})
        if twice:
            raise DefinitionError(f"the {kind} {twice[0]!r} is asked for twice")
    if len(grains) > 1:
        raise DefinitionError(f"{' and '.join(grains)} are asked for at once", hint="one grain of time a question")
    first, last = as_date(since, "since"), as_date(until, "until")
    if first is not None and last is not None and last < first:
        raise DefinitionError(
            f"the range ends on {last} before it begins on {first}", hint="give the earlier date first"
        )
    if limit is not None and (isinstance(limit, bool) or limit < 1):
        raise DefinitionError(f"limit = {limit} leaves no rows", hint="give 1 or more, or none")
    dimensions = tuple(item for item in groups if item not in GRAINS)
    return Question(
        metrics=names,
        grain=grains[0] if grains else None,
        by=dimensions,
        where=_text(where),
        since=first,
        until=last,
        limit=limit,
        fill=fill,
        having=_text(having),
        top=_top(top, dimensions),
        context=_text(context),
        complete_through=as_date(complete_through, "complete_through"),
    )


def _text(condition: str | None) -> str | None:
    return condition if condition is not None and condition.strip() else None


def _top(top: int | Mapping[str, int] | None, dimensions: tuple[str, ...]) -> dict[str, int]:
    if top is None:
        return {}
    if isinstance(top, int):
        if len(dimensions) != 1:
            said = f"top = {top} says of no one dimension"
            raise DefinitionError(said, hint="name it, such as top={'country': 5}, and group by it")
        top = {dimensions[0]: top}
    for name, most in top.items():
        if name not in dimensions:
            raise DefinitionError(
                f"the top of {name!r} is asked for, and the question is not by it", hint="group by it"
            )
        if isinstance(most, bool) or not isinstance(most, int) or most < 1:
            raise DefinitionError(f"the top {most} of {name!r} leaves no rows", hint="give 1 or more")
        if most > MOST_TOP:
            raise DefinitionError(f"the top {most} of {name!r} is more than can be", hint=f"1 to {MOST_TOP:,}")
    return dict(top)


def as_date(value: str | date | None, name: str) -> date | None:
    """A local date, from a date or its ISO text.

    Raises:
        DefinitionError: It is neither.
    """
    if value is None:
        return None
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise DefinitionError(f"{name} = {value!r} is not a date", hint="write it as 2026-01-31") from None


def _tuple(items: str | Sequence[str]) -> tuple[str, ...]:
    return (items,) if isinstance(items, str) else tuple(items)
