"""The planner: a question becomes one SELECT in which facts are aggregated before they meet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from steelyard.errors import DefinitionError, unknown_name
from steelyard.metrics.aggregate import Aggregate
from steelyard.metrics.balance import BalanceRelation
from steelyard.metrics.calendar import next_period, period_start
from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.expression import UNKNOWN, Parameters, columns_of, parse_expression, to_sql
from steelyard.metrics.facts import Fact, Types
from steelyard.metrics.followed import followed_condition
from steelyard.metrics.formula import Formula, Leaf, Quotient, leaves
from steelyard.metrics.graph import Step
from steelyard.metrics.meeting import Meeting
from steelyard.metrics.names import free_name, sql_name
from steelyard.metrics.question import Question
from steelyard.metrics.refusals import refuse_sums
from steelyard.metrics.relation import PlainRelation, Relation
from steelyard.metrics.relation import Step as SqlStep
from steelyard.metrics.spine import Coverage, Spine, spine_of
from steelyard.metrics.unit_table import unit_place
from steelyard.metrics.window import WindowRelation
from steelyard.warehouse import Query

__all__ = ["ORDER", "OTHER", "Coverage", "Plan", "Planner"]

OTHER = "(other)"
ORDER = (
    "rules of key, time and duplicates: keys are proved, and facts join only to the one row that they refer to",
    "attributes with a history are those of the fact's time",
    "rows are kept by the metric's own conditions (an exclusion keeps what is unknown), the question's and the dates",
    "fixed totals, which ignore the question's conditions but for its context",
    "each fact is aggregated at its own grain, and facts meet after that",
    "missing periods become rows",
    "windows, which look back beyond the dates",
    "the top values, and (other), from rows",
    "ratios and arithmetic; a zero denominator gives NULL",
    "conditions on metrics",
    "shares, of totals that neither those conditions nor the limit change",
    "order, and the limit",
)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What will be run for a question.

    Args:
        question: What was asked.
        query: The one SELECT.
        columns: Output column -> the dimension as asked; `period` -> the grain.
        keys: Tables whose key must be unique for the answer to be right.
        steps: The references that are joined, fact by fact, by their names in its SELECT.
        facts: Name of a fact's step -> its table.
        counted: Output columns beside the answer: rows read and references found.
        repeated: Those among them that are the same in every row.
        places: Output column -> where each fact takes it from.
        non_additive: Metric -> the columns over which its values do not add up to the whole.
        says: What a reader must know of how it was planned.
        periods: The periods of the answer; None where it has no grain or is not filled.
    """

    question: Question
    query: Query
    columns: Mapping[str, str]
    keys: tuple[str, ...]
    steps: Mapping[str, Mapping[str, Step]]
    facts: Mapping[str, str]
    counted: tuple[str, ...]
    places: Mapping[str, Mapping[str, str]]
    repeated: frozenset[str] = frozenset()
    non_additive: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    says: tuple[str, ...] = ()
    periods: tuple[date, ...] | None = None


class Planner:
    """A question on its way to SQL: first the facts that it needs, then, with their days known, the SELECT.

    Args:
        catalog: The definitions.
        types: Columns and types of the tables.
        question: What is asked.
        parameters: Takes the values; None for its own.
        taken: Names that are taken; None for those of the tables.
        entity: Groups by this entity's id too, for a plan inside another.

    Raises:
        UnknownNameError: It names what is not there.
        DefinitionError: It has no right answer; the error says why and what to ask instead.
        PolicyError: It groups or filters by a sensitive column.
    """

    def __init__(
        self,
        catalog: MetricCatalog,
        types: Types,
        question: Question,
        *,
        parameters: Parameters | None = None,
        taken: set[str] | None = None,
        entity: str = "",
    ) -> None:
        self.catalog, self.types, self.question = catalog, types, question
        self.parameters = Parameters() if parameters is None else parameters
        self.entity = entity
        self._taken = {name.lower() for name in catalog.tables} if taken is None else taken
        self.relations: dict[tuple[object, ...], Relation] = {}
        self.inner: list[Planner] = []
        self.others: list[Fact] = []
        self._columns: dict[tuple[object, ...], str] = {}
        self._tops: dict[str, str] = {}
        self._steps_first: list[tuple[Planner, str, str]] = []
        self.formulas = {name: catalog.formula(name) for name in question.metrics}
        self.week_start = self._week_start()
        self.outputs = self._name_dimensions()
        for asked in question.top:
            self._add_top(asked)
        for name, formula in self.formulas.items():
            self._add(name, formula)
        self._check_having()

    @property
    def facts(self) -> tuple[Fact, ...]:
        """Every fact whose days may matter."""
        own = [relation.fact for relation in self.relations.values()]
        return (*own, *self.others, *(fact for planner in self.inner for fact in planner.facts))

    # What is needed

    def _week_start(self) -> str:
        """The first day of the week of the metrics that are asked for."""
        starts = {leaf.aggregate.week_start: name for name, f in self.formulas.items() for leaf in leaves(f)}
        said = {start or self.catalog.week_start for start in starts}
        if len(said) > 1 and self.question.grain == "week":
            days = " and ".join(f"{name} on {start or self.catalog.week_start}" for start, name in starts.items())
            raise DefinitionError(
                f"weeks start on different days: {days}", where="by", hint="ask for one of them, or by day"
            )
        return said.pop() if len(said) == 1 else self.catalog.week_start

    def _name_dimensions(self) -> dict[str, str]:
        """Output column -> dimension as asked; a qualified one is called by its column where that is free."""
        self._named = {*self.question.metrics, "period"}
        outputs = {}
        for asked in (*self.question.by, *([self.entity] if self.entity else [])):
            column = asked.rpartition(".")[2]
            outputs[free_name(column if column not in self._named else asked, self._named)] = asked
        return outputs

    def _add(self, name: str, formula: Formula) -> None:
        plain = isinstance(formula, Leaf)
        for leaf in leaves(formula):
            relation = self._relation(name, leaf)
            address = (id(relation), leaf.aggregate.identity)
            if address in self._columns:
                continue
            self._prepare(relation, leaf)
            wanted = f"{name}_{'total' if leaf.total else _side(formula, leaf)}"
            column = name if plain else free_name(wanted, self._named)
            self._columns[address] = column
            relation.leaves[column] = leaf
            relation.fact.aggregates[column] = leaf.aggregate

    def _relation(self, name: str, leaf: Leaf) -> Relation:
        """The leaf's part of the plan; measures with another time stand apart where time matters."""
        aggregate = leaf.aggregate
        timed = self.question.timed or bool(leaf.window or leaf.balance or aggregate.mature is not None)
        where = aggregate.place or self.catalog.tables[aggregate.table].where
        time = self.catalog.time_of(aggregate.table, aggregate.time, where=where) if timed else None
        adds_up = aggregate.adds_up if leaf.window else True
        key = (aggregate.table, str(time or ""), leaf.window, leaf.balance, leaf.total, adds_up, aggregate.grain)
        if key not in self.relations:
            kind = "totals" if leaf.total else "window" if leaf.window else "balance" if leaf.balance else "facts"
            step = free_name(f"{_plain(aggregate.table)}_{kind}", self._taken)
            fact = Fact(
                self.catalog, self.types, table=aggregate.table, time=time, parameters=self.parameters, name=step
            )
            fact.week_start, fact.grain, fact.timed = self.week_start, aggregate.grain, timed
            self._narrow(name, fact, leaf)
            self.relations[key] = self._made(fact, step, leaf)
        refuse_sums(self.relations[key].fact, aggregate, self.question, name)
        return self.relations[key]

    def _made(self, fact: Fact, step: str, leaf: Leaf) -> Relation:
        if leaf.window:
            return WindowRelation(fact, step, leaf.window, adds_up=leaf.aggregate.adds_up)
        if leaf.balance:
            return BalanceRelation(fact, step, leaf.balance)
        return PlainRelation(fact, step)

    def _narrow(self, name: str, fact: Fact, leaf: Leaf) -> None:
        """Groups the fact, and keeps the rows that the question asks for; a total ignores most of it."""
        kept = None if leaf.total is None else [str(fact.dimension(item)) for item in leaf.total.within]
        for output, asked in self.outputs.items():
            if asked == self.entity:
                fact.group_by_place(unit_place(self.catalog, fact.table, self.entity), output)
            elif kept is None or str(fact.dimension(asked)) in kept:
                fact.group_by(asked, output)
                self._apart(fact, asked, output)
        if kept is not None and len(fact.keys) < len(kept):
            missing = [item for item in kept if item not in {str(place) for place in fact.dimensions.values()}]
            raise DefinitionError(
                f"{name!r} is a share within {', '.join(kept)}, and the question is not by {', '.join(missing)}",
                hint=f"ask by {', '.join(item.rpartition('.')[2] for item in missing)} too",
            )
        conditions = [("context", self.question.context)]
        if leaf.total is None or leaf.total.filtered:
            conditions.append(("where", self.question.where))
        for where, condition in conditions:
            if condition is not None:
                fact.only(condition, where)
        if not leaf.window and not leaf.balance:
            fact.within(self.question.since, self.question.until)

    def _prepare(self, relation: Relation, leaf: Leaf) -> None:
        """What a leaf needs beside its fact's rows: a metric of each entity, or the rows that can follow."""
        fact, aggregate = relation.fact, leaf.aggregate
        if aggregate.per is not None and aggregate.identity not in fact.given:
            self._add_per_entity(fact, aggregate)
        if aggregate.followed is not None:
            step = free_name(f"{_plain(aggregate.followed.then.table)}_that_follow", self._taken)
            other, condition = followed_condition(fact, aggregate, step)
            self.others.append(other)
            fact.given[aggregate.identity] = condition

    def _add_per_entity(self, fact: Fact, aggregate: Aggregate) -> None:
        per = aggregate.per
        assert per is not None  # noqa: S101 - asked before
        question = Question(metrics=(per.metric,), context=self.question.context, fill=False)
        planner = self._within(question, entity=per.entity)
        step = free_name(f"{per.metric}_per_{_plain(per.entity)}", self._taken)
        self._steps_first.append((planner, step, ""))
        key = self.catalog.tables[fact.table].key[0]
        output = next(output for output, asked in planner.outputs.items() if asked == per.entity)
        on = f"{sql_name(step)}.{sql_name(output)} = {sql_name(fact.table)}.{sql_name(key)}"
        fact.beside.append(f"LEFT JOIN {sql_name(step)} ON {on}")
        value = f"{sql_name(step)}.{sql_name(per.metric)}"
        given = f"coalesce({value}, 0)" if per.counts_nothing_as_zero else value
        for function in ("sum", "values", "min", "max", "quantile"):
            fact.given[replace(aggregate, function=function).identity] = given

    def _within(self, question: Question, *, entity: str = "") -> Planner:
        """A plan inside this one."""
        planner = Planner(
            self.catalog, self.types, question, parameters=self.parameters, taken=self._taken, entity=entity
        )
        self.inner.append(planner)
        return planner

    def _add_top(self, asked: str) -> None:
        """The step of the dimension's largest values by the first metric."""
        most, question = self.question.top[asked], self.question
        narrowed = replace(
            question, metrics=question.metrics[:1], by=(asked,), grain=None, top={}, having=None, limit=None, fill=False
        )
        planner = self._within(narrowed)
        output = next(iter(planner.outputs))
        step = free_name(f"top_{_plain(output)}", self._taken)
        self._tops[asked] = step
        self._steps_first.append((planner, step, f"{sql_name(output)}:{most}"))

    def _apart(self, fact: Fact, asked: str, output: str) -> None:
        """Keeps the top values of a dimension apart, and calls the rest `(other)`."""
        if asked not in self._tops:
            return
        label = fact.labelled_text(output)
        chosen = f"SELECT value FROM {sql_name(self._tops[asked])}"
        fact.keys[output] = f"CASE WHEN {label} IN ({chosen}) THEN {label} ELSE '{OTHER}' END"

    def _check_having(self) -> None:
        if self.question.having is None:
            return
        for name in columns_of(parse_expression(self.question.having, "having")):
            if str(name) not in self.question.metrics:
                raise unknown_name("metric that is asked for", str(name), self.question.metrics, where="having")

    # The SELECT

    def plan(self, coverage: Mapping[str, Coverage] | None = None, *, parts: bool = False) -> Plan:
        """The SELECT.

        Args:
            coverage: The days of each fact, by its step's name; needed where periods are filled.
            parts: Whether to give the aggregates of each metric (`name`, or `name_numerator` and
                `name_denominator`) in place of the metric.
        """
        known = coverage or {}
        steps, select, counted, spine = self.composed(known, parts=parts)
        text = "WITH\n" + ",\n".join(f"{sql_name(name)} AS (\n{_indented(sql)}\n)" for name, sql in steps)
        asked = [relation for relation in self.relations.values() if not _is_total(relation)]
        return Plan(
            question=self.question,
            query=Query(
                sql=f"{text}\n{select}",
                parameters=dict(self.parameters.values),
                says=", ".join(self.question.metrics),
            ),
            columns={**({"period": self.question.grain} if self.question.grain else {}), **self.outputs},
            keys=self._keys(),
            steps={relation.fact.name: dict(relation.fact.joins.steps) for relation in asked},
            facts={relation.fact.name: relation.fact.table for relation in asked},
            counted=tuple(counted),
            repeated=frozenset(name for relation in asked if isinstance(relation, WindowRelation)
                               for name in relation.counts()),
            places={key: {r.fact.name: str(r.fact.dimensions[key]) for r in asked} for key in self.outputs},
            non_additive=self._non_additive(),
            says=tuple(self._says(spine)),
            periods=spine.periods if spine is not None and self.question.grain and self.question.fill else None,
        )  # fmt: skip

    def composed(
        self, coverage: Mapping[str, Coverage], *, parts: bool = False, counts: bool = True, ordered: bool = True
    ) -> tuple[list[SqlStep], str, list[str], Spine | None]:
        """The steps, the SELECT that ends them, and the names of what is counted beside the answer."""
        question = self.question
        spine = self.spine(coverage)
        steps = [step for planner, name, top in self._steps_first for step in _first(planner, name, top, coverage)]
        for relation in self.relations.values():
            fact = relation.fact
            fact.complete = self._complete(fact, coverage)
            steps += relation.steps(question.grain, spine, coverage.get(fact.name))
        keys = (["period"] if question.grain else []) + list(self.outputs)
        full = [relation for relation in self.relations.values() if not _is_total(relation)]
        meeting = Meeting(
            relations=full,
            totals=[relation for relation in self.relations.values() if _is_total(relation)],
            keys=keys,
            spine=spine if question.grain and question.fill else None,
            coverage={r.fact.name: coverage[r.fact.name] for r in full if r.fact.name in coverage},
            ranged=question.since is not None or question.until is not None,
            parameters=self.parameters,
            names={name: free_name(name, self._taken) for name in ("calendar", "groups", "grid")}
            if len(full) > 1 or question.grain else {},
        )  # fmt: skip
        made, shown, source = meeting.made()
        columns = [f"{sql} AS {sql_name(key)}" for sql, key in zip(shown, keys, strict=True)]
        columns += [f"{sql} AS {sql_name(name)}" for name, sql in self._values(parts)]
        counted: list[str] = []
        for relation in full if counts else ():
            for name, sql in relation.counts().items():
                columns.append(sql if sql.endswith(f".{sql_name(name)}") else f"{sql} AS {sql_name(name)}")
                counted.append(name)
        select = "SELECT\n" + ",\n".join(f"  {column}" for column in columns) + "\n" + source
        if question.having is not None:
            answer = free_name("answer", self._taken)
            made.append((answer, select))
            select = f"SELECT *\nFROM {sql_name(answer)}\nWHERE {self._having()}"
        return [*steps, *made], select + (self._order(keys, parts) if ordered else ""), counted, spine

    def spine(self, coverage: Mapping[str, Coverage]) -> Spine | None:
        """The days of the answer."""
        own = [coverage[r.fact.name] for r in self.relations.values() if r.fact.name in coverage]
        return spine_of(
            own,
            grain=self.question.grain,
            since=self.question.since,
            until=self.question.until,
            week_start=self.week_start,
        )

    def _complete(self, fact: Fact, coverage: Mapping[str, Coverage]) -> date | None:
        """The last day that is known completely, for rows that need days after their own."""
        if self.question.complete_through is not None:
            return self.question.complete_through
        near = [coverage[item.name] for item in (fact, *self.others) if item.name in coverage]
        said = [item.complete for item in near if item.complete is not None]
        last = [item.last for item in near if item.last is not None]
        return min(said) if said else max(last, default=date.min)

    def _having(self) -> str:
        assert self.question.having is not None  # noqa: S101 - asked before
        return to_sql(
            parse_expression(self.question.having, "having"),
            column=lambda name: sql_name(str(name)),
            type_of=lambda _: "",
            parameters=self.parameters,
            where="having",
        )

    def _values(self, parts: bool) -> list[tuple[str, str]]:
        values = []
        for name, formula in self.formulas.items():
            if parts and isinstance(formula, Quotient):
                sides = {"numerator": formula.numerator, "denominator": formula.denominator}
                values += [(f"{name}_{side}", self._sql(of, name)) for side, of in sides.items()]
            else:
                values.append((name, self._sql(formula, name)))
        return values

    def _sql(self, formula: Formula, name: str) -> str:
        """A metric's formula in the answer's SELECT."""
        if isinstance(formula, Leaf):
            relation = self._relation(name, formula)
            return relation.value(self._columns[id(relation), formula.aggregate.identity], formula)
        if isinstance(formula, Quotient):
            below = self._sql(formula.denominator, name)
            if isinstance(formula.denominator, Leaf) and below.startswith("coalesce("):
                below = below.removeprefix("coalesce(").removesuffix(", 0)")
            return f"CAST({self._sql(formula.numerator, name)} AS DOUBLE) / nullif({below}, 0)"
        parts = {part: f"({self._sql(of, name)})" for part, of in formula.parts}
        return to_sql(
            formula.tree,
            column=lambda column: parts[column.name],
            type_of=lambda _: "",
            parameters=self.parameters,
            where=self.catalog.metric(name).defined_at,
            bind_numbers=False,
        )

    def _keys(self) -> tuple[str, ...]:
        """The tables whose key must be unique."""
        found = dict.fromkeys(step.target for fact in self.facts for step in fact.joins.steps.values())
        found |= dict.fromkeys(r.fact.table for r in self.relations.values() if isinstance(r, BalanceRelation))
        for planner in self.inner:
            found |= dict.fromkeys(planner._keys())
        found |= dict.fromkeys(fact.table for fact in self.facts if any(a.per for a in fact.aggregates.values()))
        return tuple(found)

    def _non_additive(self) -> dict[str, tuple[str, ...]]:
        """Metric -> the answer's columns over which its values do not add up to the whole."""
        keys = (["period"] if self.question.grain else []) + list(self.outputs)
        found: dict[str, tuple[str, ...]] = {}
        for name, formula in self.formulas.items():
            if not isinstance(formula, Leaf) or not formula.aggregate.adds_up:
                found[name] = tuple(keys)
            elif formula.window or formula.balance:
                found[name] = tuple(key for key in keys if key == "period")
        return {name: columns for name, columns in found.items() if columns}

    def _says(self, spine: Spine | None) -> Iterator[str]:
        for name, formula in self.formulas.items():
            for leaf in dict.fromkeys(leaves(formula)):
                if leaf.balance is not None and leaf.total is None:
                    yield f"{name} is a balance by the policy {leaf.balance.policy}: it does not add up over time."
        if spine is not None and any(leaf.window for f in self.formulas.values() for leaf in leaves(f)):
            when = "of each period's last day" if self.question.grain else f"of {spine.until}"
            if self.question.grain != "day":
                yield f"Windows are those {when}."

    def _order(self, keys: Sequence[str], parts: bool) -> str:
        if not keys:
            return ""
        first = [] if self.question.grain or parts else [f"{sql_name(self.question.metrics[0])} DESC NULLS LAST"]
        order = f"\nORDER BY {', '.join([*first, *(f'{sql_name(key)} NULLS LAST' for key in keys)])}"
        return order + (f"\nLIMIT {self.question.limit + 1}" if self.question.limit else "")

    def partial(self, coverage: Mapping[str, Coverage]) -> dict[date, str]:
        """The periods that the data or the range cuts short, and how."""
        spine = self.spine(coverage)
        grain = self.question.grain
        if grain is None or spine is None:
            return {}
        first = period_start(spine.since, grain, self.week_start)
        last = period_start(spine.until, grain, self.week_start)
        cut: dict[date, str] = {}
        if first < spine.since:
            cut[first] = f"from {spine.since}"
        if next_period(last, grain).toordinal() - 1 > spine.until.toordinal():
            cut[last] = f"{cut[last]} to {spine.until}" if last in cut else f"to {spine.until}"
        return cut


def _first(planner: Planner, name: str, top: str, coverage: Mapping[str, Coverage]) -> Iterator[SqlStep]:
    """The steps of a plan inside another, the last under the name."""
    steps, select, _, _ = planner.composed(coverage, counts=False, ordered=bool(top))
    yield from steps
    if not top:
        yield name, select
        return
    column, _, most = top.rpartition(":")
    value = f"coalesce(CAST({column} AS VARCHAR), '{UNKNOWN}')"
    yield name, f"SELECT {value} AS value\nFROM (\n{_indented(select)}\n  LIMIT {most}\n) AS ranked"


def _side(formula: Formula, leaf: Leaf) -> str:
    """What a leaf is called in the steps: the side of the ratio that it is."""
    if isinstance(formula, Quotient):
        return "numerator" if formula.numerator == leaf else "denominator"
    return "part"


def _is_total(relation: Relation) -> bool:
    return any(leaf.total is not None for leaf in relation.leaves.values())


def _plain(table: str) -> str:
    return "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in table.lower()) or "table"


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.split("\n"))
