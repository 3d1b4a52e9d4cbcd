"""A question brought to a warehouse: planned, its keys proved, the days of its facts known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

from steelyard.canonical import plain
from steelyard.errors import UnknownNameError
from steelyard.metrics.calendar import next_period, period_start
from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.counted import counted
from steelyard.metrics.coverage import coverage_of
from steelyard.metrics.data_complete import data_complete, lateness_days
from steelyard.metrics.facts import Fact
from steelyard.metrics.false_claims import refuse_false_claims
from steelyard.metrics.how import FactRead, How
from steelyard.metrics.keys import prove
from steelyard.metrics.mixed_currencies import refuse_mixed_currencies
from steelyard.metrics.plan import ORDER, Plan
from steelyard.metrics.planner import Planner
from steelyard.metrics.question import Question
from steelyard.metrics.spine import Coverage
from steelyard.result import TableRead
from steelyard.warehouse import KeyProof, TableVersion, Warehouse

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Asked", "Tables"]


COUNTED = ("unconverted", "stale", "immature", "superseded", "ambiguous")
"""What a fact may count beside its rows; each is a field of `FactRead`."""


class Tables(Mapping[str, Mapping[str, str]]):
    """The columns, types and versions of a warehouse's tables, each read once, where it is needed.

    Args:
        warehouse: Where the tables are.
    """

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._names: tuple[str, ...] | None = None
        self._columns: dict[str, Mapping[str, str]] = {}
        self._versions: dict[str, TableVersion] = {}

    def __getitem__(self, table: str) -> Mapping[str, str]:
        if table not in self._columns:
            try:
                version = self.version(table)
                self._columns[table] = getattr(version, "columns", None) or self._warehouse.columns(table)
            except UnknownNameError as error:
                raise KeyError(table) from error
        return self._columns[table]

    def version(self, table: str) -> TableVersion:
        """The table's version, the same for the whole question."""
        if table not in self._versions:
            self._versions[table] = self._warehouse.version(table)
        return self._versions[table]

    def __iter__(self) -> Iterator[str]:
        if self._names is None:
            self._names = self._warehouse.tables()
        return iter(self._names)

    def __len__(self) -> int:
        return len(tuple(iter(self)))


class Asked:
    """A question with its plan, the keys that it leans on proved, and the days of its facts.

    Args:
        catalog: The definitions.
        warehouse: What is read.
        question: What is asked.
        parts: Whether the answer gives each metric's aggregates in its place.
    """

    def __init__(
        self, catalog: MetricCatalog, warehouse: Warehouse, question: Question, *, parts: bool = False
    ) -> None:
        self.catalog, self.warehouse, self.question = catalog, warehouse, question
        self._read = Tables(warehouse)
        self.planner = planner = Planner(catalog, self._read, question)
        self.coverage: dict[str, Coverage] = self._days(planner)
        self.plan: Plan = planner.plan(self.coverage or None, parts=parts)
        self.proofs: tuple[KeyProof, ...] = refuse_false_claims(
            warehouse, self.plan.claims, catalog.tables, self._read.version
        )
        self.own_proofs = tuple(
            proof for claim in self.plan.own_keys if (proof := prove(warehouse, claim, self._read.version)) is not None
        )
        refuse_mixed_currencies(warehouse, planner.relations)
        self.partial = planner.partial(self.coverage)

    def _days(self, planner: Planner) -> dict[str, Coverage]:
        """The days of every fact that has a time; facts of one table and time are looked at once."""
        found: dict[str, Coverage] = {}
        known: dict[tuple[object, ...], Coverage] = {}
        for fact in planner.facts:
            if not fact.timed:
                continue
            address = (fact.table, str(fact.time), fact.grain, fact.own)
            if address not in known:
                known[address] = self._complete(fact, coverage_of(self.warehouse, fact, self._read.version))
                known[address] = _whole(fact, known[address])
            found[fact.name] = known[address]
        return found

    def fetch(self, *, timeout: float | None = None) -> pa.Table:
        """What the plan's SELECT gives, with the counts beside the answer."""
        return self.warehouse.fetch(self.plan.query, timeout=timeout)

    @property
    def tables(self) -> tuple[TableRead, ...]:
        """The tables that are read, as they are."""
        found = (self._read.version(name) for name in sorted(self.plan.tables))
        return tuple(
            TableRead(name=v.name, version_id=v.version_id, fingerprint=v.fingerprint, rows=v.rows) for v in found
        )

    def how(self, facts: tuple[FactRead, ...], notes: tuple[str, ...], tables: tuple[TableRead, ...]) -> How:
        """How the answer is made."""
        names = self.question.metrics
        return How(
            definitions={name: self.catalog.definition(name) for name in names},
            digests={name: self.catalog.digest(name) for name in names},
            order=ORDER,
            sql=self.plan.query.sql,
            sent=self.warehouse.render(self.plan.query.sql),
            parameters=plain(self.plan.query.parameters),
            engine=f"{self.warehouse.engine} {self.warehouse.engine_version}",
            tables=tables,
            facts=facts,
            proofs=tuple(dict.fromkeys((*self.proofs, *self.own_proofs))),
            paths=self.plan.places,
            notes=notes,
        )

    def facts(self, table: pa.Table) -> tuple[FactRead, ...]:
        """What each fact gave, from the counts beside the answer."""
        return tuple(self._fact(name, fact, table) for name, fact in self.plan.facts.items())

    def _fact(self, name: str, fact: str, answer: pa.Table) -> FactRead:
        def total(column: str, unknown: str | None = None) -> int:
            if column not in self.plan.counted:
                return 0
            return counted(answer, column, unknown=unknown, repeated=column in self.plan.repeated)

        rows = total(f"{name}_rows")
        found = {joined: total(f"{name}_with_{joined}") for joined in self.plan.joined[name]}
        known = self.coverage.get(name)
        return FactRead(
            name=name,
            table=fact,
            rows=rows,
            unmatched={target: rows - matched for target, matched in found.items()},
            unknown={column: total(f"{name}_rows", column) for column in self.plan.places},
            without={table: total(f"{name}_without_{table}") for table in self._without(name)},
            **{what: max(map(total, self._counted(name, what)), default=0) for what in COUNTED},
            without_time=known.without_time if known else None,
            first=str(known.first or "") if known else "",
            last=str(known.last or "") if known else "",
            complete_through=str(known.complete or "") if known else "",
            complete_says=known.rule if known else "",
            several=name in self.plan.several,
        )

    def _complete(self, fact: Fact, coverage: Coverage) -> Coverage:
        """The days with the last that is known completely, by the longest lateness that anybody declares."""
        declared = self.catalog.tables[fact.table]
        said = [declared.lateness, *(self.catalog.metric(name).lateness for name in self.question.metrics)]
        found = data_complete(
            declared.complete_through,
            max(said, key=lambda item: lateness_days(item, declared.where)),
            self._read.version(fact.table).published_at,
            coverage.last,
            self.catalog.zone,
            where=declared.where,
        )
        through = self.question.complete_through or found.through
        return replace(coverage, complete=through, rule=found.says)

    def _without(self, name: str) -> list[str]:
        """The tables of which a row can have none, and so is in no group."""
        prefix = f"{name}_without_"
        return [column.removeprefix(prefix) for column in self.plan.counted if column.startswith(prefix)]

    def _counted(self, name: str, what: str) -> list[str]:
        return [column for column in self.plan.counted if column.startswith(f"{name}_{what}")]

    def notes(self, facts: Sequence[FactRead], truncated: bool) -> tuple[str, ...]:
        """What a reader of the answer must know."""
        return tuple(dict.fromkeys(_notes(self, facts, truncated)))


def _whole(fact: Fact, coverage: Coverage) -> Coverage:
    """A row of targets stands for its whole period, and not for the day that names it."""
    if not fact.grain or coverage.first is None or coverage.last is None:
        return coverage
    week = fact.week_start or fact.catalog.week_start
    last = next_period(period_start(coverage.last, fact.grain, week), fact.grain) - timedelta(days=1)
    return replace(coverage, first=period_start(coverage.first, fact.grain, week), last=last)


def _notes(asked: Asked, facts: Sequence[FactRead], truncated: bool) -> Iterator[str]:
    question = asked.question
    if truncated:
        yield f"There are more rows than the {question.limit} that are shown; the counts are of what is shown."
    for day, cut in asked.partial.items():
        yield f"The {question.grain} of {day} is not whole: {cut}."
    yield from asked.plan.says
    for proof in asked.own_proofs:
        yield from _key_notes(proof)
    for fact in facts:
        yield from _fact_notes(fact, question)
    for reasons in asked.plan.overlaps.values():
        for column, reason in reasons.items():
            yield f"The parts by {column!r} overlap and do not add up: {reason}."
    spans = {(fact.first, fact.last) for fact in facts if fact.first}
    if question.grain and len(spans) > 1:
        said = "; ".join(f"{fact.table} from {fact.first} to {fact.last}" for fact in facts if fact.first)
        yield f"The facts cover different days: {said}."
    for column, places in asked.plan.places.items():
        if len(set(places.values())) > 1:
            said = ", ".join(f"{place} for {asked.plan.facts[fact]}" for fact, place in places.items())
            yield f"{column!r} is {said}."


def _key_notes(proof: KeyProof) -> Iterator[str]:
    """A thing that has two rows counts twice: which, and how many."""
    if not proof.unique:
        key, shown = ", ".join(proof.columns), "; ".join(proof.examples)
        yield (
            f"The key {key} of {proof.table} is not unique: {proof.duplicates:,} rows beyond the first of their key, "
            f"{proof.nulls:,} without one ({shown}). What they say may count twice."
        )


def _fact_notes(fact: FactRead, question: Question) -> Iterator[str]:
    for target, missing in fact.unmatched.items():
        if missing:
            each = " (one that counts in several groups, in each)" if fact.several else ""
            said = f"{missing:,} of {fact.rows:,} rows of {fact.table}{each} find no row in {target}"
            yield f"{said}: what is taken from there is (unknown)."
    yield from _left_notes(fact)
    if fact.without_time:
        kept = "are in no period" if question.grain and not (question.since or question.until) else "are left out"
        yield f"{fact.without_time:,} rows of {fact.table} have no time and {kept}."
    if fact.without_time is not None and not fact.first:
        yield f"The table {fact.table} has no rows with a time."
    if fact.last and question.until and date.fromisoformat(fact.last) < question.until:
        yield f"The rows of {fact.table} end on {fact.last}, before the range does."
    if fact.first and question.since and date.fromisoformat(fact.first) > question.since:
        yield f"The rows of {fact.table} begin on {fact.first}, after the range does."


def _left_notes(fact: FactRead) -> Iterator[str]:
    for table, rows in fact.without.items():
        if rows:
            yield f"{rows:,} rows of {fact.table} have no row of {table}, and are in no group."
    if fact.unconverted:
        yield f"{fact.unconverted:,} of {fact.rows:,} rows of {fact.table} find no exchange rate: they are in no sum."
    if fact.stale:
        yield f"{fact.stale:,} of {fact.rows:,} rows of {fact.table} are converted at a rate older than allowed."
    if fact.immature:
        yield f"{fact.immature:,} of {fact.rows:,} rows of {fact.table} are too recent to count."
    if fact.superseded:
        yield f"{fact.superseded:,} rows of {fact.table} are older, copied or deleted rows of a key, and do not count."
    if fact.ambiguous:
        yield f"{fact.ambiguous:,} keys of {fact.table} are ambiguous: equally late rows disagree, and are NULL."
