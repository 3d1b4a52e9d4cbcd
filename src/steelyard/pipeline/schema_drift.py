"""How the columns of a source differ from those declared and those that were there: each difference a Check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from steelyard.errors import DataError
from steelyard.pipeline.source_definition import SourceDefinition
from steelyard.pipeline.sources.scan import Scan
from steelyard.result import Check

__all__ = ["SchemaDrift"]


@dataclass
class SchemaDrift:
    """The differences met in one load.

    Args:
        definition: The source.
        present: The table's columns before the load; empty for a new table.
        added: Columns that the table gets, with their types.
        undeclared: Columns of the source that nobody declared (only where some are declared).
        missing: Column -> the pieces that lack it; their rows get NULL.
        changed: Column -> its type at the source and in the table; values that do not fit are rejected.
    """

    definition: SourceDefinition
    present: Mapping[str, str]
    added: dict[str, str] = field(default_factory=dict)
    undeclared: dict[str, None] = field(default_factory=dict)
    missing: dict[str, list[str]] = field(default_factory=dict)
    changed: dict[str, tuple[str, str]] = field(default_factory=dict)

    def meet(self, scan: Scan, types: Mapping[str, str]) -> None:
        """Notes how one piece differs.

        Raises:
            DataError: The key or the cursor is missing, or the definition declares another type than the table has.
        """
        self._refuse(scan, types)
        found = {name.casefold() for name in types}
        expected = dict.fromkeys([*self.definition.columns, *self.present])
        for name in expected:
            if name.casefold() not in found:
                self.missing.setdefault(name, []).append(scan.label)
        for name, kind in types.items():
            if self.present and name not in self.present:
                self.added[name] = kind
            if self.definition.columns and name not in self.definition.columns:
                self.undeclared[name] = None
        sources = {column.casefold(): kind for column, kind in scan.columns.items()}
        for name, kind in types.items():
            source = sources[name.casefold()]
            if name not in self.definition.columns and source != kind and not scan.document:
                self.changed[name] = (source, kind)

    def _refuse(self, scan: Scan, types: Mapping[str, str]) -> None:
        cursor = (self.definition.cursor,) if self.definition.cursor else ()
        for role, names in (("key", self.definition.key), ("cursor", cursor)):
            for name in names:
                if name not in types:
                    shown = ", ".join(repr(column) for column in list(scan.columns)[:12])
                    problem = f"the {role} column {name!r} is not in {scan.label!r}"
                    raise DataError(problem, where=self.definition.where, hint=f"it has {shown}")
        for name, kind in self.definition.columns.items():
            was = self.present.get(name, kind)
            if was != kind:
                problem = f"column {name!r} of {self.definition.table!r} is {was}, and the definition now says {kind}"
                raise DataError(problem, where=self.definition.where, hint="load everything again with full=True")

    def checks(self) -> tuple[Check, ...]:
        """Each kind of difference as a check: new columns are a note, missing ones and changed types a doubt."""
        new = list(dict.fromkeys([*self.added, *self.undeclared]))
        lacking = [f"{name!r} in {_some(pieces)}" for name, pieces in self.missing.items()]
        moved = [f"{name!r} was {kind} and is {source}" for name, (source, kind) in self.changed.items()]
        return (
            _check("new_columns", "note", new, f"columns that were not declared or not there before: {_quoted(new)}"),
            _check("missing_columns", "doubt", lacking, f"missing, their values are null: {'; '.join(lacking)}"),
            _check(
                "changed_types", "doubt", moved, f"types changed, what does not fit is rejected: {'; '.join(moved)}"
            ),
        )


def _check(name: str, severity: str, found: Sequence[str], says: str) -> Check:
    return Check(
        name=name,
        status="failed" if found else "passed",
        severity="note" if severity == "note" else "doubt",
        value=float(len(found)),
        limit=0.0,
        says=says if found else f"no {name.replace('_', ' ')}",
    )


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")


def _some(pieces: Sequence[str]) -> str:
    return ", ".join(pieces[:3]) + (f" and {len(pieces) - 3} more" if len(pieces) > 3 else "")
