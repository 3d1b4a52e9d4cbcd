"""A result as plain values, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from steelyard.canonical import plain
from steelyard.errors import DataError
from steelyard.result.arrow import table_from_plain, table_to_plain
from steelyard.result.check import Check
from steelyard.result.estimate import Estimate
from steelyard.result.provenance import Provenance
from steelyard.result.verdict import Verdict

if TYPE_CHECKING:
    from steelyard.result.result import Result

__all__ = ["RESULT_FORMAT", "result_from_dict", "result_to_dict"]

RESULT_FORMAT = 1


def result_to_dict(result: Result) -> dict[str, Any]:
    """The whole result as plain values."""
    written = {
        "format": RESULT_FORMAT,
        "question": result.question,
        "method": result.method,
        "verdict": result.verdict.to_dict(),
        "estimates": [estimate.to_dict() for estimate in result.estimates],
        "checks": [check.to_dict() for check in result.checks],
        "provenance": result.provenance.to_dict(),
        "tables": {name: table_to_plain(table) for name, table in result.tables.items()},
    }
    values: dict[str, Any] = plain(written)
    return values


def result_from_dict(data: Mapping[str, Any]) -> Result:
    """The result that `result_to_dict` wrote.

    Raises:
        DataError: It was written in a format that this version does not know.
    """
    from steelyard.result.result import Result

    if data.get("format") != RESULT_FORMAT:
        raise DataError(f"a result of format {data.get('format')!r}", hint="read it with a newer Steelyard")
    return Result(
        question=data["question"],
        method=data["method"],
        verdict=Verdict.from_dict(data["verdict"]),
        estimates=tuple(Estimate(**row) for row in data["estimates"]),
        checks=tuple(Check(**row) for row in data["checks"]),
        provenance=Provenance.from_dict(data["provenance"]),
        tables={name: table_from_plain(table) for name, table in data["tables"].items()},
    )
