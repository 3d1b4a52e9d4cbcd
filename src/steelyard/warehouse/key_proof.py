"""What was counted about a declared key or reference, on one table version: an entry of the key ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from steelyard.canonical import digest

__all__ = ["KeyProof"]

_TOLD = ("examples", "proof_id")


@dataclass(frozen=True, kw_only=True)
class KeyProof:
    """What was counted about a declared key, or about a reference to another table's key, on one table version.

    Args:
        table: The table.
        columns: The columns of the key or of the reference.
        version_id: The version that was counted; a proof speaks of no other.
        rows: Rows counted.
        duplicates: Rows beyond the first of each key; of a history, rows that begin before the one before has ended
            (0 for a reference).
        nulls: Rows in which a column is NULL; of a history, its beginning too; of shares, rows with an id and no share.
        references: The table referred to; empty for a key.
        references_version: The version of the table referred to.
        orphans: Rows whose reference finds no parent (0 for a key).
        rule: What else was counted: `history valid_from valid_to`, or `weights share`; empty for nothing else.
        wrong: What breaks the rule: intervals that end before they begin, or ids whose shares do not add up to 1.
        examples: Up to five offending keys, as text.
        proof_id: The proof's own short id, by which an answer names what it leans on.
    """

    table: str
    columns: tuple[str, ...]
    version_id: str
    rows: int
    duplicates: int = 0
    nulls: int = 0
    references: str = ""
    references_version: str = ""
    orphans: int = 0
    rule: str = ""
    wrong: int = 0
    examples: tuple[str, ...] = ()
    proof_id: str = field(default="", init=False)

    def __post_init__(self) -> None:
        counted = {item.name: getattr(self, item.name) for item in fields(self) if item.name not in _TOLD}
        object.__setattr__(self, "proof_id", digest(counted)[:16])

    @property
    def unique(self) -> bool:
        """Whether the columns identify a row: no duplicates and no NULLs."""
        return not self.references and not self.rule and self.duplicates == 0 and self.nulls == 0

    @property
    def complete(self) -> bool:
        """Whether every row refers to a parent that is there."""
        return bool(self.references) and self.nulls == 0 and self.orphans == 0

    @property
    def holds(self) -> bool:
        """Whether the rule holds: no two rows of a key at one time, or the shares of each id add up to 1."""
        return bool(self.rule) and self.duplicates == 0 and self.nulls == 0 and self.wrong == 0

    @classmethod
    def from_dict(cls, said: Mapping[str, Any]) -> KeyProof:
        """The proof that was kept as plain values.

        >>> proof = KeyProof(table="orders", columns=("id",), version_id="v1", rows=3)
        >>> from steelyard.canonical import plain
        >>> KeyProof.from_dict(plain(proof)) == proof
        True
        """
        known = {item.name for item in fields(cls) if item.init}
        given = {name: value for name, value in said.items() if name in known}
        return cls(**{**given, "columns": tuple(given["columns"]), "examples": tuple(given.get("examples", ()))})
