"""Tables as immutable Parquet files under a numbered catalog: many readers, many writers, every version readable."""

from __future__ import annotations

import bisect
import os
import random
import tempfile
import time
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from steelyard.errors import DefinitionError, NoVersionError, WarehouseError, unknown_name
from steelyard.warehouse.catalog import Catalog
from steelyard.warehouse.clean import Cleaned, clean
from steelyard.warehouse.duckdb_open import open_duckdb
from steelyard.warehouse.durable import disk_errors
from steelyard.warehouse.query import quote_text
from steelyard.warehouse.snapshot import Snapshot, StoredTable
from steelyard.warehouse.store_format import open_format
from steelyard.warehouse.transaction import ConflictError, Transaction

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from steelyard.warehouse.duckdb_warehouse import DuckDbWarehouse

__all__ = ["Store"]

T = TypeVar("T")
_GRACE = timedelta(hours=1)


class Store:
    """A folder of immutable Parquet files and a numbered catalog of them; the embedded default of a project.

    A reader opens DuckDB in memory with views on one version of the catalog; nobody waits for anybody. A writer stages
    files beside, and publishes them by linking the next log entry into place: a kill at any moment leaves the last
    published version and some files that `clean` removes. Needs a local POSIX file system (hard links, flock).

    >>> import tempfile
    >>> store = Store.open(tempfile.mkdtemp())
    >>> with store.transaction("first orders") as change:
    ...     table = change.create("orders", "SELECT 1 AS id, 9.90 AS amount")
    >>> store.snapshot().number, store.snapshot().tables["orders"].rows
    (1, 1)
    >>> with store.warehouse() as warehouse:
    ...     warehouse.fetch("SELECT sum(amount) AS revenue FROM orders").to_pylist()
    [{'revenue': Decimal('9.90')}]
    """

    def __init__(self, catalog: Catalog) -> None:
        self.catalog, self.folder = catalog, catalog.folder

    @classmethod
    def open(cls, folder: str | Path, create: bool = True) -> Store:
        """The store in a folder; an older format is brought up to date.

        Args:
            folder: The store's folder.
            create: Whether to make an empty store where there is none.

        Raises:
            WarehouseError: There is no store and none is to be made, or it was written by a newer Steelyard.
        """
        path = Path(folder).absolute()
        catalog = Catalog(path)
        with disk_errors(path):
            open_format(catalog, create=create)
        return cls(catalog)

    def snapshot(self, number: int | None = None, as_of: datetime | None = None) -> Snapshot:
        """One published state.

        Args:
            number: Its number; None takes the newest.
            as_of: The newest that was published at or before this moment (with a zone).

        Raises:
            NoVersionError: That version does not remain, or nothing was published by then.
        """
        if number is not None:
            return self.catalog.snapshot(number)
        if as_of is None:
            return self.catalog.latest()
        numbers = self.catalog.numbers()
        if as_of.tzinfo is None:
            raise DefinitionError(f"as_of {as_of.isoformat()} has no time zone", where=str(self.folder))
        at = bisect.bisect_right(
            numbers, as_of, key=lambda item: datetime.fromisoformat(self.catalog.entry(item)["published_at"])
        )
        if at == 0:
            hint = f"the oldest version that remains is {numbers[0]}"
            raise NoVersionError(f"nothing was published by {as_of.isoformat()}", where=str(self.folder), hint=hint)
        return self.catalog.snapshot(numbers[at - 1])

    def history(self) -> tuple[Snapshot, ...]:
        """Every version that remains, oldest first."""
        return tuple(self.catalog.snapshot(number) for number in self.catalog.numbers())

    def warehouse(
        self, number: int | None = None, memory_limit: str | None = None, threads: int | None = None
    ) -> DuckDbWarehouse:
        """DuckDB in memory with views on one version of the catalog, for reading only.

        It sees that version for as long as it is open, whatever is published meanwhile.

        Args:
            number: The version; None takes the newest.
            memory_limit: The most memory that it may take, such as `"2GB"`.
            threads: The most threads that it may use.
        """
        from steelyard.warehouse.duckdb_warehouse import DuckDbWarehouse

        snapshot = self.snapshot(number)
        connection = open_duckdb(memory_limit=memory_limit, threads=threads)
        connection.execute(f"SET temp_directory = {quote_text(f'{tempfile.gettempdir()}/steelyard-{os.getpid()}')}")
        for table in snapshot.tables.values():
            self._view(connection, table)
        return DuckDbWarehouse(
            connection,
            name=f"{self.folder.name} (version {snapshot.number})",
            read_only=True,
            versions=snapshot.tables,
            owned=True,
        )

    def _view(self, connection: DuckDBPyConnection, table: StoredTable) -> None:
        import duckdb

        try:
            connection.execute(table.view(str(self.folder)))
        except duckdb.Error as error:
            connection.close()
            problem = f"the files of {table.name!r} are damaged or missing: {str(error).splitlines()[0]}"
            hint = "put the store's folder back from a copy; or drop it, and load and build anew"
            raise WarehouseError(problem, where=str(self.folder), hint=hint) from error

    def transaction(self, says: str, *, memory_limit: str | None = None, threads: int | None = None) -> Transaction:
        """A change of the store: a context manager that commits on a clean exit and discards everything otherwise.

        Args:
            says: What is being done, in a few words; kept in the log.
            memory_limit: The most memory that its DuckDB may take.
            threads: The most threads that it may use.
        """
        return Transaction(self.catalog, says, memory_limit=memory_limit, threads=threads)

    def write(self, says: str, work: Callable[[Transaction], T], *, attempts: int = 20) -> T:
        """Does the work in a transaction, and again from the start where another writer came first.

        Args:
            says: What is being done.
            work: Gets the transaction; must be able to run more than once.
            attempts: How often to try before giving up.

        Raises:
            ConflictError: Another writer came first every time.
        """
        for attempt in range(attempts):
            try:
                with self.transaction(says) as change:
                    return work(change)
            except ConflictError:
                if attempt + 1 == attempts:
                    raise
                time.sleep(random.uniform(0, min(0.005 * 2**attempt, 0.5)))  # noqa: S311
        raise DefinitionError(f"attempts = {attempts} lets nothing be written", hint="give 1 or more")

    def clean(self, *, keep_last: int | None = None, keep: Collection[int] = (), grace: timedelta = _GRACE) -> Cleaned:
        """Takes away old versions if asked, and files that nothing refers to: what killed writers left, what is old.

        Args:
            keep_last: How many of the newest versions stay; None keeps all.
            keep: Numbers of older versions that stay as well, such as those that decisions cite.
            grace: What is younger stays: a version that was the newest until then may still be read, and a file
                may belong to a transaction that is about to begin. Living transactions are safe at any grace.
        """
        return clean(self.catalog, keep_last=keep_last, keep=keep, grace=grace)

    def table(self, name: str, number: int | None = None) -> StoredTable:
        """One table of one version.

        Raises:
            UnknownNameError: There is no such table in that version.
        """
        tables: Mapping[str, StoredTable] = self.snapshot(number).tables
        if name not in tables:
            raise unknown_name("table", name, tables, where=str(self.folder))
        return tables[name]
