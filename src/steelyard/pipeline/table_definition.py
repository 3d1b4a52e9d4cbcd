"""One table as its author wrote it: a YAML header in comment lines, and one SELECT."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

from sqlglot import exp

from steelyard import canonical
from steelyard.definition_file import Definition, build, read_definition
from steelyard.errors import DefinitionError, SteelyardError
from steelyard.pipeline.data_test import DataTest, Freshness
from steelyard.pipeline.materialise import Materialise
from steelyard.pipeline.references import Reference, table_references
from steelyard.pipeline.steps import Deduplicate, Step
from steelyard.pipeline.table_sql import parse_table_sql, split_table_file
from steelyard.warehouse import Bridge, History, Rates, Role, TableDeclaration
from steelyard.warehouse.named_zone import named_zone

__all__ = ["TableDefinition", "parse_table", "read_table_file"]


@dataclass(frozen=True, kw_only=True)
class Header:
    """The keys of a table file's header.

    Args:
        description: For a person.
        key: Columns that identify a row; tested to be unique and not null.
        grain: What one row is, in words.
        entity: The entity whose own table this is: its key is the entity's id.
        entities: Entity -> the columns here that hold its id.
        roles: Another name for a reference -> the entity that it refers to, and the columns here that hold its id.
        one_to_one: References (entities or roles) of which no two rows here name the same.
        complete_references: References of which a NULL, or an id that has no row, is refused and not `(unknown)`.
        history: The columns that say when a row holds, where an entity has several rows, one at a time; a table kept
            as a history has them.
        bridge: The two references that this table links many-to-many.
        time: The column that says when a row happened.
        zone: IANA zone of a `time` without one; empty is the project's.
        zones: Time column -> the IANA zone of another column without one.
        zone_of_day: The column (`column`, or `table.column` of a table referred to) with the IANA zone in which this
            row's local day is counted; empty means the project's zone.
        lateness: How long after a day its rows may still arrive, such as `2 days`.
        complete_through: The last local day of which all rows are here, such as `2026-03-30`.
        currencies: Money column -> the column with its ISO currency.
        rates: What makes this a table of exchange rates.
        dimensions: Columns that may be grouped and filtered by.
        owner: Who answers for it.
        materialise: `full`, `incremental`, `by_key` or `history`, or how in detail.
        tests: What must be true of its rows.
        freshness: How old the newest row may be: `2 days`.
        deduplicate: A deduplication of what the SELECT gives.
        steps: Named steps that the SELECT may read as tables.
        columns: Column -> type, for a table that reads itself.
        empty: How grave an empty table is; by default blocking when it had rows before, and else a doubt.
    """

    description: str = ""
    key: tuple[str, ...] = ()
    grain: str = ""
    entity: str = ""
    entities: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    roles: Mapping[str, Role] = field(default_factory=dict)
    one_to_one: tuple[str, ...] = ()
    complete_references: tuple[str, ...] = ()
    history: History | None = None
    bridge: Bridge | None = None
    time: str = ""
    zone: str = ""
    zones: Mapping[str, str] = field(default_factory=dict)
    zone_of_day: str = ""
    lateness: str = ""
    complete_through: str = ""
    currencies: Mapping[str, str] = field(default_factory=dict)
    rates: Rates | None = None
    dimensions: tuple[str, ...] = ()
    owner: str = ""
    materialise: str | Materialise = "full"
    tests: tuple[DataTest, ...] = ()
    freshness: str | Freshness | None = None
    deduplicate: Deduplicate | None = None
    steps: Mapping[str, Step] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    empty: Literal["allowed", "doubt", "blocking"] | None = None


@dataclass(frozen=True)
class TableDefinition:
    """One table as its author wrote it.

    Args:
        name: The table; the file's stem.
        sql: The one SELECT, as written.
        path: The file, as messages show it.
        first_line: The line of the file on which the SELECT begins.
        declaration: Key, grain, entities, time, dimensions.
        materialise: How it is kept between builds, with time and key filled in from the header.
        tests: What must be true of its rows, beside what every table is tested for.
        steps: Named steps that the SELECT may read as tables.
        deduplicate: A deduplication of what the SELECT gives; None where there is none.
        columns: Column -> type, for a table that reads itself.
        empty: How grave an empty table is; None means blocking when it had rows before and else a doubt.
        header: The header, which knows the line of each key.
    """

    name: str
    sql: str
    path: str
    first_line: int
    declaration: TableDeclaration
    materialise: Materialise = field(default_factory=Materialise)
    tests: tuple[DataTest, ...] = ()
    steps: Mapping[str, Step] = field(default_factory=dict)
    deduplicate: Deduplicate | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    empty: Literal["allowed", "doubt", "blocking"] | None = None
    header: Definition | None = field(default=None, repr=False, compare=False)

    @cached_property
    def tree(self) -> exp.Query:
        """The SELECT, parsed; not to be changed."""
        return parse_table_sql(self.sql, path=self.path, first_line=self.first_line)

    @cached_property
    def references(self) -> tuple[Reference, ...]:
        """Every mention of a table that is not a step of its own, with the line of the file; itself included."""
        mine = {step.casefold() for step in self.steps}
        written = [
            Reference(table=found.table, line=found.line + self.first_line - 1, column=found.column)
            for found in table_references(self.tree)
            if found.table.casefold() not in mine
        ]
        return (*self._step_references(), *written)

    def _step_references(self) -> list[Reference]:
        found: list[Reference] = []
        earlier: set[str] = set()
        for name, step in self.steps.items():
            line = self.header.line_of(("steps", name)) if self.header else self.first_line
            found += [Reference(table=t, line=line, column=1) for t in step.inputs() if t.casefold() not in earlier]
            earlier.add(name.casefold())
        return found

    @property
    def reads_itself(self) -> bool:
        """Whether it mentions its own name: what was built before."""
        return any(found.table.casefold() == self.name.casefold() for found in self.references)

    @cached_property
    def digest(self) -> str:
        """The digest of what decides its rows: the SELECT, the steps and how it is kept."""
        return canonical.digest(
            {
                "sql": self.sql,
                "steps": [[name, step] for name, step in self.steps.items()],
                "deduplicate": self.deduplicate,
                "materialise": self.materialise,
                "zone": self.declaration.zone,
            }
        )

    @cached_property
    def tests_digest(self) -> str:
        """The digest of what is tested."""
        return canonical.digest({"tests": self.tests, "key": self.declaration.key, "empty": self.empty})

    def where(self, line: int | None = None) -> str:
        """`file:line`, of the SELECT's first line unless another is given."""
        return f"{self.path}:{line or self.first_line}"


def read_table_file(path: str | Path, *, shown_as: str = "") -> TableDefinition:
    """The table that a `.sql` file defines; it is named after the file.

    Args:
        path: The file.
        shown_as: The name that messages give the file; the path as given by default.

    Raises:
        DefinitionError: The file is missing; its header is not YAML or says what cannot be; its SQL does not parse.
    """
    shown = shown_as or str(path)
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise DefinitionError(f"no file {shown!r}", where=shown) from None
    except (UnicodeDecodeError, OSError) as error:
        raise DefinitionError(f"{shown!r} cannot be read: {error}", where=shown) from error
    return parse_table(Path(path).stem, text, path=shown)


def parse_table(name: str, text: str, *, path: str = "") -> TableDefinition:
    """The table that the text of a table file defines.

    Args:
        name: The table.
        text: Header and SELECT.
        path: The file's name in messages.

    Raises:
        DefinitionError: See `read_table_file`.

    >>> orders = parse_table("orders", "-- key: order_id\\nSELECT * FROM raw_orders")
    >>> orders.declaration.key, [found.table for found in orders.references]
    (('order_id',), ['raw_orders'])
    """
    path = path or f"{name}.sql"
    parts = split_table_file(text, where=path)
    written = read_definition(path, text=parts.header)
    header = build(Header, written.data, written)
    definition = TableDefinition(
        name=name,
        sql=parts.sql,
        path=path,
        first_line=parts.first_line,
        declaration=_declaration(name, header, written),
        materialise=_materialise(header, written),
        tests=_tests(header, written),
        steps=dict(header.steps),
        deduplicate=_deduplicate(header, written),
        columns=dict(header.columns),
        empty=header.empty,
        header=written,
    )
    _refuse_contradictions(definition, written)
    return definition


def _declaration(name: str, header: Header, written: Definition) -> TableDeclaration:
    kept = header.materialise if isinstance(header.materialise, str) else header.materialise.how
    if header.zone:
        named_zone(header.zone, written.where(("zone",)))
    for column, zone in header.zones.items():
        named_zone(zone, written.where(("zones", column)))
    history = header.history or (History() if kept == "history" else None)
    began = (history.valid_from,) if history is not None and header.key else ()
    return TableDeclaration(
        name=name,
        key=tuple(dict.fromkeys((*header.key, *began))),
        grain=header.grain,
        entity=header.entity,
        entities=header.entities,
        roles=header.roles,
        one_to_one=header.one_to_one,
        complete_references=header.complete_references,
        history=history,
        bridge=header.bridge,
        time=header.time,
        zone=header.zone,
        zones=header.zones,
        zone_of_day=header.zone_of_day,
        lateness=header.lateness,
        complete_through=header.complete_through,
        currencies=header.currencies,
        rates=header.rates,
        dimensions=header.dimensions,
        description=header.description,
        owner=header.owner,
        where=written.where(),
    )


def _materialise(header: Header, written: Definition) -> Materialise:
    place = ("materialise",)
    given = header.materialise
    if isinstance(given, str):
        given = build(Materialise, {"how": given}, _placed(written, place))
    made = replace(given, time=given.time or header.time, key=given.key or header.key)
    if made.how == "incremental" and not made.time:
        raise DefinitionError(
            "a table kept by time names none", where=written.where(place), hint="add `time: <column>` to the header"
        )
    if made.how in ("by_key", "history") and not made.key:
        raise DefinitionError(
            f"a table kept as {made.how!r} has no key", where=written.where(place), hint="add `key: <columns>`"
        )
    return replace(made, time=given.time) if made.how == "history" else made


def _placed(written: Definition, place: tuple[str, ...]) -> Definition:
    """The same file, whose every place is at one key: for a key that is a word where a mapping could stand."""
    return Definition(path=written.path, data={}, lines={(): written.line_of(place)})


def _tests(header: Header, written: Definition) -> tuple[DataTest, ...]:
    tests = list(header.tests)
    if header.freshness is not None:
        given = header.freshness if isinstance(header.freshness, Freshness) else None
        fresh = given or build(Freshness, {"within": header.freshness}, _placed(written, ("freshness",)))
        tests.append(DataTest(freshness=fresh))
    for number, test in enumerate(tests):
        if test.freshness is not None and not (test.freshness.column or header.time):
            place = ("tests", number) if number < len(header.tests) else ("freshness",)
            raise DefinitionError(
                "freshness of a table without a time", where=written.where(place), hint="name its `column:`"
            )
    return tuple(tests)


def _deduplicate(header: Header, written: Definition) -> Deduplicate | None:
    asked = header.deduplicate
    if asked is None:
        return None
    if asked.of:
        raise DefinitionError(
            f"the header's own `deduplicate:` is of the SELECT, not of {asked.of!r}",
            where=written.where(("deduplicate", "of")),
            hint="leave `of:` out, or declare it under `steps:`",
        )
    if not (asked.key or header.key):
        raise DefinitionError(
            "a deduplication by no key", where=written.where(("deduplicate",)), hint="give `key:` here or above"
        )
    return replace(asked, key=asked.key or header.key)


def _refuse_contradictions(definition: TableDefinition, written: Definition) -> None:
    try:
        tree = definition.tree
    except SteelyardError as error:
        raise error.at(definition.where()) from None
    for step in definition.steps:
        if not re.fullmatch(r"[A-Za-z_]\w*", step) or step.casefold() == definition.name.casefold():
            raise DefinitionError(
                f"a step cannot be named {step!r}",
                where=written.where(("steps", step)),
                hint="a plain name that is not the table's own",
            )
    names = [name.casefold() for name in tree.named_selects if name and name != "*"]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DefinitionError(
            f"the SELECT gives two columns named {twice[0]!r}", where=definition.where(), hint="rename one with AS"
        )
    if definition.reads_itself and definition.materialise.how != "incremental":
        line = next(f.line for f in definition.references if f.table.casefold() == definition.name.casefold())
        raise DefinitionError(
            f"table {definition.name!r} reads itself",
            where=definition.where(line),
            hint="only a table with `materialise: {how: incremental}` may; or rename what you mean in a CTE",
        )
    if definition.reads_itself and not definition.columns:
        raise DefinitionError(
            f"table {definition.name!r} reads itself and its first build would find nothing to read",
            where=definition.where(),
            hint="declare `columns: {name: TYPE}` in the header: the first build reads an empty table of them",
        )
