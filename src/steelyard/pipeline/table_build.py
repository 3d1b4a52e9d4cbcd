"""One table of a build: written beside, audited, and left staged or taken back."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from steelyard.canonical import plain
from steelyard.errors import SteelyardError, UnknownNameError
from steelyard.pipeline.change_test import Past
from steelyard.pipeline.data_test import DataTest
from steelyard.pipeline.data_tests import Audit, audit
from steelyard.pipeline.lineage import trace
from steelyard.pipeline.statement import Statement, table_statement
from steelyard.pipeline.step_checks import step_checks
from steelyard.pipeline.step_sql import Clock
from steelyard.pipeline.table_definition import TableDefinition
from steelyard.pipeline.table_report import TableReport
from steelyard.pipeline.table_writer import TableWriter
from steelyard.result import Check
from steelyard.warehouse import Warehouse
from steelyard.warehouse.staging import engine_errors

if TYPE_CHECKING:
    from steelyard.warehouse.duckdb_session import Cursor
    from steelyard.warehouse.snapshot import StoredTable
    from steelyard.warehouse.transaction import Transaction

__all__ = ["TableBuild", "build_record"]

MOST_RUNS = 400


@dataclass(frozen=True, kw_only=True)
class TableBuild:
    """One table of a build.

    Args:
        definition: The table.
        inputs: The tables that its rows come from.
        tested_against: Further tables that its data tests read.
        change: The store's transaction.
        warehouse: The transaction's tables, to read from.
        cursor: Where its SQL runs.
        clock: The moment of the build, and the zone.
        full: Whether to make the whole anew, whatever is there.
        since: First local day of a back-fill.
        until: Last local day of a back-fill.
        sensitive: Columns of which no data test shows an example.
    """

    definition: TableDefinition
    inputs: tuple[str, ...]
    tested_against: tuple[str, ...]
    change: Transaction
    warehouse: Warehouse
    cursor: Cursor
    clock: Clock
    full: bool = False
    since: date | None = None
    until: date | None = None
    sensitive: Collection[str] = ()

    def run(self) -> TableReport:
        """Builds the table; whatever fails is in the report, and nothing of it stays staged."""
        started = time.perf_counter()
        try:
            report = self._run(started)
        except SteelyardError as error:
            self.change.withdraw(self.definition.name)
            error = self._placed(error)
            report = TableReport(
                table=self.definition.name, status="failed", says=error.problem, where=error.where, hint=error.hint
            )
        there = self.change.tables.get(self.definition.name)
        return replace(
            report,
            seconds=time.perf_counter() - started,
            rows=there.rows if there else None,
            version_id=there.version_id if there else "",
        )

    def _run(self, started: float) -> TableReport:
        statement = self._statement()
        present = self.change.tables.get(self.definition.name)
        anew = self._why_anew(present)
        if present is not None and not anew and self._nothing_new(present, statement):
            return self._unchanged(present)
        opened = [check for count in statement.counts for check in step_checks(count, self._row)]
        if any(check.stops for check in opened):
            return self._refused(tuple(opened), "what a step leaves open")
        staged = self._writer(statement, anew).stage()
        checks = (*opened, *staged.checks)
        if staged.stops:
            return self._refused(checks, "the new rows")
        same = present is not None and _same_rows(present, self.change.tables[self.definition.name])
        if same:
            self.change.withdraw(self.definition.name)
        found = self._audit(had_rows=bool(present and present.rows))
        checks = (*checks, *found.checks)
        if found.stops:
            return self._refused(checks, "the data tests")
        self._describe(statement, checks, found, time.perf_counter() - started)
        return TableReport(
            table=self.definition.name,
            status="unchanged" if same else "published",
            checks=checks,
            says=staged.says,
        )

    def _statement(self) -> Statement:
        for table in self.inputs:
            if table not in self.change.tables:
                raise UnknownNameError(
                    f"table {table!r} has no rows yet: it was never loaded or built",
                    where=self.definition.path,
                    hint="load its source, or build it, first",
                )
        return table_statement(self.definition, self._columns_of, self.clock)

    def _columns_of(self, select: str) -> Mapping[str, str]:
        with engine_errors(self.definition.path):
            return {row[0]: row[1] for row in self.cursor.execute(f"DESCRIBE {select}").fetchall()}

    def _row(self, select: str) -> Mapping[str, Any]:
        with engine_errors(self.definition.path):
            found = self.cursor.execute(select)
            names = [column[0] for column in found.description or ()]
            row = found.fetchone()
        return dict(zip(names, row or (), strict=True))

    def _why_anew(self, present: StoredTable | None) -> str:
        """Why what is there cannot be built upon; empty where it can."""
        how = self.definition.materialise
        if present is None:
            return "first build"
        if how.how != "history" and self.full:
            return "asked for"
        if not present.details.get("sql_digest"):
            return "what is there was not built from a definition"
        changed = present.details["sql_digest"] != self.definition.digest
        if changed and how.on_change == "rebuild" and how.how != "history":
            return "the definition changed"
        return ""

    def _nothing_new(self, present: StoredTable, statement: Statement) -> bool:
        """Whether what would be built is there: the same definition, statement, tests and input versions."""
        details = present.details
        back_fill = self.since is not None or self.until is not None
        if statement.volatile or (back_fill and self.definition.materialise.how in ("incremental", "by_key")):
            return False
        same = {
            "sql_digest": self.definition.digest,
            "tests_digest": self.definition.tests_digest,
            "sql": statement.sql,
            "inputs": self._versions(self.inputs),
        }
        return all(details.get(key) == value for key, value in same.items())

    def _versions(self, tables: tuple[str, ...]) -> dict[str, str]:
        return {table: self.change.tables[table].version_id for table in tables if table in self.change.tables}

    def _unchanged(self, present: StoredTable) -> TableReport:
        """What is there stays; what may have become untrue since is tested again."""
        moved = present.details.get("tested_against") != self._versions(self.tested_against)

        def again(test: DataTest) -> bool:
            return test.freshness is not None or (moved and (test.foreign_key is not None or bool(test.sql)))

        found = self._audit(only=again) if moved or self._has_freshness() else None
        kept = tuple(Check(**check) for check in present.details.get("tests", ()))
        fresh = {check.name: check for check in found.checks} if found else {}
        checks = tuple(fresh.get(check.name, check) for check in kept)
        return TableReport(
            table=self.definition.name,
            status="unchanged",
            checks=checks,
            says="the definition and everything that it reads are as they were",
        )

    def _has_freshness(self) -> bool:
        return any(test.freshness is not None for test in self.definition.tests)

    def _refused(self, checks: tuple[Check, ...], what: str) -> TableReport:
        self.change.withdraw(self.definition.name)
        stopping = [check for check in checks if check.stops]
        return TableReport(
            table=self.definition.name,
            status="failed",
            checks=checks,
            says=f"{what} did not hold: {'; '.join(f'{check.name}: {check.says}' for check in stopping)}",
            where=self.definition.path,
        )

    def _writer(self, statement: Statement, anew: str) -> TableWriter:
        return TableWriter(
            definition=self.definition,
            sql=statement.sql,
            change=self.change,
            warehouse=self.warehouse,
            cursor=self.cursor,
            clock=self.clock,
            anew=anew,
            since=self.since,
            until=self.until,
        )

    def _audit(self, **options: Any) -> Audit:
        name = self.definition.name
        staged = self.change.tables.get(name)
        past = [
            Past(day=date.fromisoformat(run["day"]), measures=run["measures"])
            for run in self.change.state.get(f"build/{name}", {}).get("runs", ())
        ]
        version = staged.version_id if staged else ""
        columns = staged.columns if staged else None
        return audit(
            self.definition,
            self.warehouse,
            self.clock,
            version_id=version,
            past=past,
            columns=columns,
            sensitive=self.sensitive,
            **options,
        )

    def _describe(self, statement: Statement, checks: tuple[Check, ...], found: Audit, seconds: float) -> None:
        """Keeps beside the version what is known of it, and remembers what this build measured."""
        name = self.definition.name
        self.change.describe(
            name,
            {
                "declaration": plain(self.definition.declaration),
                "proofs": [plain(proof) for proof in found.proofs],
                "tests": [check.to_dict() for check in checks],
                "sql": statement.sql,
                "written": self.definition.sql,
                "sql_digest": self.definition.digest,
                "tests_digest": self.definition.tests_digest,
                "inputs": self._versions(self.inputs),
                "tested_against": self._versions(self.tested_against),
                "how": self.definition.materialise.how,
                "as_of": self.clock.as_of.isoformat(),
                "seconds": round(seconds, 6),
                "lineage": self._lineage(statement),
            },
        )
        run = build_record(self.clock.as_of, self.clock.today, seconds, found)
        earlier = self.change.state.get(f"build/{name}", {}).get("runs", [])
        self.change.state[f"build/{name}"] = {"runs": [*earlier, run][-MOST_RUNS:]}

    def _lineage(self, statement: Statement) -> dict[str, list[list[str]]] | None:
        """Column -> the columns that it comes from; None where the statement cannot be traced."""
        schema = {name: table.columns for name, table in self.change.tables.items()}
        columns = {name.casefold(): name for name in self.change.tables[self.definition.name].columns}
        try:
            found = trace(statement.sql, schema, table=self.definition.name)
        except SteelyardError:
            return None
        return {
            columns[column.casefold()]: [list(origin) for origin in origins]
            for column, origins in found.items()
            if column.casefold() in columns
        }

    def _placed(self, error: SteelyardError) -> SteelyardError:
        """The error with the file and line of the column that it names, where the SELECT mentions it."""
        if not isinstance(error, UnknownNameError) or ":" in error.where:
            return error.at(self.definition.where())
        for node in self.definition.tree.find_all(exp.Column):
            line = node.this.meta.get("line")
            if line and f"'{node.name}'" in error.problem:
                error.where = self.definition.where(int(line) + self.definition.first_line - 1)
                return error
        error.where = self.definition.where()
        return error


def _same_rows(one: StoredTable, other: StoredTable) -> bool:
    """Whether two versions have the same columns in the same order, and the same rows."""
    return one.fingerprint == other.fingerprint and list(one.columns) == list(other.columns)


def build_record(as_of: datetime, day: date, seconds: float, found: Audit) -> dict[str, Any]:
    """What a build is remembered by: when, how long, how many rows, and what its change tests measured."""
    measures = {**found.measures, "rows": float(found.rows)}
    return {
        "at": as_of.isoformat(),
        "day": day.isoformat(),
        "seconds": round(seconds, 6),
        "rows": found.rows,
        "measures": measures,
    }
