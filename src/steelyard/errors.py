"""What can go wrong, worded once: the problem, where it is, and a hint."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = [
    "CancelledError",
    "DataError",
    "DefinitionError",
    "LockedError",
    "MissingExtraError",
    "PolicyError",
    "SteelyardError",
    "TimeLimitError",
    "UnknownNameError",
    "WarehouseError",
    "unknown_name",
]


class SteelyardError(Exception):
    """Everything that Steelyard raises on purpose: what is wrong, where, and what to do.

    Args:
        problem: One sentence that quotes the value and the name.
        where: The file and line, the study, the table or the command; empty where there is none.
        hint: What to do about it; empty where nothing can be said.

    >>> print(SteelyardError("no table 'order'", where="metrics/shop.yml:3", hint="did you mean 'orders'?"))
    problem: no table 'order'
    where:   metrics/shop.yml:3
    hint:    did you mean 'orders'?
    """

    exit_code = 3

    def __init__(self, problem: str, *, where: str = "", hint: str = "") -> None:
        self.problem, self.where, self.hint = problem, where, hint
        super().__init__(problem)

    def __str__(self) -> str:
        parts = (("problem", self.problem), ("where", self.where), ("hint", self.hint))
        return "\n".join(f"{label + ':':<9}{text}" for label, text in parts if text)

    def to_dict(self) -> dict[str, str]:
        """The error in its one JSON shape.

        >>> DataError("a NaN in 'spend'", where="orders").to_dict()
        {'error': 'DataError', 'problem': "a NaN in 'spend'", 'where': 'orders', 'hint': ''}
        """
        return {"error": type(self).__name__, "problem": self.problem, "where": self.where, "hint": self.hint}

    def at(self, where: str) -> SteelyardError:
        """The same error, placed; a place that is already known is kept."""
        self.where = self.where or where
        return self


class DefinitionError(SteelyardError, ValueError):
    """A definition (project, source, table, metric, study, call) says something that cannot be."""

    exit_code = 2


class UnknownNameError(DefinitionError, KeyError):
    """A name that nothing carries."""

    __str__ = SteelyardError.__str__


class PolicyError(DefinitionError):
    """A definition asks for what the project's own policy forbids."""


class DataError(SteelyardError, ValueError):
    """The data is not what its definition says."""


class WarehouseError(SteelyardError, RuntimeError):
    """The warehouse refused or failed."""


class LockedError(WarehouseError):
    """Another process holds the warehouse."""


class NoVersionError(WarehouseError):
    """The version of the data that is asked for does not remain, or never was."""


class TimeLimitError(WarehouseError, TimeoutError):
    """A query took longer than it was given."""


class CancelledError(WarehouseError):
    """Somebody cancelled the query."""


class MissingExtraError(SteelyardError, ImportError):
    """An optional dependency is not installed."""

    exit_code = 2


def unknown_name(kind: str, name: str, known: Iterable[str], *, where: str = "") -> UnknownNameError:
    """An `UnknownNameError` that names the nearest known names.

    Args:
        kind: What the name should have been, in the singular: "metric", "table".
        name: What was asked for.
        known: Every name that would have been right.
        where: Where it was asked.

    >>> unknown_name("metric", "revenu", ["revenue", "visits"]).hint
    "did you mean 'revenue'?"
    """
    names = sorted(set(known))
    close = get_close_matches(name, names, n=3, cutoff=0.6)
    if close:
        hint = f"did you mean {' or '.join(repr(item) for item in close)}?"
    elif names:
        more = f" and {len(names) - 12} more" if len(names) > 12 else ""
        hint = f"known: {', '.join(names[:12])}{more}"
    else:
        hint = f"there is no {kind} yet"
    return UnknownNameError(f"no {kind} named {name!r}", where=where, hint=hint)
