"""What a table's author says of it: key, grain, time, entities, dimensions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["KeyProof", "TableDeclaration"]


@dataclass(frozen=True, kw_only=True)
class TableDeclaration:
    """What a table's author says of it; nothing here is believed before it is proved.

    Args:
        name: The table.
        key: Columns that identify a row; empty when nothing does.
        grain: What one row is, in words.
        entity: The entity whose own table this is (its key is the entity's id); empty otherwise.
        entities: Entity name -> the columns here that hold its id (a many-to-one reference).
        time: The column that says when a row happened; empty where there is none.
        zone: IANA zone of a `time` column without one; empty means the project's zone.
        dimensions: Columns that may be grouped and filtered by.
        description: For a person.
        owner: Who answers for it.
        where: File and line of the declaration.
    """

    name: str
    key: tuple[str, ...] = ()
    grain: str = ""
    entity: str = ""
    entities: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    time: str = ""
    zone: str = ""
    dimensions: tuple[str, ...] = ()
    description: str = ""
    owner: str = ""
    where: str = ""


@dataclass(frozen=True, kw_only=True)
class KeyProof:
    """What was counted about a declared key, or about a reference to another table's key, on one table version.

    Args:
        table: The table.
        columns: The columns of the key or of the reference.
        version_id: The version that was counted; a proof speaks of no other.
        rows: Rows counted.
        duplicates: Rows beyond the first of each key (0 for a reference).
        nulls: Rows in which a column is NULL.
        references: The table referred to; empty for a key.
        orphans: Rows whose reference finds no parent (0 for a key).
        examples: Up to five offending keys, as text.
    """

    table: str
    columns: tuple[str, ...]
    version_id: str
    rows: int
    duplicates: int = 0
    nulls: int = 0
    references: str = ""
    orphans: int = 0
    examples: tuple[str, ...] = ()

    @property
    def unique(self) -> bool:
        """Whether the columns identify a row: no duplicates and no NULLs."""
        return not self.references and self.duplicates == 0 and self.nulls == 0
