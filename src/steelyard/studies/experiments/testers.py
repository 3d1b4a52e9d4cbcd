"""Sticky overrides: people who try an arm, whatever their buckets say."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from steelyard.canonical import digest
from steelyard.errors import DefinitionError
from steelyard.warehouse import AppendLog

__all__ = ["TESTERS", "Testers"]

TESTERS = "testers"


class Testers:
    """Who tries which arm, in the append log `testers` of a folder: an id can be erased from it, as from no ledger.

    Args:
        folder: The folder of logs; in a project, `logs`.
    """

    def __init__(self, folder: str | Path) -> None:
        self.log = AppendLog(folder, TESTERS)

    def give(self, experiment: str, unit: str | int, arm: str | None, *, who: str, why: str) -> None:
        """Gives a unit an arm for as long as the experiment is known, or takes that back.

        Args:
            experiment: The experiment.
            unit: The unit's id.
            arm: The arm; None takes an earlier one back.
            who: Who says so.
            why: The reason.

        Raises:
            DefinitionError: Nobody, or no reason, is named.
        """
        for name, text in (("who", who), ("why", why)):
            if not text.strip():
                raise DefinitionError(
                    f"the tester of {experiment!r} is given an arm without {name}", hint=f"give --{name}"
                )
        at = datetime.now(UTC).isoformat(timespec="microseconds")
        row = {"experiment": experiment, "unit": str(unit), "arm": arm, "who": who, "why": why, "at": at}
        self.log.append([{"id": digest(row)[:32], **row}])

    def of(self, experiment: str) -> Mapping[str, str]:
        """Id, as text -> the arm that it is given; the last word counts."""
        found: dict[str, str | None] = {}
        for row in self._rows():
            if row["experiment"] == experiment:
                found[row["unit"]] = row["arm"]
        return {unit: arm for unit, arm in found.items() if arm is not None}

    def _rows(self) -> Iterator[Mapping[str, Any]]:
        for segment in self.log.segments(seal=True):
            with segment.path.open(encoding="utf-8") as file:
                yield from map(json.loads, file)
