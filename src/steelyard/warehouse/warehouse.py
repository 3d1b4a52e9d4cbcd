"""What every engine gives: read with bound values, results as Arrow, tables with versions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

from steelyard.warehouse.query import Query
from steelyard.warehouse.row_stream import RowStream

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["TableVersion", "Warehouse"]


@dataclass(frozen=True, kw_only=True)
class TableVersion:
    """One state of one table.

    Args:
        name: The table.
        version_id: Hash of its bytes, or the engine's own; empty where the engine keeps no versions.
        fingerprint: Hash of its rows as a multiset; empty until computed.
        rows: How many rows; None where it was not counted.
        published_at: When it was published, UTC, ISO; empty where unknown.
    """

    name: str
    version_id: str = ""
    fingerprint: str = ""
    rows: int | None = None
    published_at: str = ""


class Warehouse(ABC):
    """A place that answers SQL: the same calls and the same numbers on every engine.

    `engine` is SQLGlot's name of its dialect (`duckdb`, `postgres`, `spark`); `engine_version` its version; `name` says
    where it is, without secrets.
    """

    engine: str
    engine_version: str
    name: str

    @abstractmethod
    def fetch(self, query: Query | str, *, timeout: float | None = None) -> pa.Table:
        """What the query gives, as Arrow.

        Args:
            query: One SELECT in Steelyard's dialect.
            timeout: Seconds after which it is cancelled; None waits.

        Raises:
            DefinitionError: The SQL does not parse, or is outside the subset.
            UnknownNameError: It names a table or column that is not there.
            WarehouseError: The engine failed; `TimeLimitError`, `CancelledError`, `LockedError` say how.
            DataError: More rows came back than `query.limit`.
        """

    @contextmanager
    def stream(self, query: Query, *, timeout: float | None = None) -> Iterator[RowStream]:
        """What the query gives, part by part: as many rows as `query.limit` allows, never all of them in memory.

        Leaving the block early cancels the query. An engine that has no streams of its own fetches all of it.

        Args:
            query: One SELECT in Steelyard's dialect.
            timeout: Seconds after which it is cancelled; None waits.

        Raises:
            SteelyardError: As `fetch` does; while the parts are taken too.
        """
        table = self.fetch(query, timeout=timeout)
        yield RowStream(schema=table.schema, parts=iter([table]))

    @abstractmethod
    def render(self, sql: str) -> str:
        """The SQL as this engine gets it."""

    @abstractmethod
    def tables(self) -> tuple[str, ...]:
        """Names of the tables and views, sorted."""

    @abstractmethod
    def columns(self, table: str) -> Mapping[str, str]:
        """Column name -> type in DuckDB's words, in the table's order."""

    def schema(self) -> Mapping[str, Mapping[str, str]]:
        """Table or view -> what `columns` gives of it, sorted by name: asked at once where the engine can."""
        return {table: self.columns(table) for table in self.tables()}

    @abstractmethod
    def version(self, table: str) -> TableVersion:
        """The table's present state."""

    @abstractmethod
    def write(
        self, name: str, rows: pa.Table | pa.RecordBatchReader, *, mode: Literal["replace", "append"] = "replace"
    ) -> int:
        """Writes a table in one transaction; returns the rows written. Refused where the source is read-only."""

    @abstractmethod
    def cancel(self) -> None:
        """Stops what is running; may be called from another thread."""

    def progress(self) -> float | None:
        """The share of the slowest running query that is done, as the engine estimates it; None where it does not."""
        return None

    @abstractmethod
    def close(self) -> None:
        """Lets go of the engine; calling it twice is harmless."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
