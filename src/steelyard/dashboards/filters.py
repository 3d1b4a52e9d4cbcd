"""What a reader narrows a whole page to: a range of dates, a period, one value each of some dimensions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from steelyard.dashboards.dashboard import Grain
from steelyard.errors import DefinitionError, unknown_name
from steelyard.metrics.expression import UNKNOWN

__all__ = ["Filters", "said"]


@dataclass(frozen=True, kw_only=True)
class Filters:
    """What every block of a page is narrowed to.

    Args:
        grain: The period; empty takes the dashboard's.
        since: First local date; None takes the dashboard's.
        until: Last local date; None takes the dashboard's.
        only: Dimension -> the value, as text, that is kept; `(unknown)` keeps the rows that have none.

    Raises:
        DefinitionError: It ends before it begins.
    """

    grain: Grain | None = None
    since: date | None = None
    until: date | None = None
    only: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "only", {name: value for name, value in self.only.items() if value})
        if self.since and self.until and self.since > self.until:
            raise DefinitionError(
                f"the range ends on {self.until} before it begins on {self.since}",
                where="?until",
                hint="give the earlier date as since",
            )

    def condition(self, known: Mapping[str, Sequence[Any]]) -> str:
        """The condition on dimensions; empty where nothing is narrowed.

        Args:
            known: Dimension -> the values that it has.

        Raises:
            UnknownNameError: A dimension or a value is not among them.

        >>> Filters(only={"country": "NO", "shop": "7"}).condition({"country": ["DE", "NO"], "shop": [7, 8]})
        "country = 'NO' AND shop = 7"
        """
        parts = []
        for name, value in self.only.items():
            if name not in known:
                raise unknown_name("filter", name, known, where=f"?{name}")
            values = {said(item): item for item in known[name]}
            if value not in values:
                raise unknown_name(f"value of {name!r}", value, values, where=f"?{name}")
            parts.append(f"{name} IS NULL" if values[value] is None else f"{name} = {_literal(values[value])}")
        return " AND ".join(parts)


def said(value: Any) -> str:
    """A value as an address and a form say it."""
    return UNKNOWN if value is None else "true" if value is True else "false" if value is False else str(value)


def _literal(value: Any) -> str:
    if isinstance(value, bool | int | float | Decimal):
        return said(value)
    return "'" + said(value).replace("'", "''") + "'"
