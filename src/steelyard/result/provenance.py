"""Where a result comes from: its definition, every query, what was read, what came back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

__all__ = ["Provenance", "Read", "TableRead"]

Standing = Literal["registered", "exploratory"]


@dataclass(frozen=True, kw_only=True)
class TableRead:
    """One table as it was when it was read.

    Args:
        name: The table.
        version_id: Hash of its bytes, or an engine's own version; empty where the engine keeps none.
        fingerprint: Hash of its rows as a multiset; empty where it was not computed.
        rows: How many rows; None where it was not counted.
    """

    name: str
    version_id: str = ""
    fingerprint: str = ""
    rows: int | None = None


@dataclass(frozen=True, kw_only=True)
class Read:
    """One query that ran, and what came back.

    Args:
        name: What the study calls it.
        sql: The SQL as written, in Steelyard's dialect.
        sent: The SQL as the engine got it.
        parameters: The values bound to it.
        engine: The engine and its version.
        tables: The tables that it read.
        rows: How many rows came back.
        kept: Content address of what came back; the ledger keeps it under this digest.
        seconds: How long it took.
    """

    name: str
    sql: str
    sent: str
    parameters: Mapping[str, Any]
    engine: str
    tables: tuple[TableRead, ...]
    rows: int
    kept: str
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where a result comes from.

    Args:
        study: The study's name.
        kind: The study's kind, as YAML spells it.
        definition: The frozen definition as plain values.
        digest: The definition's digest.
        standing: `registered` when this very definition was registered before this look and is its first version;
            else `exploratory`.
        standing_says: Why, in words.
        context: The clock, the catalog number, the governed definitions and the earlier looks that the study saw.
        reads: Every query, in order.
        packages: Versions of what computed it.
        seed: The seed of anything random; None where nothing is.
        made_at: When it was made, UTC, ISO.

    >>> Provenance(study="pilot", kind="experiment", definition={}, digest="ab12").standing
    'exploratory'
    """

    study: str
    kind: str
    definition: Mapping[str, Any]
    digest: str
    standing: Standing = "exploratory"
    standing_says: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)
    reads: tuple[Read, ...] = ()
    packages: Mapping[str, str] = field(default_factory=dict)
    seed: int | None = None
    made_at: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The provenance as plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Provenance:
        """The provenance that `to_dict` wrote."""
        reads = tuple(
            Read(**{**read, "tables": tuple(TableRead(**table) for table in read["tables"])}) for read in data["reads"]
        )
        return cls(**{**data, "reads": reads})
