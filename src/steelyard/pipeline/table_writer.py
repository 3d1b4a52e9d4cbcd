"""How a table's rows are staged: anew, by time, by key, or with their history."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from steelyard.errors import DataError, DefinitionError, unknown_name
from steelyard.pipeline.history_sql import history_counts, history_sql
from steelyard.pipeline.local_time import end_of_day, moment, start_of_day
from steelyard.pipeline.step_sql import Clock
from steelyard.pipeline.table_definition import TableDefinition
from steelyard.result import Check
from steelyard.warehouse import Warehouse, quote_name
from steelyard.warehouse.key_proofs import prove_key
from steelyard.warehouse.staging import engine_errors

if TYPE_CHECKING:
    from steelyard.warehouse.duckdb_session import Cursor
    from steelyard.warehouse.transaction import Transaction

__all__ = ["Staged", "TableWriter"]


@dataclass(frozen=True, kw_only=True)
class Staged:
    """What was staged of a table.

    Args:
        says: How it was made, in a few words.
        checks: What was seen on the way.
    """

    says: str
    checks: tuple[Check, ...] = ()

    @property
    def stops(self) -> bool:
        """Whether it must not be published."""
        return any(check.stops for check in self.checks)


@dataclass(frozen=True, kw_only=True)
class TableWriter:
    """Stages one table in a transaction.

    Args:
        definition: The table.
        sql: The one SELECT that it comes to, in DuckDB's own SQL.
        change: The transaction.
        warehouse: The transaction's tables, to read from.
        cursor: Where the SQL runs.
        clock: The moment of the build, and the table's zone.
        anew: Why the whole is made anew; empty where what is there can be built upon.
        since: First local day of a back-fill.
        until: Last local day of a back-fill.
    """

    definition: TableDefinition
    sql: str
    change: Transaction
    warehouse: Warehouse
    cursor: Cursor
    clock: Clock
    anew: str = ""
    since: date | None = None
    until: date | None = None

    @property
    def name(self) -> str:
        """The table's name."""
        return self.definition.name

    def stage(self) -> Staged:
        """Stages the table in the way that its definition asks for."""
        how = self.definition.materialise.how
        if how == "incremental":
            return self._incremental()
        if how == "by_key":
            return self._by_key()
        return self._history() if how == "history" else self._whole("in full")

    def _whole(self, says: str) -> Staged:
        if self.definition.reads_itself:
            columns = (f"CAST(NULL AS {kind}) AS {quote_name(c)}" for c, kind in self.definition.columns.items())
            self.change.create(self.name, f"SELECT {', '.join(columns)} WHERE false", cursor=self.cursor)
        self.change.create(self.name, self.sql, cursor=self.cursor)
        return Staged(says=says)

    def _incremental(self) -> Staged:
        time = self.definition.materialise.time
        if self.anew:
            return self._whole(f"in full: {self.anew}")
        kind = self._type_of(time)
        window = self._range(time, kind) or self._window(time, kind)
        if window is None:
            return self._whole("in full: no row had a time")
        rows = f"SELECT * FROM (\n{self.sql}\n) WHERE {window.predicate}"
        try:
            self.change.replace_where(self.name, window.predicate, rows, cursor=self.cursor)
        except DataError as error:
            if self.definition.materialise.on_change == "keep":
                raise
            return self._whole(f"in full: {error.problem}")
        checks = self._late_rows(time, window) if window.below else ()
        return Staged(says=f"by time, {window.says}", checks=checks)

    def _range(self, time: str, kind: str) -> _Window | None:
        """The window of a back-fill; None where none is asked for."""
        if self.since is None and self.until is None:
            return None
        column = quote_name(time)
        ends = []
        if self.since is not None:
            ends.append(f"{column} >= {literal(start_of_day(self.since, self.clock, kind))}")
        if self.until is not None:
            ends.append(f"{column} < {literal(end_of_day(self.until, self.clock, kind))}")
        return _Window(predicate=" AND ".join(ends), says=f"days {self.since or '...'} to {self.until or '...'}")

    def _window(self, time: str, kind: str) -> _Window | None:
        """From the newest time that is not in the future, less the look-back; rows without a time are always in it."""
        column, now = quote_name(time), moment(self.clock, kind, where=self.definition.path)
        newest = self._rows(f"SELECT max({column}) FROM {quote_name(self.name)} WHERE {column} <= {literal(now)}")[0][0]
        if newest is None:
            return None
        first = _less(newest, self.definition.materialise.look_back_time)
        return _Window(
            predicate=f"{column} >= {literal(first)} OR {column} IS NULL",
            says=f"from {first} on",
            below=f"{column} < {literal(first)}",
        )

    def _late_rows(self, time: str, window: _Window) -> tuple[Check, ...]:
        if self.definition.materialise.late_rows == "ignore":
            return ()
        given = self._rows(f"SELECT count(*) FROM (\n{self.sql}\n) WHERE {window.below}")[0][0]
        kept = self._rows(f"SELECT count(*) FROM {quote_name(self.name)} WHERE {window.below}")[0][0]
        missed = int(given) - int(kept)
        says = f"the rows {window.says.replace('from', 'before').removesuffix(' on')} are as many as were kept"
        if missed:
            what = "more" if missed > 0 else "fewer"
            says = (
                f"{abs(missed):,} {what} rows than were kept come before the look-back (by {time!r}); "
                f"a back-fill (--since, --until) or a full build takes them in"
            )
        status = "failed" if missed else "passed"
        return (
            Check(name="late_rows", status=status, severity="doubt", value=float(missed), limit=0.0, says=says),  # type: ignore[arg-type]
        )

    def _by_key(self) -> Staged:
        how = self.definition.materialise
        if self.anew:
            delta, says = self.sql, f"in full: {self.anew}"
        else:
            window = self._newer_by_key()
            delta, says = self.sql, "by key"
            if window is not None:
                delta, says = f"SELECT * FROM (\n{self.sql}\n) WHERE {window.predicate}", f"by key, {window.says}"
        with self._delta(delta) as rows:
            check = self._key_of_new_rows(rows, how.key)
            if check.stops:
                return Staged(says=says, checks=(check,))
            if self.anew:
                self.change.create(self.name, f"SELECT * FROM {quote_name(rows)}", cursor=self.cursor)
                return Staged(says=says, checks=(check,))
            key = ", ".join(quote_name(column) for column in how.key)
            met = f"({key}) IN (SELECT {key} FROM {quote_name(rows)})"
            self.change.replace_where(self.name, met, f"SELECT * FROM {quote_name(rows)}", cursor=self.cursor)
        return Staged(says=says, checks=(check,))

    def _newer_by_key(self) -> _Window | None:
        time = self.definition.materialise.time
        if not time:
            return None
        kind = self._type_of(time)
        return self._range(time, kind) or self._window(time, kind)

    def _key_of_new_rows(self, rows: str, key: Sequence[str]) -> Check:
        proof = prove_key(self.warehouse, rows, key)
        shown = f": {', '.join(proof.examples)}" if proof.examples else ""
        says = f"({', '.join(key)}) identifies each of {proof.rows:,} new rows"
        if not proof.unique:
            says = f"{proof.duplicates:,} of {proof.rows:,} new rows repeat a ({', '.join(key)}){shown}"
            says += f", and {proof.nulls:,} have a NULL in it" if proof.nulls else ""
        bad = float(proof.duplicates + proof.nulls)
        return Check(
            name="key_of_new_rows", status="passed" if proof.unique else "failed", value=bad, limit=0.0, says=says
        )

    def _history(self) -> Staged:
        how = self.definition.materialise
        with self._delta(self.sql) as rows:
            key = self._key_of_new_rows(rows, how.key)
            columns = self._columns(rows)
            _refuse_names(self.definition, columns)
            if key.stops:
                return Staged(says="with history", checks=(key,))
            past = None if self.anew else self.change.tables[self.name].columns
            kind = columns[how.time] if how.time else "TIMESTAMP WITH TIME ZONE"
            now = literal(moment(self.clock, kind, where=self.definition.path))
            args: dict[str, Any] = {"how": how, "columns": columns, "kind": kind, "now": now, "incoming": rows}
            checks = [key]
            says = "with history: first states"
            if past is not None:
                counts = self._rows(history_counts(self.name, past, **args))[0]
                opened, closed, backwards, examples = counts
                checks.append(_order_check(int(backwards), examples))
                says = f"with history: {opened:,} states begun, {closed:,} ended"
                if backwards or not (opened or closed):
                    return Staged(says=says, checks=tuple(checks))
            self.change.create(self.name, history_sql(self.name, past, **args), cursor=self.cursor)
        return Staged(says=says, checks=tuple(checks))

    @contextmanager
    def _delta(self, sql: str) -> Iterator[str]:
        """The rows of a SELECT, run once and kept beside for as long as the block runs."""
        name = f"steelyard new rows of {self.name}"
        with engine_errors(self.name):
            self.cursor.execute(f"CREATE OR REPLACE TABLE {quote_name(name)} AS\n{sql}")
        try:
            yield name
        finally:
            self.cursor.execute(f"DROP TABLE {quote_name(name)}")

    def _columns(self, table: str) -> dict[str, str]:
        return {row[0]: row[1] for row in self._rows(f"DESCRIBE {quote_name(table)}")}

    def _type_of(self, column: str) -> str:
        columns = self.change.tables[self.name].columns
        if column not in columns:
            raise unknown_name("column", column, columns, where=self.definition.path)
        return columns[column]

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        with engine_errors(self.name):
            return self.cursor.execute(sql).fetchall()


@dataclass(frozen=True, kw_only=True)
class _Window:
    """Which rows are made anew: a condition in SQL, in words, and the condition of those before it."""

    predicate: str
    says: str
    below: str = ""


def literal(value: date | datetime) -> str:
    """A day or a moment as DuckDB writes it.

    >>> literal(date(2026, 1, 31))
    "DATE '2026-01-31'"
    """
    if not isinstance(value, datetime):
        return f"DATE '{value.isoformat()}'"
    kind = "TIMESTAMP" if value.tzinfo is None else "TIMESTAMPTZ"
    return f"{kind} '{value.isoformat(sep=' ')}'"


def _less(newest: date | datetime, look_back: timedelta) -> date | datetime:
    """The time less the look-back; of a day, as many whole days as the look-back touches."""
    if isinstance(newest, datetime):
        return newest - look_back
    return newest - timedelta(days=math.ceil(look_back / timedelta(days=1)))


def _order_check(backwards: int, examples: Sequence[str] | None) -> Check:
    says = "every changed row is newer than the state that it ends"
    if backwards:
        says = (
            f"{backwards:,} changed rows are not newer than the state that they end: {', '.join(examples or ())}; "
            "mend their time, or leave `time:` out so that a state begins at the build that first sees it"
        )
    status = "failed" if backwards else "passed"
    return Check(name="history_order", status=status, value=float(backwards), limit=0.0, says=says)  # type: ignore[arg-type]


def _refuse_names(definition: TableDefinition, columns: dict[str, str]) -> None:
    how = definition.materialise
    for column in (*how.key, *how.ignore, *([how.time] if how.time else [])):
        if column not in columns:
            raise unknown_name("column", column, columns, where=definition.path)
    taken = [column for column in columns if column.casefold() in ("valid_from", "valid_to", "is_current")]
    if taken:
        raise DefinitionError(
            f"the SELECT gives {taken[0]!r}, which a history adds itself",
            where=definition.where(),
            hint="rename the column with AS",
        )
