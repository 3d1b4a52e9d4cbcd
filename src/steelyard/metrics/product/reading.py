"""One product question brought to a warehouse: its sources, the keys it leans on, its queries, and its answer."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from steelyard.canonical import digest, digest_of_bytes, plain
from steelyard.errors import DataError, DefinitionError
from steelyard.metrics.asked import Tables
from steelyard.metrics.calendar import Clock
from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.claims import Claim
from steelyard.metrics.data_complete import data_complete
from steelyard.metrics.expression import Parameters
from steelyard.metrics.false_claims import refuse_false_claims
from steelyard.metrics.names import free_name, sql_name
from steelyard.metrics.product.events import EventRows
from steelyard.metrics.product.product_how import ProductHow, RowsRead
from steelyard.metrics.product.product_table import ProductTable
from steelyard.metrics.product.source import Source
from steelyard.metrics.question import as_date
from steelyard.metrics.small_groups import refuse_small
from steelyard.package_versions import package_versions
from steelyard.result import Provenance, Read, TableRead
from steelyard.warehouse import KeyProof, Query, Value, Warehouse

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Reading", "asked_range", "names_apart", "names_of", "refuse_end_of_time", "steps_sql"]

MOST_ROWS = 1_000_000
_ONLY_SAID = ("dimensions", "grain", "description", "owner", "where")
PACKAGES = ("steelyard", "duckdb", "sqlglot", "pyarrow")


class Reading:
    """One product question on its way.

    Args:
        catalog: The definitions.
        warehouse: What is read.
        where: File and line of the definition, for errors.

    Raises:
        PolicyError: The project has a smallest group.
    """

    def __init__(self, catalog: MetricCatalog, warehouse: Warehouse, where: str = "") -> None:
        refuse_small(catalog, "the groups of a product analysis are not counted", "ask for a metric")
        self.catalog, self.warehouse, self.where = catalog, warehouse, where
        self.tables = Tables(warehouse)
        self.parameters = Parameters()
        self.sources: list[Source] = []
        self.reads: list[Read] = []
        self.rows: list[RowsRead] = []
        self.proofs: tuple[KeyProof, ...] = ()
        self._proved: set[Claim] = set()
        self.last_moments: list[datetime] = []
        self._taken = {name.lower() for name in catalog.tables}

    def step(self, wanted: str) -> str:
        """A name for a step of the SQL that no table has."""
        return sql_name(free_name(wanted, self._taken))

    def source(self, rows: EventRows, entity: str) -> Source:
        """The rows of one table, seen from an entity."""
        source = Source(self.catalog, self.tables, self.parameters, rows, entity, where=self.where)
        for other in self.sources:
            if _family(source.owner_type) != _family(other.owner_type):
                raise DefinitionError(
                    f"the id of {entity!r} is {other.owner_type} in {other.owner_place} and {source.owner_type} in "
                    f"{source.owner_place}: they do not compare",
                    where=self.where,
                    hint="cast one of them in a table",
                )
        self.sources.append(source)
        return source

    def value(self, value: Value, name: str) -> str:
        """The placeholder of a value that is bound."""
        return self.parameters.add(value, name).sql(dialect="duckdb")

    def within(self, clock: Clock, since: date | None, until: date | None) -> str:
        """The condition that the local day of a clock's column is in the range; `TRUE` where there is none."""
        if since is None and until is None:
            return "TRUE"
        condition, values = clock.within(since, until)
        for name, value in values.items():
            condition = condition.replace(f"${name}", self.value(value, name))
        return condition

    def survey(self, source: Source, what: str, condition: str, moment: str = "") -> RowsRead:
        """Counts a source's rows, and those of them that cannot be placed; keeps the last moment of its table."""
        column = source.clock.column
        latest = f"max({moment})" if source.clock.day_zone else moment.replace(column, f"max({column})")
        outputs = {
            "counted": f"count_if({condition})",
            "of_nobody": f"count_if(({condition}) AND {source.owner} IS NULL)",
            "without_time": f"count_if(({condition}) AND {source.placed_by} IS NULL)",
            "first_day": source.edge_day("min"),
            "last_day": source.edge_day("max"),
            **({"last_moment": latest} if moment else {}),
        }
        found = self.fetch(source.select(outputs, ()), f"rows of {source.table}").to_pylist()[0]
        read = RowsRead(
            table=source.table,
            what=what,
            rows=int(found["counted"] or 0),
            of_nobody=int(found["of_nobody"] or 0),
            without_time=int(found["without_time"] or 0),
            first_day=str(found["first_day"] or ""),
            last_day=str(found["last_day"] or ""),
        )
        self.rows.append(read)
        if found.get("last_moment") is not None:
            self.last_moments.append(found["last_moment"])
        return read

    def complete_day(self, source: Source, read: RowsRead) -> date | None:
        """The last local day of which all of a table's rows are there: as its author says it, else the last it has."""
        declared = self.catalog.tables[source.table]
        last = date.fromisoformat(read.last_day) if read.last_day else None
        if not (declared.complete_through or declared.lateness):
            return last
        published = self.tables.version(source.table).published_at
        told = data_complete(
            declared.complete_through,
            declared.lateness,
            published,
            last,
            self.catalog.zone,
            where=declared.where,
        )
        return told.through or last

    def fetch(self, sql: str, says: str, *, limit: int = MOST_ROWS) -> pa.Table:
        """What the SELECT gives; the keys that the sources join by are proved before."""
        self._prove()
        asked = set(re.findall(r"\$([a-z_][a-z0-9_]*)", sql))
        used = {name: value for name, value in self.parameters.values.items() if name in asked}
        started = time.perf_counter()
        table = self.warehouse.fetch(Query(sql=sql, parameters=used, limit=limit, says=says))
        self.reads.append(
            Read(
                name=says,
                sql=sql,
                sent=self.warehouse.render(sql),
                parameters=plain(used),
                engine=f"{self.warehouse.engine} {self.warehouse.engine_version}",
                tables=self._versions(),
                rows=table.num_rows,
                kept=_content_digest(table),
                seconds=round(time.perf_counter() - started, 6),
            )
        )
        return table

    def _prove(self) -> None:
        """Proves what the sources lean on, each once."""
        claims = [claim for source in self.sources for claim in source.fact.claims if claim not in self._proved]
        new = tuple(dict.fromkeys(claims))
        self.proofs += refuse_false_claims(self.warehouse, new, self.catalog, self.tables.version)
        self._proved.update(new)

    def _versions(self) -> tuple[TableRead, ...]:
        names = {name for source in self.sources for name in (source.table, *source.fact.tables)}
        found = (self.tables.version(name) for name in sorted(names))
        return tuple(
            TableRead(name=v.name, version_id=v.version_id, fingerprint=v.fingerprint, rows=v.rows) for v in found
        )

    def answer(
        self,
        kind: str,
        definition: Any,
        table: pa.Table,
        *,
        question: Mapping[str, Any],
        rules: Sequence[str],
        notes: Sequence[str] = (),
        tables: Mapping[str, pa.Table] | None = None,
        left_out: Mapping[str, int] | None = None,
        by: tuple[str, ...] = (),
    ) -> ProductTable:
        """The answer with how it was made; what was left out is said.

        Raises:
            DataError: A number of it is a NaN or an infinity.
        """
        _must_be_finite(definition.name, table)
        said = {
            "definition": {key: value for key, value in plain(definition).items() if key != "defined_at"},
            "question": plain({key: value for key, value in question.items() if value}),
            "tables": self._declared(),
            "zone": self.catalog.zone,
            "week_start": self.catalog.week_start,
        }
        made = ProductHow(
            kind=kind,
            definition=said,
            digest=digest(said),
            rules=tuple(rules),
            reads=tuple(self.reads),
            rows=tuple(self.rows),
            left_out=dict(left_out or {}),
            proofs=self.proofs,
        )
        return ProductTable(
            name=definition.name,
            kind=kind,
            table=table,
            tables=dict(tables or {}),
            by=by,
            how=made,
            provenance=self._provenance(made, definition.name),
            notes=(*self._missing(), *_left_out(left_out or {}), *notes),
        )

    def _declared(self) -> dict[str, Any]:
        """What the tables' authors say of them, without what changes no number."""
        names = sorted({name for source in self.sources for name in (source.table, *source.fact.tables)})
        told = {name: plain(self.catalog.tables[name]) for name in names}
        return {
            name: {key: item for key, item in said.items() if item and key not in _ONLY_SAID}
            for name, said in told.items()
        }

    def _missing(self) -> list[str]:
        found = []
        for read in self.rows:
            for count, lack in ((read.of_nobody, "do not say whom they are of"), (read.without_time, "no time")):
                if count:
                    verb = lack if lack.startswith("do") else f"have {lack}"
                    found.append(
                        f"{count:,} of {read.rows:,} rows of {read.table} ({read.what}) {verb} and are left out."
                    )
        return found

    def _provenance(self, made: ProductHow, name: str) -> Provenance:
        return Provenance(
            study=name,
            kind=made.kind,
            definition=made.definition,
            digest=made.digest,
            standing_says="a product question, and no study",
            context={"source": self.warehouse.name, "zone": self.catalog.zone},
            reads=made.reads,
            packages=package_versions(*PACKAGES),
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )


def _family(kind: str) -> str:
    """What an id is, whatever its width."""
    if "INT" in kind:
        return "whole number"
    return "text" if kind.startswith(("VARCHAR", "ENUM", "TEXT", "CHAR")) else kind


def _must_be_finite(name: str, table: pa.Table) -> None:
    """A NaN or an infinity is no number that anyone can use: it is said where it is."""
    for column in table.column_names:
        wrong = sum(isinstance(value, float) and not math.isfinite(value) for value in table.column(column).to_pylist())
        if wrong:
            problem = f"{column!r} of {name!r} is NaN or infinite in {wrong} of {table.num_rows} rows"
            hint = "a row holds such a value: find it with a data test, or exclude it"
            raise DataError(problem, where=name, hint=hint)


def _left_out(counts: Mapping[str, int]) -> list[str]:
    return [f"{count:,} {what}." for what, count in counts.items() if count]


def names_of(by: str | Sequence[str]) -> tuple[str, ...]:
    """The dimensions of a question.

    Raises:
        DefinitionError: One is empty, or is asked for twice.
    """
    names = (by,) if isinstance(by, str) else tuple(by)
    for name in names:
        if not name.strip() or names.count(name) > 1:
            raise DefinitionError(
                f"the dimension {name!r} is asked for {'twice' if name.strip() else 'without a name'}"
            )
    return names


def refuse_end_of_time(day: date | None, where: str) -> None:
    """Refuses a day of the last year that there is: it stands for "never", and no period comes after it.

    Raises:
        DataError: It is one.
    """
    if day is not None and day.year == date.max.year:
        raise DataError(
            f"the data reaches to {day}, and no period comes after that",
            where=where,
            hint="such a day means never: leave its rows out with `exclude:`, and give `complete_through`",
        )


def names_apart(catalog: MetricCatalog, table: str, names: Sequence[str], taken: Iterable[str]) -> tuple[str, ...]:
    """The dimensions of a question, with their table where the answer has a column of that name.

    Args:
        catalog: The definitions.
        table: Of whose rows they are.
        names: The dimensions.
        taken: The answer's own columns.

    Raises:
        UnknownNameError: There is no such dimension.
    """
    own = {name.lower() for name in taken}
    return tuple(str(catalog.graph.find(name, table)) if name.lower() in own else name for name in names)


def asked_range(since: str | date | None, until: str | date | None) -> tuple[date | None, date | None]:
    """The range of local dates, both ends included.

    Raises:
        DefinitionError: One is no date, or it ends before it begins.
    """
    first, last = as_date(since, "since"), as_date(until, "until")
    if first is not None and last is not None and last < first:
        problem = f"the range ends on {last} before it begins on {first}"
        raise DefinitionError(problem, hint="give the earlier date first")
    return first, last


def steps_sql(steps: Mapping[str, str], last: str) -> str:
    """Named steps, and the SELECT that ends them."""
    made = ",\n".join(
        f"{name} AS (\n" + "\n".join(f"  {line}" for line in text.split("\n")) + "\n)" for name, text in steps.items()
    )
    return f"WITH\n{made}\n{last}"


def _content_digest(table: pa.Table) -> str:
    """The digest of what came back, as one Arrow stream."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    whole = table.combine_chunks().replace_schema_metadata(None)
    with pa.ipc.new_stream(sink, whole.schema) as writer:
        writer.write_table(whole)
    return digest_of_bytes(sink.getvalue().to_pybytes())
