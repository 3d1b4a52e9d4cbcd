"""The planner: a question becomes one SELECT in which facts are aggregated before they meet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from steelyard.metrics.aggregate import Aggregate, Parts
from steelyard.metrics.calendar import next_period, period_start, periods
from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.claims import Claim
from steelyard.metrics.expression import UNKNOWN, Parameters
from steelyard.metrics.facts import Fact, Types
from steelyard.metrics.names import free_name, sql_name
from steelyard.metrics.question import Question
from steelyard.warehouse import Query

__all__ = ["Coverage", "Plan", "Planner"]

ORDER = (
    "keys are proved, and facts join only to the one row that they refer to",
    "rows are kept by the metric's own conditions (an exclusion keeps what is unknown), the question's and the dates",
    "each fact is aggregated at its own grain",
    "facts meet after that",
    "missing periods become rows",
    "ratios are divided last; a zero denominator gives NULL",
    "order, and the limit",
)


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """The local days in which a fact has rows.

    Args:
        first: The first; None for an empty table.
        last: The last.
        rows: Rows in the table.
        without_time: Rows that have no time.
    """

    first: date | None
    last: date | None
    rows: int
    without_time: int


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What will be run for a question.

    Args:
        question: What was asked.
        query: The one SELECT.
        columns: Output column -> the dimension as asked; `period` -> the grain.
        tables: The tables that are read.
        claims: What must be true of them for the answer to be right.
        joined: Fact by fact, what is joined: its name in the SELECT -> its table.
        several: The facts of which a row may count in several groups.
        overlaps: Fact by fact, output column -> why its groups have rows in common.
        facts: Name of a fact's step -> its table.
        counted: Output columns beside the answer: rows read and references found.
        places: Output column -> where each fact takes it from.
        periods: The periods of the answer; None where it has no grain or is not filled.
    """

    question: Question
    query: Query
    columns: Mapping[str, str]
    tables: tuple[str, ...]
    claims: tuple[Claim, ...]
    joined: Mapping[str, Mapping[str, str]]
    several: frozenset[str]
    overlaps: Mapping[str, Mapping[str, str]]
    facts: Mapping[str, str]
    counted: tuple[str, ...]
    places: Mapping[str, Mapping[str, str]]
    periods: tuple[date, ...] | None = None


@dataclass
class _Measured:
    """A metric, and the facts and columns that hold its aggregates."""

    name: str
    parts: Parts
    columns: list[tuple[Fact, str]] = field(default_factory=list)


class Planner:
    """A question on its way to SQL: first the facts that it needs, then, with their days known, the SELECT.

    Args:
        catalog: The definitions.
        types: Columns and types of the tables.
        question: What is asked.

    Raises:
        UnknownNameError: It names what is not there.
        DefinitionError: It has no right answer; the error says why and what to ask instead.
        PolicyError: It groups or filters by a sensitive column.
    """

    def __init__(self, catalog: MetricCatalog, types: Types, question: Question) -> None:
        self.catalog, self.types, self.question = catalog, types, question
        self.parameters = Parameters()
        self.facts: dict[tuple[str, str], Fact] = {}
        self.measured: list[_Measured] = []
        self._taken = {name.lower() for name in catalog.tables}
        self._columns = set(question.metrics)
        for name in question.metrics:
            self._add(name, catalog.parts(name))
        self.outputs = self._name_dimensions()
        for fact in self.facts.values():
            self._narrow(fact)

    def _add(self, name: str, parts: Parts) -> None:
        measured = _Measured(name, parts)
        for part, aggregate in zip(("numerator", "denominator"), parts.each, strict=False):
            fact = self._fact(aggregate)
            wanted = name if parts.denominator is None else f"{name}_{part}"
            measured.columns.append((fact, self._column(fact, aggregate, wanted, alone=parts.denominator is None)))
        self.measured.append(measured)

    def _fact(self, aggregate: Aggregate) -> Fact:
        """The fact's part of the plan; measures with another time stand apart where time matters."""
        where = aggregate.place or self.catalog.tables[aggregate.table].where
        as_of = self.catalog.time_of(aggregate.table, aggregate.time, where=where)
        timed = self.question.timed or self.catalog.graph.has_history(aggregate.table)
        key = (aggregate.table, str(as_of) if as_of and timed else "")
        if key not in self.facts:
            name = free_name(f"{_plain(aggregate.table)}_facts", self._taken)
            time = as_of if self.question.timed else None
            self.facts[key] = Fact(
                self.catalog, self.types,
                table=aggregate.table, time=time, parameters=self.parameters, name=name, as_of=as_of,
            )  # fmt: skip
        return self.facts[key]

    def _column(self, fact: Fact, aggregate: Aggregate, wanted: str, *, alone: bool) -> str:
        for name, known in fact.aggregates.items():
            if _same(known, aggregate):
                return name
        name = wanted if alone else free_name(wanted, self._columns)
        fact.aggregates[name] = aggregate
        return name

    def _name_dimensions(self) -> dict[str, str]:
        """Output column -> dimension as asked; a qualified one is called by its column where that is free."""
        taken = {*self._columns, "period"}
        outputs = {}
        for asked in self.question.by:
            column = asked.rpartition(".")[2]
            outputs[free_name(column if column not in taken else asked, taken)] = asked
        return outputs

    def _narrow(self, fact: Fact) -> None:
        for output, asked in self.outputs.items():
            fact.group_by(asked, output)
        if self.question.where is not None:
            fact.only(self.question.where, "where")
        fact.within(self.question.since, self.question.until)

    # The SELECT

    def plan(self, coverage: Mapping[str, Coverage] | None = None, *, parts: bool = False) -> Plan:
        """The SELECT.

        Args:
            coverage: The days of each fact, by its step's name; needed where periods are filled.
            parts: Whether to give the aggregates of each metric (`name`, or `name_numerator` and
                `name_denominator`) in place of the metric.
        """
        facts = list(self.facts.values())
        selected = [(fact, fact.select(self.question.grain)) for fact in facts]
        steps = [step for fact, sql in selected for step in (*fact.linked, (fact.name, sql))]
        filled = self._periods(coverage)
        keys = (["period"] if self.question.grain else []) + list(self.outputs)
        known = coverage or {}
        if filled:
            steps += self._grid(facts, filled, known)
            untimed = any(item.without_time for item in known.values())
            source, shown = self._beside("grid", facts, keys, timed=not untimed), _of("grid", keys)
        elif len(facts) > 1 and not self._never_null(facts, keys, known):
            steps.append(self._groups(facts, keys))
            source, shown = self._beside("groups", facts, keys, timed=False), _of("groups", keys)
        else:
            source, shown = self._meet(facts, keys)
        counted = [(fact, name) for fact in facts for name in fact.counts()]
        columns = [f"{sql} AS {sql_name(key)}" for sql, key in zip(shown, keys, strict=True)]
        columns += [f"{sql} AS {sql_name(name)}" for name, sql in self._values(parts)]
        columns += [f"{_at(fact, name)}" for fact, name in counted]
        sql = "WITH\n" + ",\n".join(f"{sql_name(name)} AS (\n{_indented(text)}\n)" for name, text in steps)
        sql += "\nSELECT\n" + ",\n".join(f"  {column}" for column in columns) + "\n" + source + self._order(keys, parts)
        return Plan(
            question=self.question,
            query=Query(sql=sql, parameters=dict(self.parameters.values), says=", ".join(self.question.metrics)),
            columns={**({"period": self.question.grain} if self.question.grain else {}), **self.outputs},
            tables=tuple(dict.fromkeys(table for fact in facts for table in (fact.table, *fact.tables))),
            claims=tuple(dict.fromkeys(claim for fact in facts for claim in fact.claims)),
            joined={fact.name: fact.joined for fact in facts},
            several=frozenset(fact.name for fact in facts if fact.links or fact.share),
            overlaps={fact.name: dict(fact.overlaps) for fact in facts if fact.overlaps},
            facts={fact.name: fact.table for fact in facts},
            counted=tuple(name for _, name in counted),
            places={key: {fact.name: str(fact.dimensions[key]) for fact in facts} for key in self.outputs},
            periods=filled,
        )

    def _values(self, parts: bool) -> list[tuple[str, str]]:
        values = []
        for measured in self.measured:
            columns = [_at(fact, name) for fact, name in measured.columns]
            if measured.parts.denominator is None:
                values.append((measured.name, f"coalesce({columns[0]}, 0)"))
            elif parts:
                names = (f"{measured.name}_numerator", f"{measured.name}_denominator")
                values += [(name, f"coalesce({column}, 0)") for name, column in zip(names, columns, strict=True)]
            else:
                values.append((measured.name, f"CAST(coalesce({columns[0]}, 0) AS DOUBLE) / nullif({columns[1]}, 0)"))
        return values

    def _meet(self, facts: Sequence[Fact], keys: Sequence[str]) -> tuple[str, list[str]]:
        """The facts side by side where no key can be NULL: a group that any of them has is a row."""
        lines = [f"FROM {sql_name(facts[0].name)}"]
        shown = [_at(facts[0], key) for key in keys]
        for number, fact in enumerate(facts[1:], start=2):
            if not keys:
                lines.append(f"CROSS JOIN {sql_name(fact.name)}")
                continue
            on = [f"{left} = {_at(fact, key)}" for left, key in zip(shown, keys, strict=True)]
            lines.append(f"FULL JOIN {sql_name(fact.name)} ON {' AND '.join(on)}")
            shown = [f"coalesce({', '.join(_at(member, key) for member in facts[:number])})" for key in keys]
        return "\n".join(lines), shown

    def _never_null(self, facts: Sequence[Fact], keys: Sequence[str], coverage: Mapping[str, Coverage]) -> bool:
        """Whether no key of a group can be NULL: text is labelled, and a period is there where every row has a time."""
        ranged = self.question.since is not None or self.question.until is not None
        timed = ranged or (bool(coverage) and not any(item.without_time for item in coverage.values()))
        return all(timed if key == "period" else all(_labelled(fact, key) for fact in facts) for key in keys)

    def _groups(self, facts: Sequence[Fact], keys: Sequence[str]) -> tuple[str, str]:
        """The step that lists every group that any fact has, once."""
        names = ", ".join(sql_name(key) for key in keys)
        return "groups", "\nUNION\n".join(f"SELECT DISTINCT {names} FROM {sql_name(fact.name)}" for fact in facts)

    def _beside(self, step: str, facts: Sequence[Fact], keys: Sequence[str], *, timed: bool) -> str:
        """Each fact beside a step that lists the groups; NULL meets NULL.

        A FULL JOIN would do on DuckDB, but other engines have none on IS NOT DISTINCT FROM.
        """
        lines = [f"FROM {step}"]
        for fact in facts:
            on = []
            for key in keys:
                equal = timed if key == "period" else _labelled(fact, key)
                on.append(f"{_at(fact, key)} {'=' if equal else 'IS NOT DISTINCT FROM'} {step}.{sql_name(key)}")
            lines.append(f"LEFT JOIN {sql_name(fact.name)} ON {' AND '.join(on)}")
        return "\n".join(lines)

    def _periods(self, coverage: Mapping[str, Coverage] | None) -> tuple[date, ...] | None:
        """The periods from the first day that any fact has, or was asked for, to the last."""
        if self.question.grain is None or not self.question.fill or coverage is None:
            return None
        known = [item for item in coverage.values() if item.first and item.last]
        if not known:
            return None
        first = max(min(item.first for item in known if item.first), self.question.since or date.min)
        last = min(max(item.last for item in known if item.last), self.question.until or date.max)
        if last < first:
            return None
        return tuple(periods(first, last, self.question.grain, self.catalog.week_start))

    def _grid(
        self, facts: Sequence[Fact], filled: tuple[date, ...], coverage: Mapping[str, Coverage]
    ) -> list[tuple[str, str]]:
        """Every period, for every group that has rows in any."""
        steps = {"day": "add_days({}, {})", "week": "add_days({}, {} * 7)", "month": "add_months({}, {})",
                 "quarter": "add_months({}, {} * 3)", "year": "add_months({}, {} * 12)"}  # fmt: skip
        first = self.parameters.add(filled[0], "first_period").sql(dialect="duckdb")
        further = self.parameters.add(len(filled) - 1, "further_periods").sql(dialect="duckdb")
        period = steps[str(self.question.grain)].format(first, "number")
        made = [("calendar", f"SELECT {period} AS period\nFROM number_series(0, {further})")]
        names = [sql_name(key) for key in self.outputs]
        grid = "SELECT calendar.period\nFROM calendar"
        if names:
            made.append(self._groups(facts, list(self.outputs)))
            chosen = ", ".join(f"groups.{name}" for name in names)
            grid = f"SELECT calendar.period, {chosen}\nFROM calendar\nCROSS JOIN groups"
        for fact in facts:
            if coverage[fact.name].without_time:
                untimed = ", ".join(["period", *names])
                grid += f"\nUNION\nSELECT DISTINCT {untimed} FROM {sql_name(fact.name)} WHERE period IS NULL"
        return [*made, ("grid", grid)]

    def _order(self, keys: Sequence[str], parts: bool) -> str:
        if not keys:
            return ""
        first = [] if self.question.grain or parts else [f"{sql_name(self.question.metrics[0])} DESC NULLS LAST"]
        order = f"\nORDER BY {', '.join([*first, *(f'{sql_name(key)} NULLS LAST' for key in keys)])}"
        return order + (f"\nLIMIT {self.question.limit + 1}" if self.question.limit else "")

    def partial(self, coverage: Mapping[str, Coverage]) -> dict[date, str]:
        """The periods that the data or the range cuts short, and how."""
        known = [item for item in coverage.values() if item.first and item.last]
        grain = self.question.grain
        if grain is None or not known:
            return {}
        since = max(min(item.first for item in known if item.first), self.question.since or date.min)
        until = min(max(item.last for item in known if item.last), self.question.until or date.max)
        if until < since:
            return {}
        first = period_start(since, grain, self.catalog.week_start)
        last = period_start(until, grain, self.catalog.week_start)
        cut: dict[date, str] = {}
        if first < since:
            cut[first] = f"from {since}"
        if next_period(last, grain).toordinal() - 1 > until.toordinal():
            cut[last] = f"{cut[last]} to {until}" if last in cut else f"to {until}"
        return cut


def _at(fact: Fact, name: str) -> str:
    return f"{sql_name(fact.name)}.{sql_name(name)}"


def _of(step: str, keys: Sequence[str]) -> list[str]:
    return [f"{step}.{sql_name(key)}" for key in keys]


def _labelled(fact: Fact, key: str) -> bool:
    """Whether a missing value of the dimension has a label, so that it is never NULL."""
    return fact.keys[key].endswith(f"'{UNKNOWN}')")


def _same(one: Aggregate, other: Aggregate) -> bool:
    sides = [
        (
            item.function,
            item.table,
            item.expression.sql() if item.expression else "",
            item.where,
            item.exclude,
            item.time,
        )
        for item in (one, other)
    ]
    return sides[0] == sides[1]


def _plain(table: str) -> str:
    return "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in table.lower()) or "table"


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.split("\n"))
