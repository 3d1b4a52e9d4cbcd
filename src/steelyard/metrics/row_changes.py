"""What the rows of a fact in one version make of a metric, and in another: compared row by row, by key."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlglot import exp

from steelyard.errors import DataError, DefinitionError
from steelyard.metrics.aggregate import Aggregate
from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.claims import Claim
from steelyard.metrics.condition import as_many
from steelyard.metrics.deduplicated import key_columns
from steelyard.metrics.expression import Parameters
from steelyard.metrics.fact_rows import FactRows, fact_rows
from steelyard.metrics.facts import Fact, Types
from steelyard.metrics.false_claims import refuse_false_claims
from steelyard.metrics.joins import column_sql
from steelyard.metrics.keys import prove_key
from steelyard.metrics.mixed_currencies import refuse_mixed_rows
from steelyard.metrics.names import sql_name
from steelyard.metrics.question import Question
from steelyard.metrics.refusals import refuse_sums
from steelyard.metrics.relation import Step
from steelyard.warehouse import Query, StoredTable, Warehouse
from steelyard.warehouse.dialect import parse_select

__all__ = ["MOST_GROUPS", "REASONS", "RowChanges", "VersionPair", "row_changes"]

REASONS = ("late_rows", "new_rows", "removed_rows", "changed_rows", "dimension_changed", "same")
"""Why a row adds something else than it did, in the order in which a value with rows of several kinds is counted."""
MOST_GROUPS = 1_000_000


@dataclass(frozen=True, kw_only=True)
class VersionPair:
    """Two versions of the same tables, readable in one SELECT.

    Args:
        warehouse: The later version's tables under their own names, the earlier one's beside.
        names: Table -> what its earlier version is called there.
        before: The earlier tables.
        after: The later ones.
    """

    warehouse: Warehouse
    names: Mapping[str, str]
    before: Mapping[str, StoredTable]
    after: Mapping[str, StoredTable]

    def types(self, side: str) -> Types:
        """Columns and types of one of the two."""
        return {name: table.columns for name, table in getattr(self, side).items()}


@dataclass(frozen=True, kw_only=True)
class RowChanges:
    """What one aggregate was and is, group by group, by what became of the rows.

    Args:
        groups: Group -> reason -> what such rows added before, and what they add now.
        rows: Reason -> how many rows; of a distinct count, how many values.
        tables: The tables that were read: the fact first.
        by_key: Whether rows were told apart by the table's key, else by all that counts of them.
        sql: The SELECT.
    """

    groups: Mapping[tuple[Any, ...], Mapping[str, tuple[Any, Any]]]
    rows: Mapping[str, int]
    tables: tuple[str, ...]
    by_key: bool
    sql: str


def row_changes(
    catalog: MetricCatalog,
    pair: VersionPair,
    aggregate: Aggregate,
    question: Question,
    *,
    timeout: float | None = None,
) -> RowChanges:
    """One aggregate in two versions of its tables, by group and by what became of the rows.

    A row that is in the later version alone is late where its day is one that the earlier version had reached, else
    new. One that is in both, and adds something else or adds it to another group, changed itself where any column of
    its own that counts is another; else what it refers to changed.

    Args:
        catalog: The definitions, the same for both.
        pair: The versions.
        aggregate: What is aggregated.
        question: By what, and which rows.
        timeout: Seconds after which it is cancelled; None waits.

    Raises:
        UnknownNameError: A version lacks a table or a column of the definition.
        DataError: A key by which a dimension is joined is not unique.
    """
    parameters = Parameters()
    sides = {
        side: fact_rows(catalog, pair.types(side), aggregate, question, parameters) for side in ("before", "after")
    }
    fact = sides["after"].fact
    _refuse_several(fact, aggregate, question)
    for side in ("before", "after"):
        _prove_joins(catalog, pair, side, _claims(sides[side]))
    own = _own_columns(sides["after"])
    key = _key(pair, sides)
    writing = _Writing(pair, sides, aggregate, tuple(question.by), question.grain is not None, own, key)
    for side in ("before", "after"):
        refuse_mixed_rows(pair.warehouse, sides[side].fact, aggregate, steps=writing.as_it_was(side))
    sql = writing.sql()
    query = Query(sql=sql, parameters=dict(parameters.values), limit=MOST_GROUPS, says="two versions compared")
    groups: dict[tuple[Any, ...], dict[str, tuple[Any, Any]]] = {}
    rows = dict.fromkeys(REASONS, 0)
    for row in pair.warehouse.fetch(query, timeout=timeout).to_pylist():
        reason = REASONS[int(row["reason"]) - 1]
        group = tuple(row[name] for name in writing.group_names)
        groups.setdefault(group, {})[reason] = (_finite(row["amount_before"], fact), _finite(row["amount_after"], fact))
        rows[reason] += int(row["counted"])
    tables = _tables(sides["after"])
    return RowChanges(groups=groups, rows=rows, tables=tables, by_key=bool(key), sql=sql)


def _refuse_several(fact: Fact, aggregate: Aggregate, question: Question) -> None:
    """Rows that count in several groups, or for a share, are told apart by no key."""
    refuse_sums(fact, aggregate, question, question.metrics[0])
    if fact.share or fact.links:
        many = ", ".join(name for name, place in fact.dimensions.items() if as_many(place).many is not None)
        raise DefinitionError(
            f"a row of {fact.table!r} has many {many}, so what became of a row is not what became of a group",
            where="by",
            hint=f"ask for it without {many}; or for the metric itself, as of each of the two moments",
        )


def _tables(rows: FactRows) -> tuple[str, ...]:
    """The tables that are read: the fact first."""
    convert = rows.aggregate.convert
    return tuple(dict.fromkeys((rows.fact.table, *rows.fact.tables, *([convert.rates] if convert is not None else []))))


def _claims(rows: FactRows) -> tuple[Claim, ...]:
    """What must be true for the rows of one version to count right."""
    convert = rows.aggregate.convert
    rates = [] if convert is None else [Claim(convert.rates, rows.fact.catalog.tables[convert.rates].key)]
    return (*rows.fact.claims, *rates)


def _finite(value: Any, fact: Fact) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        problem = f"the rows of {fact.table!r} add up to {value!r} in one of the versions"
        raise DataError(problem, where=fact.table, hint="find the row that holds it with a data test, or exclude it")
    return 0 if value is None else value


def _prove_joins(catalog: MetricCatalog, pair: VersionPair, side: str, claims: Sequence[Claim]) -> None:
    versions = pair.before if side == "before" else pair.after

    def called(name: str) -> str:
        return pair.names[name] if side == "before" and name in pair.names else name

    by_called = {called(name): version for name, version in versions.items()}
    made = [replace(claim, table=called(claim.table), references=called(claim.references)) for claim in claims]
    refuse_false_claims(pair.warehouse, made, catalog, lambda name: by_called[name])


def _key(pair: VersionPair, sides: Mapping[str, FactRows]) -> tuple[str, ...]:
    """What identifies a row in both versions, proved: the business key, or the declared one; else empty."""
    fact = sides["after"].fact
    rule, declared = fact.rule_of(fact.table), fact.catalog.tables[fact.table]
    key = declared.key if rule is None else tuple(sorted(key_columns(rule)))
    there = all(set(key) <= set(getattr(pair, side)[declared.name].columns) for side in ("before", "after"))
    if not key or not there:
        return ()
    proofs = (
        prove_key(
            pair.warehouse, replace(declared, key=key, name=pair.names[declared.name]), pair.before[declared.name]
        ),
        prove_key(pair.warehouse, replace(declared, key=key), pair.after[declared.name]),
    )
    holds = all(proof.unique if rule is None else not proof.nulls for proof in proofs)
    return key if holds else ()


def _own_columns(rows: FactRows) -> tuple[str, ...]:
    """The fact's own columns that decide what a row adds, and where: all that its SELECT reads."""
    texts = [*rows.groups.values(), *rows.conditions, rows.amount]
    if rows.fact.time is not None:
        texts.append(rows.fact.clock().day)
    lines = "\n".join(rows.fact.lines())
    tree = parse_select(f"SELECT {', '.join(f'({text})' for text in texts)} {lines}", subset=False)
    named = {column.name for column in tree.find_all(exp.Column) if column.table == rows.fact.table}
    return tuple(column for column in rows.fact.types[rows.fact.table] if column in named)


@dataclass(frozen=True)
class _Writing:
    """The comparison on its way to SQL."""

    pair: VersionPair
    sides: Mapping[str, FactRows]
    aggregate: Aggregate
    by: tuple[str, ...]
    timed: bool
    own: tuple[str, ...]
    key: tuple[str, ...]

    @property
    def group_names(self) -> tuple[str, ...]:
        return (*(["period"] if self.timed else []), *(f"group_{n + 1}" for n in range(len(self.by))))

    @property
    def key_names(self) -> tuple[str, ...]:
        count = len(self.key) if self.key else len(self.own) + 1
        return tuple(f"key_{number + 1}" for number in range(count))

    def sql(self) -> str:
        steps = {
            "before_rows": self._rows("before"),
            "after_rows": self._rows("after"),
            "reached": "SELECT max(day) AS last_day FROM before_rows",
            "compared": self._compared(),
            "moves": self._moves(),
        }
        if self.aggregate.function == "distinct":
            steps["by_value"] = self._by_value()
        made = ",\n".join(f"{name} AS (\n{_indented(text)}\n)" for name, text in steps.items())
        return f"WITH\n{made}\n{self._totals()}"

    def _rows(self, side: str) -> str:
        """Every row of the fact in one version: its key, what it adds, and where."""
        rows = self.sides[side]
        fact = rows.fact
        day = fact.clock().day if fact.time is not None else "CAST(NULL AS DATE)"
        outputs = [f"{sql} AS {name}" for sql, name in zip(self._keys(side), self.key_names, strict=True)]
        outputs += [f"{self._own(side, name)} AS own_{number + 1}" for number, name in enumerate(self.own)]
        outputs += [f"{sql} AS {name}" for sql, name in zip(rows.groups.values(), self.group_names, strict=True)]
        counts = f"CASE WHEN {' AND '.join(rows.conditions)} THEN true ELSE false END" if rows.conditions else "true"
        outputs += [f"{day} AS day", f"{counts} AS counts", f"{rows.amount} AS amount", "true AS there"]
        lines = ["SELECT\n  " + ",\n  ".join(outputs), *fact.lines()]
        if steps := [*self.as_it_was(side), *fact.steps]:
            made = ",\n".join(f"{sql_name(name)} AS ({text})" for name, text in steps)
            lines.insert(0, f"WITH {made}")
        return "\n".join(lines)

    def as_it_was(self, side: str) -> list[Step]:
        """The steps that stand for the tables of the earlier version, under their own names."""
        if side == "after":
            return []
        return [(name, f"SELECT * FROM {sql_name(self.pair.names[name])}") for name in _tables(self.sides[side])]

    def _keys(self, side: str) -> list[str]:
        """What tells rows apart: the key; without one, all that counts of them, equal rows numbered."""
        if self.key:
            return [self._own(side, name) for name in self.key]
        own = [self._own(side, name) for name in self.own]
        partition = f"PARTITION BY {', '.join(own)}" if own else ""
        return [*own, f"row_number() OVER ({partition})"]

    def _own(self, side: str, name: str) -> str:
        """A column of the fact; as text where its type is another in the other version."""
        table = self.aggregate.table
        kinds = {str(self.pair.types(item)[table].get(name)) for item in ("before", "after")}
        column = column_sql(table, name)
        return column if len(kinds) == 1 else f"CAST({column} AS VARCHAR)"

    def _compared(self) -> str:
        """Each row of either version, with why it adds something else."""
        pairs = [(f"before_rows.{name}", f"after_rows.{name}") for name in self.key_names]
        on = " AND ".join(f"{one} IS NOT DISTINCT FROM {other}" for one, other in pairs)
        shown = [*self.group_names, "counts", "amount"]
        outputs = [f"{side}_rows.{name} AS {name}_{side}" for side in ("before", "after") for name in shown]
        alike = " AND ".join(_alike(name) for name in shown)
        own = " AND ".join(_alike(f"own_{number + 1}") for number in range(len(self.own))) or "true"
        reason = (
            "CASE\n"
            "    WHEN before_rows.there IS NULL AND after_rows.day <= reached.last_day THEN 1\n"
            "    WHEN before_rows.there IS NULL THEN 2\n"
            "    WHEN after_rows.there IS NULL THEN 3\n"
            f"    WHEN {alike} THEN 6\n"
            f"    WHEN {own} THEN 5\n"
            "    ELSE 4\n"
            "  END AS reason"
        )
        joined = f"FROM before_rows\nFULL JOIN after_rows ON {on}\nCROSS JOIN reached"
        return "SELECT\n  " + ",\n  ".join([*outputs, reason]) + f"\n{joined}"

    def _moves(self) -> str:
        """What each row added to its group before, and what it adds to its group now; a row is counted once."""
        parts = []
        for side, other in (("before", "after"), ("after", "before")):
            groups = [f"{name}_{side} AS {name}" for name in self.group_names]
            once = "1" if side == "after" else "CASE WHEN counts_after THEN 0 ELSE 1 END"
            amounts = {side: f"amount_{side}", other: "NULL"}
            outputs = [
                *groups,
                "reason",
                f"{amounts['before']} AS amount_before",
                f"{amounts['after']} AS amount_after",
                f"{once} AS counted",
            ]
            parts.append(f"SELECT {', '.join(outputs)}\nFROM compared\nWHERE counts_{side}")
        return "\nUNION ALL\n".join(parts)

    def _by_value(self) -> str:
        """A distinct value once a group: whether it was there and is, and the first reason for what is another."""
        keys = [*self.group_names, "coalesce(amount_before, amount_after)"]
        outputs = [
            *self.group_names,
            "max(CASE WHEN amount_before IS NULL THEN 0 ELSE 1 END) AS was",
            "max(CASE WHEN amount_after IS NULL THEN 0 ELSE 1 END) AS now",
            "min(CASE WHEN amount_before IS NULL THEN NULL ELSE reason END) AS lost_by",
            "min(CASE WHEN amount_after IS NULL THEN NULL ELSE reason END) AS won_by",
        ]
        where = "WHERE amount_before IS NOT NULL OR amount_after IS NOT NULL"
        return "SELECT\n  " + ",\n  ".join(outputs) + f"\nFROM moves\n{where}\nGROUP BY {', '.join(keys)}"

    def _totals(self) -> str:
        names = list(self.group_names)
        if self.aggregate.function == "distinct":
            reason = "CASE WHEN was = 1 AND now = 1 THEN 6 WHEN now = 1 THEN won_by ELSE lost_by END"
            outputs = [*names, f"{reason} AS reason", "sum(was) AS amount_before", "sum(now) AS amount_after"]
            outputs.append("count(*) AS counted")
            source = "by_value"
        else:
            outputs = [*names, "reason", "sum(amount_before) AS amount_before", "sum(amount_after) AS amount_after"]
            outputs.append("sum(counted) AS counted")
            source = "moves"
        places = ", ".join(str(number + 1) for number in range(len(names) + 1))
        return f"SELECT {', '.join(outputs)}\nFROM {source}\nGROUP BY {places}"


def _alike(name: str) -> str:
    return f"before_rows.{name} IS NOT DISTINCT FROM after_rows.{name}"


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.split("\n"))
