"""Finds the one estimate that a person asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from steelyard.errors import DefinitionError, UnknownNameError, unknown_name
from steelyard.result.estimate import ESTIMATE_COLUMNS, Estimate

__all__ = ["one_estimate"]


def one_estimate(estimates: Sequence[Estimate], where: Mapping[str, Any]) -> Estimate:
    """The one estimate whose columns equal `where`.

    Raises:
        UnknownNameError: A column is unknown, or no estimate matches.
        DefinitionError: Several estimates match.
    """
    for column in where:
        if column not in ESTIMATE_COLUMNS:
            raise unknown_name("estimate column", column, ESTIMATE_COLUMNS)
    found = [row for row in estimates if all(getattr(row, column) == value for column, value in where.items())]
    if len(found) == 1:
        return found[0]
    asked = ", ".join(f"{column}={value!r}" for column, value in where.items())
    if not found:
        have = sorted({f"metric={row.metric!r}, contrast={row.contrast!r}, scale={row.scale!r}" for row in estimates})
        raise UnknownNameError(f"no estimate with {asked}", hint=f"there is: {'; '.join(have[:6]) or 'none at all'}")
    differing = [name for name in ESTIMATE_COLUMNS if len({getattr(row, name) for row in found}) > 1]
    raise DefinitionError(f"{len(found)} estimates with {asked}", hint=f"say also one of: {', '.join(differing[:6])}")
