"""What a question needs: the relations that give its leaves, and the plans inside it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from steelyard.errors import DefinitionError, unknown_name
from steelyard.metrics.aggregate import Aggregate, Mature
from steelyard.metrics.balance import BalanceRelation
from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.expression import Parameters, columns_of, parse_expression
from steelyard.metrics.facts import Fact, Types
from steelyard.metrics.following import following_rows
from steelyard.metrics.formula import Formula, Leaf, Quotient, leaves
from steelyard.metrics.names import free_name, plain_name, sql_name
from steelyard.metrics.question import Question
from steelyard.metrics.refusals import refuse_hours, refuse_sums
from steelyard.metrics.relation import PlainRelation, Relation
from steelyard.metrics.small_groups import refuse_uncounted, size_of_groups
from steelyard.metrics.sources import Sources
from steelyard.metrics.unit_table import unit_place
from steelyard.metrics.window import WindowRelation

__all__ = ["OTHER", "Inner", "Needs"]

OTHER = "(other)"


@dataclass(frozen=True)
class Inner:
    """A plan inside another, whose answer is one of its steps.

    Args:
        needs: What it needs.
        step: The name of the step.
        top: How many of its rows are kept, the largest first; None keeps all.
    """

    needs: Needs
    step: str
    top: int | None = None

    @property
    def output(self) -> str:
        """The column of what it is grouped by."""
        return next(iter(self.needs.outputs))


class Needs:
    """The relations of one question; nothing is read for it but columns and types.

    Args:
        catalog: The definitions.
        types: Columns and types of the tables.
        question: What is asked.
        parameters: Takes the values; None for its own.
        taken: Names that are taken; None for those of the tables.
        sources: What stands for a table in FROM; None for its own.
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
        sources: Sources | None = None,
        entity: str = "",
    ) -> None:
        self.catalog, self.types, self.question = catalog, types, question
        self.parameters = Parameters() if parameters is None else parameters
        self.entity = entity
        self.taken = {name.lower() for name in catalog.tables} if taken is None else taken
        self.sources = Sources(catalog.tables, types, self.taken) if sources is None else sources
        self.relations: dict[tuple[object, ...], Relation] = {}
        self.inner: list[Inner] = []
        self.following: dict[Mature, Fact] = {}
        self.others: list[Fact] = []
        self.columns: dict[tuple[object, ...], str] = {}
        self._tops: dict[str, str] = {}
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
        return (*own, *self.others, *(fact for inner in self.inner for fact in inner.needs.facts))

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
            relation = self.relation(name, leaf)
            address = (id(relation), leaf.aggregate.identity)
            if address in self.columns:
                continue
            self._prepare(relation, leaf)
            wanted = f"{name}_{'total' if leaf.total else _side(formula, leaf)}"
            column = name if plain else free_name(wanted, self._named)
            self.columns[address] = column
            relation.leaves[column] = leaf
            relation.fact.aggregates[column] = leaf.aggregate

    def relation(self, name: str, leaf: Leaf) -> Relation:
        """The leaf's part of the plan; measures with another time stand apart where time matters."""
        refuse_hours(name, leaf, self.question)
        aggregate = leaf.aggregate
        dated = aggregate.convert is not None and aggregate.convert.at is None
        timed = self.question.timed or bool(leaf.window or leaf.balance or aggregate.mature is not None or dated)
        where = aggregate.place or self.catalog.tables[aggregate.table].where
        as_of = self.catalog.time_of(aggregate.table, aggregate.time, where=where)
        time = as_of if timed else None
        adds_up = aggregate.adds_up if leaf.window else True
        placed = timed or self.catalog.graph.has_history(aggregate.table)
        key = (
            *(aggregate.table, str(as_of or "") if placed else "", timed, leaf.window, leaf.balance, leaf.total),
            *(adds_up, aggregate.grain, aggregate.deduplicate, _level(leaf)),
        )
        if key not in self.relations:
            step = free_name(f"{plain_name(aggregate.table)}_{_what(leaf)}", self.taken)
            fact = Fact(
                self.catalog,
                self.types,
                table=aggregate.table,
                time=time,
                parameters=self.parameters,
                name=step,
                as_of=as_of,
                sources=self.sources,
                own=aggregate.deduplicate,
            )
            fact.week_start, fact.grain, fact.timed = self.week_start, aggregate.grain, timed
            self._narrow(name, fact, leaf)
            self.relations[key] = self._made(fact, step, leaf)
        refuse_sums(self.relations[key].fact, aggregate, self.question, name)
        return self.relations[key]

    def _made(self, fact: Fact, step: str, leaf: Leaf) -> Relation:
        if self.catalog.smallest_group > 1 and leaf.total is None:
            if leaf.window is None and leaf.balance is None:
                fact.size = size_of_groups(self.catalog, fact)
            else:
                refuse_uncounted(self.catalog, self.question, window=leaf.window is not None)
        if leaf.window:
            return WindowRelation(fact, step, self.taken, leaf.window, adds_up=leaf.aggregate.adds_up)
        if leaf.balance:
            return BalanceRelation(fact, step, self.taken, leaf.balance)
        return PlainRelation(fact, step, self.taken)

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
            step = free_name(f"{plain_name(aggregate.followed.then.table)}_that_follow", self.taken)
            following = following_rows(fact, aggregate, step)
            self.others.append(following.fact)
            fact.given[aggregate.identity] = following.condition
            assert aggregate.mature is not None  # noqa: S101 - what is followed needs days
            self.following[aggregate.mature] = following.fact
            fact.last_days[aggregate.mature] = following.last_day
            fact.units[aggregate.identity] = following.unit

    def _add_per_entity(self, fact: Fact, aggregate: Aggregate) -> None:
        per = aggregate.per
        assert per is not None  # noqa: S101 - asked before
        question = Question(metrics=(per.metric,), context=self.question.context, fill=False)
        needs = self._within(question, entity=per.entity)
        step = free_name(f"{per.metric}_per_{plain_name(per.entity)}", self.taken)
        inner = Inner(needs, step)
        self.inner.append(inner)
        key = self.catalog.tables[fact.table].key[0]
        on = f"{sql_name(step)}.{sql_name(inner.output)} = {sql_name(fact.table)}.{sql_name(key)}"
        fact.beside.append(f"LEFT JOIN {sql_name(step)} ON {on}")
        value = f"{sql_name(step)}.{sql_name(per.metric)}"
        given = f"coalesce({value}, 0)" if per.counts_nothing_as_zero else value
        for function in ("sum", "values", "min", "max", "quantile"):
            fact.given[replace(aggregate, function=function).identity] = given

    def _within(self, question: Question, *, entity: str = "") -> Needs:
        """A plan inside this one."""
        return Needs(
            self.catalog,
            self.types,
            question,
            parameters=self.parameters,
            taken=self.taken,
            sources=self.sources,
            entity=entity,
        )

    def _add_top(self, asked: str) -> None:
        """The step of the dimension's largest values by the first metric."""
        most, question = self.question.top[asked], self.question
        narrowed = replace(
            question, metrics=question.metrics[:1], by=(asked,), grain=None, top={}, having=None, limit=None, fill=False
        )
        needs = self._within(narrowed)
        step = free_name(f"top_{plain_name(next(iter(needs.outputs)))}", self.taken)
        self._tops[asked] = step
        self.inner.append(Inner(needs, step, most))

    def _apart(self, fact: Fact, asked: str, output: str) -> None:
        """Keeps the top values of a dimension apart, and calls the rest `(other)`."""
        if asked not in self._tops:
            return
        chosen = f"SELECT value FROM {sql_name(self._tops[asked])}"
        fact.relabel(output, lambda label: f"CASE WHEN {label} IN ({chosen}) THEN {label} ELSE '{OTHER}' END")

    def _check_having(self) -> None:
        if self.question.having is None:
            return
        for name in columns_of(parse_expression(self.question.having, "having")):
            if str(name) not in self.question.metrics:
                raise unknown_name("metric that is asked for", str(name), self.question.metrics, where="having")

    # The SELECT


def _side(formula: Formula, leaf: Leaf) -> str:
    """What a leaf is called in the steps: the side of the ratio that it is."""
    if isinstance(formula, Quotient):
        return "numerator" if formula.numerator == leaf else "denominator"
    return "part"


def _what(leaf: Leaf) -> str:
    """What a relation has of its table, in the name of its last step."""
    if leaf.total is not None:
        return "totals"
    if leaf.balance is not None:
        return leaf.balance.policy
    if leaf.window is None:
        return "facts"
    if leaf.window.days is not None:
        return f"last_{leaf.window.days}_days"
    return f"{leaf.window.period}_to_date" if leaf.window.period else "so_far"


def _level(leaf: Leaf) -> str:
    """What is carried forward: the last that is known of one level need not be that of another."""
    carried = leaf.balance is not None and leaf.balance.policy == "carried_forward"
    return leaf.aggregate.expression.sql() if carried and leaf.aggregate.expression is not None else ""
