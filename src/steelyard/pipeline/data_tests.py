"""The data tests of a table, run: one scan for all that are counts, and a query each for keys, references and SQL."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from steelyard.errors import SteelyardError
from steelyard.pipeline.change_test import Past, judge_changes
from steelyard.pipeline.data_test import DataTest
from steelyard.pipeline.scan import Aggregate, aggregates, examples_query, scan_query
from steelyard.pipeline.step_sql import Clock
from steelyard.pipeline.table_definition import TableDefinition
from steelyard.result import Check
from steelyard.warehouse import KeyProof, Query, Warehouse
from steelyard.warehouse.key_proofs import prove_key, prove_reference

__all__ = ["Audit", "audit", "run_tests"]


@dataclass(frozen=True, kw_only=True)
class Audit:
    """What the data tests of one table found.

    Args:
        table: The table.
        checks: One for each test, in the order of the header; those that every table has come first.
        proofs: What was counted about keys and references.
        rows: How many rows the table has.
        measures: Numbers of this version that later ones are held against, by name; for a table without a time.
    """

    table: str
    checks: tuple[Check, ...]
    proofs: tuple[KeyProof, ...] = ()
    rows: int = 0
    measures: Mapping[str, float] = field(default_factory=dict)

    @property
    def stops(self) -> bool:
        """Whether a blocking test failed or could not be run."""
        return any(check.stops for check in self.checks)


def run_tests(
    definitions: Iterable[TableDefinition],
    warehouse: Warehouse,
    *,
    as_of: datetime | None = None,
    zone: str = "UTC",
) -> tuple[Check, ...]:
    """The checks of all data tests of these tables, as the tables are now.

    Args:
        definitions: The tables.
        warehouse: Where they are; any engine.
        as_of: The moment that freshness is measured at; now by default.
        zone: IANA zone in which days are counted, and of times without a zone where a table declares none.

    Returns:
        The checks, each named `table.test`.
    """
    now = as_of or datetime.now(UTC)
    found: list[Check] = []
    for definition in definitions:
        clock = Clock(as_of=now, zone=zone, stored=definition.declaration.zone)
        result = audit(definition, warehouse, clock)
        found += [replace(check, name=f"{definition.name}.{check.name}") for check in result.checks]
    return tuple(found)


def audit(
    definition: TableDefinition,
    warehouse: Warehouse,
    clock: Clock,
    *,
    version_id: str = "",
    had_rows: bool = False,
    past: Sequence[Past] = (),
    only: Callable[[DataTest], bool] | None = None,
    columns: Mapping[str, str] | None = None,
    sensitive: Collection[str] = (),
) -> Audit:
    """Runs the data tests of one table.

    Args:
        definition: The table and its tests.
        warehouse: Where it is.
        clock: When, and in which zone.
        version_id: The version that is tested, for the proofs.
        had_rows: Whether the version before had rows, so that an empty one is blocking.
        past: What earlier versions measured, for a table without a time.
        only: Which tests to run; all by default, those that every table has among them.
        columns: The table's columns and types, where they are at hand already.
        sensitive: Columns (`column` or `table.column`) of which no example is shown.
    """
    run = _Run(definition, warehouse, clock, version_id, sensitive)
    tests = [test for test in (*_implied(definition, had_rows), *definition.tests) if only is None or only(test)]
    run.columns = dict(warehouse.columns(definition.name) if columns is None else columns)
    placed = run.prepare(tests)
    run.scan(placed)
    checks = {number: found for number, test in enumerate(tests) for found in [run.checks_of(number, test)]}
    changes = [(number, test) for number, test in enumerate(tests) if test.change is not None]
    for (number, _), check in zip(changes, run.changes([test for _, test in changes], past), strict=True):
        checks[number] = [check]
    flat = [check for number in sorted(checks) for check in checks[number]]
    return Audit(
        table=definition.name,
        checks=tuple(flat),
        proofs=tuple(run.proofs),
        rows=run.rows,
        measures=run.measures,
    )


def _implied(definition: TableDefinition, had_rows: bool) -> list[DataTest]:
    """What every table is tested for: rows, and its declared key."""
    from steelyard.pipeline.data_test import RowCount

    implied = []
    if definition.empty != "allowed":
        gravity = definition.empty or ("blocking" if had_rows else "doubt")
        implied.append(DataTest(row_count=RowCount(at_least=1), severity=gravity, name="has_rows"))
    if definition.declaration.key:
        implied.append(DataTest(unique=definition.declaration.key, name="key"))
    return implied


class _Run:
    """One run of the tests of one table."""

    def __init__(
        self,
        definition: TableDefinition,
        warehouse: Warehouse,
        clock: Clock,
        version_id: str,
        sensitive: Collection[str],
    ) -> None:
        self.definition, self.warehouse, self.clock, self.version_id = definition, warehouse, clock, version_id
        self.sensitive = {name.lower() for name in sensitive}
        self.table, self.columns = definition.name, dict[str, str]()
        self.prepared: dict[int, list[Check]] = {}
        self.aggregates: dict[int, tuple[Aggregate, ...]] = {}
        self.proofs: list[KeyProof] = []
        self.rows, self.measures = 0, dict[str, float]()

    def prepare(self, tests: Sequence[DataTest]) -> list[Aggregate]:
        """The aggregates of all tests; a test that cannot be is a check that did not run."""
        placed: list[Aggregate] = []
        for number, test in enumerate(tests):
            try:
                made = aggregates(test, number, self.columns, self.clock, time=self.definition.declaration.time)
            except SteelyardError as error:
                self.prepared[number] = [_not_run(test, error)]
                continue
            if made:
                self.aggregates[number] = made
                placed += made
        return placed

    def scan(self, placed: Sequence[Aggregate]) -> None:
        """Reads every aggregate in one scan; where that fails, each alone, so that one fault spoils one test."""
        try:
            row = self.warehouse.fetch(scan_query(self.table, placed)).to_pylist()[0]
            self.rows = int(row["rows"])
            rows = {id(item): row for item in placed}
        except SteelyardError:
            rows = {}
        for number, made in self.aggregates.items():
            self.prepared[number] = [self.judged(item, rows.get(id(item))) for item in made]

    def judged(self, item: Aggregate, row: Mapping[str, object] | None) -> Check:
        try:
            if row is None:
                row = self.warehouse.fetch(scan_query(self.table, [item])).to_pylist()[0]
                self.rows = int(str(row["rows"]))
            check = item.judge(row)
            asked = examples_query(self.table, item) if check.status == "failed" else None
            if asked is None:
                return check
            if item.counted is not None and (hidden := self.hidden([item.counted.column])):
                return replace(check, says=f"{check.says}{hidden}")
            found = self.warehouse.fetch(asked).to_pylist()
            shown = ", ".join(f"{example['value']!r} ({example['n']:,})" for example in found)
            return replace(check, says=f"{check.says}: {shown}")
        except SteelyardError as error:
            return _not_run(item.test, error, item.name)

    def checks_of(self, number: int, test: DataTest) -> list[Check]:
        if number in self.prepared:
            return self.prepared[number]
        try:
            if test.unique:
                return self.unique(test)
            if test.foreign_key is not None:
                return self.foreign_key(test)
            return self.offending_rows(test) if test.sql else []
        except SteelyardError as error:
            return [_not_run(test, error)]

    def hidden(self, columns: Iterable[str]) -> str:
        """What stands in the place of examples of a sensitive column; empty where none of them is."""
        names = {form.lower() for column in columns for form in (column, f"{self.table}.{column}")}
        return ": examples are sensitive and not shown" if names & self.sensitive else ""

    def shown(self, proof: KeyProof) -> str:
        """The examples of a proof, where they may be shown."""
        if not proof.examples:
            return ""
        return self.hidden(proof.columns) or f": {', '.join(proof.examples)}"

    def unique(self, test: DataTest) -> list[Check]:
        proof = prove_key(self.warehouse, self.table, test.unique, version_id=self.version_id)
        self.proofs.append(proof)
        shown = self.shown(proof)
        key = f"({', '.join(test.unique)})"
        name = test.name or f"unique_{'_'.join(test.unique)}"
        twice = f"{proof.duplicates:,} of {proof.rows:,} rows repeat a {key}{shown}"
        absent = f"{proof.nulls:,} of {proof.rows:,} rows have a NULL in {key}"
        allowed = test.tolerates(proof.rows)
        checks = [
            _limited(
                f"{name}_unique" if test.name else name,
                test,
                proof.duplicates,
                allowed,
                twice,
                f"{key} identifies a row",
            )
        ]
        if test.name == "key":
            checks.append(_limited("key_not_null", test, proof.nulls, allowed, absent, f"no part of {key} is NULL"))
        return checks

    def foreign_key(self, test: DataTest) -> list[Check]:
        asked = test.foreign_key
        assert asked is not None  # noqa: S101  (the caller looked)
        proof = prove_reference(
            self.warehouse, self.table, asked.columns, asked.table, asked.parent_key, version_id=self.version_id
        )
        self.proofs.append(proof)
        name = test.name or f"foreign_key_{'_'.join(asked.columns)}_{asked.table}"
        mine, theirs = f"({', '.join(asked.columns)})", f"{asked.table}({', '.join(asked.parent_key)})"
        shown = self.shown(proof)
        says = f"{proof.orphans:,} of {proof.rows:,} rows refer by {mine} to no row of {theirs}{shown}"
        holds = f"every {mine} is found in {theirs}; {proof.nulls:,} rows refer to nothing"
        return [_limited(name, test, proof.orphans, test.tolerates(proof.rows), says, holds)]

    def offending_rows(self, test: DataTest) -> list[Check]:
        asked = test.sql.strip().removesuffix(";")
        counted = f"SELECT count(*) AS n FROM (\n{asked}\n) AS offending"
        bad = int(self.warehouse.fetch(Query(sql=counted, says=f"a data test of {self.table}")).to_pylist()[0]["n"])
        shown = ""
        if bad:
            rows = self.warehouse.fetch(f"SELECT * FROM (\n{asked}\n) AS offending ORDER BY 1 LIMIT 5").to_pylist()
            shown = ": " + "; ".join(", ".join(f"{name} {value}" for name, value in row.items()) for row in rows)
        says = f"{bad:,} rows offend{shown}"
        return [_limited(test.name or "sql", test, bad, test.tolerates(self.rows), says, "no row offends")]

    def changes(self, tests: Sequence[DataTest], past: Sequence[Past]) -> list[Check]:
        if not tests:
            return []
        found, self.measures = judge_changes(self.definition, self.warehouse, self.columns, self.clock, tests, past)
        return found


def _limited(name: str, test: DataTest, bad: int, allowed: int, says: str, holds: str) -> Check:
    tolerated = f" ({allowed:,} tolerated)" if allowed and bad else ""
    return Check(
        name=name,
        status="failed" if bad > allowed else "passed",
        severity=test.gravity,
        value=float(bad),
        limit=float(allowed),
        says=(says if bad else holds) + tolerated,
    )


def _not_run(test: DataTest, error: SteelyardError, name: str = "") -> Check:
    hint = f"; {error.hint}" if error.hint else ""
    columns = "_".join(test.columns())
    named = name or test.name or "_".join(part for part in (test.kind, columns) if part)
    return Check(
        name=named, status="not_run", severity=test.gravity, says=f"it could not be run: {error.problem}{hint}"
    )
