"""The steps of one load inside its transaction."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

from steelyard.errors import DataError, DefinitionError, SteelyardError, WarehouseError
from steelyard.pipeline.catcher import MOST_REJECTED, Catcher
from steelyard.pipeline.checked_select import NEW_KEYS, checked_select, json_keys_select, target_types
from steelyard.pipeline.cursor_range import looked_back
from steelyard.pipeline.identity import join_identities
from steelyard.pipeline.incoming import Incoming, range_test
from steelyard.pipeline.load_checks import cursor_state, load_checks
from steelyard.pipeline.load_report import LoadReport
from steelyard.pipeline.load_state import LoadState
from steelyard.pipeline.progress import Progress, ProgressEvent
from steelyard.pipeline.record_count import expected_rows
from steelyard.pipeline.rejected_rows import Rejected, reject_sql, rejected_rows, unreadable_lines
from steelyard.pipeline.schema_drift import SchemaDrift
from steelyard.pipeline.source_definition import SourceDefinition
from steelyard.pipeline.sources import KINDS
from steelyard.pipeline.sources.scan import Asked, Found, Scan, Setting
from steelyard.warehouse import TableDeclaration, Transaction, quote_name

__all__ = ["LoadRun", "ReadAgain"]


class ReadAgain(Exception):  # noqa: N818
    """The load is to be begun again, with more care for some files, or with more columns.

    Args:
        careful: Labels of files to read line by line.
        keys: Keys of JSON rows that become columns.
    """

    def __init__(self, *, careful: frozenset[str] = frozenset(), keys: tuple[str, ...] = ()) -> None:
        self.careful, self.keys = careful, keys
        super().__init__("read again")


@dataclass(kw_only=True)
class LoadRun:
    """One load inside its transaction; see `load` for what is asked of it."""

    definition: SourceDefinition
    transaction: Transaction
    catcher: Catcher
    folder: Path
    scratch: Path
    since: str
    until: str
    full: bool
    careful: frozenset[str]
    keys: tuple[str, ...]
    now: datetime
    progress: Progress | None
    rejected: list[Rejected] = field(default_factory=list)

    def __post_init__(self) -> None:
        kept = self.transaction.state.get(self._key)
        self.state = LoadState.of(None if self.full else kept)
        table = None if self.full else self.transaction.tables.get(self.definition.table)
        self.present = dict(table.columns) if table else {}
        self.drift = SchemaDrift(self.definition, self.present)

    @property
    def _key(self) -> str:
        return f"load/{self.definition.name}"

    def go(self, started: float) -> LoadReport:
        """Does the load; what it staged is published when the transaction ends."""
        definition, transaction = self.definition, self.transaction
        asked = self._asked()
        found = KINDS[definition.kind](self._setting(asked))
        rows, superseded = self._take(found, asked)
        self._refuse_too_many(rows + superseded)
        identity = None
        before, load_id = self.state.to_dict(), os.urandom(8).hex()
        if asked.back_fill is False:
            self.state.remember(found.files, replaced=definition.mode == "merge" or found.whole)
        cursor, late = cursor_state(definition, transaction, self.state.cursor, self.now)
        self.state.cursor = self.state.cursor if asked.back_fill else cursor
        new_rejects = self._store_rejects(load_id, replace=found.whole and bool(found.scans))
        published = transaction.tables.get(definition.table)
        staged = published is not transaction.base.tables.get(definition.table)
        if staged and definition.identity is not None:
            identity = join_identities(definition, transaction)
        changed = staged or new_rejects > 0 or self.state.to_dict() != before
        seconds = time.monotonic() - started
        if changed:
            record = {"load_id": load_id, "at": self.now, "rows": rows, "rejected": new_rejects, "seconds": seconds}
            self.state.loads.append(record)
            transaction.state[self._key] = self.state.to_dict()
            if staged:
                self._describe(record)
        self._tell(1, 1, f"{rows:,} rows, {new_rejects:,} rejected")
        return LoadReport(
            table=definition.table,
            rows=rows,
            rejected=new_rejects,
            added_columns=tuple(self.drift.added),
            cursor=self.state.cursor,
            seconds=seconds,
            skipped=found.skipped,
            checks=load_checks(definition, self.drift, found, self.rejected, rows, superseded, late, identity),
            superseded=superseded,
            total=(published.rows or 0) if published else 0,
            load_id=load_id if changed else "",
            identity=identity,
        )

    def _asked(self) -> Asked:
        if self.since or self.until:
            return Asked(since=self.since, until=self.until, back_fill=True)
        definition = self.definition
        if not (definition.asked and definition.cursor and self.state.cursor) or definition.mode == "replace":
            return Asked()
        kind = self.present.get(definition.cursor, "")
        return Asked(since=looked_back(self.state.cursor, kind, definition.look_back, where=definition.where))

    def _setting(self, asked: Asked) -> Setting:
        return Setting(
            definition=self.definition,
            connection=self.transaction.connection,
            folder=self.folder,
            scratch=self.scratch,
            asked=asked,
            known=self.state.files,
            full=self.full,
            careful=self.careful,
            columns=self.present,
            keys=self.keys,
            tell=self._tell,
        )

    def _tell(self, done: int, total: int | None, says: str) -> None:
        if self.progress is not None:
            self.progress(ProgressEvent(step="load", name=self.definition.table, done=done, total=total, says=says))

    def _take(self, found: Found, asked: Asked) -> tuple[int, int]:
        """Stages the pieces; returns the rows that are new, and those that gave way to another with their key."""
        definition = self.definition
        if not found.scans:
            self._create_empty()
            return 0, 0
        windowed = bool(asked.since or asked.until)
        if definition.mode != "merge" and not windowed:
            return self._take_directly(found), 0
        incoming = Incoming(definition=definition, transaction=self.transaction, present=self.present)
        for number, scan in enumerate(found.scans):
            self._tell(number, len(found.scans), f"reading {scan.label}")
            types = self._types(scan)
            window = range_test(asked, types.get(definition.cursor, ""), definition)
            select = checked_select(scan, types, definition, catcher=self.catcher.name, window=window, piece=True)
            self.catcher.begin(select)
            with self._reading(scan):
                rows = incoming.add(select.sql)
            self._account(scan, None if windowed else rows)
        return incoming.publish(asked, whole=found.whole or not self.present)

    def _take_directly(self, found: Found) -> int:
        """The quick way, where no row can stand for another: each piece is written to the table as it is read."""
        added = 0
        for number, scan in enumerate(found.scans):
            self._tell(number, len(found.scans), f"loading {scan.label}")
            types = self._types(scan)
            select = checked_select(scan, types, self.definition, catcher=self.catcher.name)
            self.catcher.begin(select)
            fresh = number == 0 and (found.whole or self.definition.table not in self.transaction.tables)
            before = 0 if fresh else self.transaction.tables[self.definition.table].rows or 0
            with self._reading(scan):
                sql = self._completed(select.sql, types, fresh)
                table = self.transaction.create(self.definition.table, sql, mode="replace" if fresh else "append")
            rows = (table.rows or 0) - before
            self._account(scan, rows)
            added += rows
        return added

    def _types(self, scan: Scan) -> dict[str, str]:
        """The columns' types, differences noted; a column that an earlier piece brought keeps the type that it got."""
        staged = self.transaction.tables.get(self.definition.table)
        present = dict(staged.columns) if staged is not None and not self.full else self.present
        types = target_types(scan, self.definition, present)
        self.drift.meet(scan, types)
        return types

    def _completed(self, sql: str, types: dict[str, str], fresh: bool) -> str:
        """The SELECT with a NULL for every column of the table, or of the definition, that the piece lacks."""
        there = {} if fresh else self.transaction.tables[self.definition.table].columns
        expected = {**self.definition.columns, **there}
        lacking = {name: kind for name, kind in expected.items() if name not in types}
        if not lacking:
            return sql
        nulls = ", ".join(f"CAST(NULL AS {kind}) AS {quote_name(name)}" for name, kind in lacking.items())
        return f"SELECT *, {nulls} FROM ({sql})"

    def _create_empty(self) -> None:
        """A source that has nothing yet gives an empty table where its columns are declared."""
        definition = self.definition
        if definition.columns and definition.table not in self.transaction.tables:
            columns = ", ".join(f"CAST(NULL AS {kind}) AS {quote_name(n)}" for n, kind in definition.columns.items())
            self.transaction.create(definition.table, f"SELECT {columns} WHERE false")

    def _reading(self, scan: Scan) -> _Reading:
        return _Reading(self, scan)

    def _account(self, scan: Scan, rows: int | None) -> None:
        """Every row of the piece is kept or rejected; where the count does not come out, it is read with more care."""
        lines = unreadable_lines(self.transaction.connection, scan)
        labels = frozenset(file.label for file in scan.files)
        if lines is None:
            raise ReadAgain(careful=labels)
        if scan.counted and rows is not None:
            seen = rows + len(self.catcher.caught) + len(lines)
            if seen not in expected_rows(scan, self.definition.reads):
                raise ReadAgain(careful=labels)
        self.rejected += rejected_rows(scan, self.catcher.caught, lines, self.definition.reads)

    def _refuse_too_many(self, rows: int) -> None:
        most, count = self.definition.max_rejected, len(self.rejected)
        if most is None or not count:
            return
        allowed = most * (rows + count) if most < 1 else most
        if count > allowed:
            shown = f"{most:.2%} of the rows" if most < 1 else f"{most:,.0f} rows"
            problem = f"{count:,} of {rows + count:,} rows are rejected, more than {shown}; nothing was published"
            raise DataError(problem, where=self.definition.where or self.definition.name, hint=_examples(self.rejected))

    def _store_rejects(self, load_id: str, *, replace: bool) -> int:
        """Adds the rejected rows that are not there yet; returns how many."""
        name, transaction = f"{self.definition.table}_rejects", self.transaction
        there = transaction.tables.get(name)
        if there is not None and not self.rejected and not (replace and there.rows):
            return 0
        if there is None and self.definition.table not in transaction.tables:
            return 0
        fresh = reject_sql(self.rejected, load_id, self.now, self.scratch)
        if there is None or replace:
            return transaction.create(name, fresh, details={"rejects_of": self.definition.table}).rows or 0
        fresh += f" WHERE reject_id NOT IN (SELECT reject_id FROM {quote_name(name)})"
        ((count,),) = transaction.execute(f"SELECT count(*) FROM ({fresh})")
        if count:
            transaction.create(name, fresh, mode="append")
        return int(count)

    def _describe(self, record: dict[str, object]) -> None:
        definition = self.definition
        declaration = TableDeclaration(
            name=definition.table,
            key=definition.key,
            time=definition.cursor if "TIME" in self._kind_of_cursor() or self._kind_of_cursor() == "DATE" else "",
            zone=definition.zone,
            description=definition.description,
            owner=definition.owner,
            where=definition.where,
        )
        told = {"source": definition.name, "kind": definition.kind, **record}
        self.transaction.describe(definition.table, {"declaration": asdict(declaration), "load": told})

    def _kind_of_cursor(self) -> str:
        columns = self.transaction.tables[self.definition.table].columns
        return columns.get(self.definition.cursor, "")


class _Reading:
    """Turns what goes wrong while a piece is read into what is to be done about it."""

    def __init__(self, run: LoadRun, scan: Scan) -> None:
        self.run, self.scan = run, scan

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is None or not isinstance(error, Exception):
            return
        run, scan = self.run, self.scan
        if run.catcher.overflown:
            problem = f"more than {MOST_REJECTED:,} rows are rejected; nothing was published"
            raise DataError(problem, where=scan.label, hint=_first_reason(run.catcher)) from error
        if NEW_KEYS in f"{error} {error.__cause__}":
            found = [str(key) for (key,) in run.transaction.execute(json_keys_select(scan))]
            raise ReadAgain(keys=tuple(sorted(set(found) - set(scan.columns)))) from error
        if scan.rejects and not isinstance(error, DefinitionError) and not _full_or_out_of_memory(error):
            raise ReadAgain(careful=frozenset(file.label for file in scan.files)) from error
        if isinstance(error, SteelyardError):
            error.at(scan.label)


def _full_or_out_of_memory(error: Exception) -> bool:
    return isinstance(error, WarehouseError) and any(word in str(error).lower() for word in ("disk", "memory"))


def _first_reason(catcher: Catcher) -> str:
    return f"the first: {catcher.caught[0].reason}" if catcher.caught else ""


def _examples(rejected: Sequence[Rejected]) -> str:
    shown = [f"{row.source}:{row.line or '?'}: {row.reason}" for row in rejected[:5]]
    return "the first: " + "; ".join(shown)
