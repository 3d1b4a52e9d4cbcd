"""A question brought to a warehouse: planned, its keys proved, the days of its facts known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from steelyard.canonical import plain
from steelyard.errors import UnknownNameError
from steelyard.metrics.answer_notes import answer_notes
from steelyard.metrics.calendar import next_period, period_start
from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.claims import Claim
from steelyard.metrics.counted import counted
from steelyard.metrics.coverage import coverage_of
from steelyard.metrics.data_complete import data_complete, lateness_days
from steelyard.metrics.facts import Fact
from steelyard.metrics.false_claims import refuse_false_claims, tellable
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


MOST_COUNTED = 1_000_000
"""Rows of a table without versions whose own key is counted at every question."""
COUNTED = ("unconverted", "stale", "immature", "of_nobody", "superseded", "ambiguous")
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
            warehouse, self.plan.claims, catalog, self._read.version
        )
        self.own_proofs, self.uncounted = self._own_keys()
        refuse_mixed_currencies(warehouse, planner.relations)
        self.partial = planner.partial(self.coverage)

    def _own_keys(self) -> tuple[tuple[KeyProof, ...], tuple[Claim, ...]]:
        """The proofs of the facts' own keys, and the keys that are not counted: too large to be, at every question."""
        proofs: list[KeyProof] = []
        uncounted: list[Claim] = []
        for claim in self.plan.own_keys:
            version = self._read.version(claim.table)
            if not version.version_id and (version.rows is None or version.rows > MOST_COUNTED):
                uncounted.append(claim)
            elif (proof := prove(self.warehouse, claim, self._read.version)) is not None:
                proofs.append(tellable(self.catalog, claim, proof))
        return tuple(proofs), tuple(uncounted)

    def _days(self, planner: Planner) -> dict[str, Coverage]:
        """The days of every fact that has a time; facts of one table and time are looked at once."""
        found: dict[str, Coverage] = {}
        known: dict[tuple[object, ...], Coverage] = {}
        for fact in planner.facts:
            if not fact.timed:
                continue
            address = (fact.table, str(fact.time), fact.grain, fact.own)
            if address not in known:
                known[address] = self._complete(fact, self._coverage(fact))
                known[address] = _whole(fact, known[address])
            found[fact.name] = known[address]
        return found

    def _coverage(self, fact: Fact) -> Coverage:
        return coverage_of(self.warehouse, fact, self._read.version, hours=self.question.grain == "hour")

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

        def unknown(column: str) -> int:
            own = f"{name}_unknown_{column}"
            return total(own) if own in self.plan.counted else total(f"{name}_rows", column)

        rows = total(f"{name}_rows")
        found = {joined: total(f"{name}_with_{joined}") for joined in self.plan.joined[name]}
        known = self.coverage.get(name)
        return FactRead(
            name=name,
            table=fact,
            rows=rows,
            unmatched={target: rows - matched for target, matched in found.items()},
            unknown={column: unknown(column) for column in self.plan.places},
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
        return answer_notes(self, facts, truncated)


def _whole(fact: Fact, coverage: Coverage) -> Coverage:
    """A row of targets stands for its whole period, and not for the day that names it."""
    if not fact.grain or coverage.first is None or coverage.last is None:
        return coverage
    starts = fact.week_start or fact.catalog.week_start, fact.catalog.year_start
    last = next_period(period_start(coverage.last, fact.grain, *starts), fact.grain) - timedelta(days=1)
    return replace(coverage, first=period_start(coverage.first, fact.grain, *starts), last=last)
