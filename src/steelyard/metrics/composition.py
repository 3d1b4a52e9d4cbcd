"""The one SELECT of a question: its relations' steps, where they meet, and the metrics' values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from steelyard.metrics.aggregate import Mature
from steelyard.metrics.expression import UNKNOWN, parse_expression, to_sql
from steelyard.metrics.facts import Fact
from steelyard.metrics.formula import Formula, Leaf, Quotient
from steelyard.metrics.maturity import Through, known_through
from steelyard.metrics.meeting import Meeting
from steelyard.metrics.names import free_name, sql_name
from steelyard.metrics.needs import Inner, Needs
from steelyard.metrics.relation import Relation, Step
from steelyard.metrics.spine import Coverage, Spine, spine_of

__all__ = ["Composition"]


class Composition:
    """A question's SELECT.

    Args:
        needs: What the question needs.
        coverage: The days of each fact, by its step's name; facts without a time have none.
        parts: Whether to give the aggregates of each metric (`name`, or `name_numerator` and `name_denominator`) in
            place of the metric.
        counts: Whether to give what is counted beside the answer.
        ordered: Whether rows are in order.
    """

    def __init__(
        self,
        needs: Needs,
        coverage: Mapping[str, Coverage],
        *,
        parts: bool = False,
        counts: bool = True,
        ordered: bool = True,
    ) -> None:
        self.needs, self.coverage, self.parts = needs, coverage, parts
        self.counted: list[str] = []
        self.sizes: list[str] = []
        self.through: dict[Mature, Through] = {}
        self.spine = spine(needs, coverage)
        self.steps, self.select = self._composed(counts, ordered)

    @property
    def asked(self) -> list[Relation]:
        """The relations whose groups are rows of the answer."""
        return [relation for relation in self.needs.relations.values() if not relation.is_total]

    @property
    def keys(self) -> list[str]:
        """The answer's keys: `period` where there is one, and dimensions."""
        return (["period"] if self.needs.question.grain else []) + list(self.needs.outputs)

    def _composed(self, counts: bool, ordered: bool) -> tuple[list[Step], str]:
        question = self.needs.question
        steps = [step for inner in self.needs.inner for step in _inner_steps(inner, self.coverage)]
        for relation in self.needs.relations.values():
            fact = relation.fact
            for aggregate in fact.aggregates.values():
                if aggregate.mature is not None:
                    fact.complete[aggregate.mature] = self._through(fact, aggregate.mature).day
            if self.spine is not None:
                fact.days = (self.spine.since, self.spine.until)
            steps += relation.steps(question.grain, self.spine, self.coverage.get(fact.name))
        made, shown, source = self._meeting().made()
        columns = [f"{sql} AS {sql_name(key)}" for sql, key in zip(shown, self.keys, strict=True)]
        columns += [f"{sql} AS {sql_name(name)}" for name, sql in self._values()]
        columns += self._counts() if counts else []
        select = "SELECT\n" + ",\n".join(f"  {column}" for column in columns) + "\n" + source
        if question.having is not None:
            answer = free_name("answer", self.needs.taken)
            made.append((answer, select))
            select = f"SELECT *\nFROM {sql_name(answer)}\nWHERE {self._having(question.having)}"
        return [*steps, *made], select + (self._order() if ordered else "")

    def _meeting(self) -> Meeting:
        question, full = self.needs.question, self.asked
        own = ("calendar", "groups", "grid") if len(full) > 1 or question.grain else ()
        return Meeting(
            relations=full,
            totals=[relation for relation in self.needs.relations.values() if relation.is_total],
            keys=self.keys,
            spine=self.spine if question.grain and question.fill else None,
            coverage={r.fact.name: self.coverage[r.fact.name] for r in full if r.fact.name in self.coverage},
            ranged=question.since is not None or question.until is not None,
            parameters=self.needs.parameters,
            names={name: free_name(name, self.needs.taken) for name in own},
        )

    def _counts(self) -> list[str]:
        columns = []
        for relation in self.asked:
            for name, sql in relation.counts().items():
                columns.append(sql if sql.endswith(f".{sql_name(name)}") else f"{sql} AS {sql_name(name)}")
                self.counted.append(name)
            for name, sql in relation.sizes().items():
                columns.append(f"coalesce({sql}, 0) AS {sql_name(name)}")
                self.sizes.append(name)
            for name, sql in relation.repeated.items():
                columns.append(f"{sql} AS {sql_name(name)}")
                self.counted.append(name)
        return columns

    def _through(self, fact: Fact, mature: Mature) -> Through:
        """By which day the days after a row must be over."""
        near = {item.table: self.coverage.get(item.name) for item in (fact, self.needs.following[mature])}
        known = {table: item for table, item in near.items() if item is not None}
        self.through[mature] = found = known_through(self.needs.question.complete_through, known)
        return found

    def _having(self, condition: str) -> str:
        return to_sql(
            parse_expression(condition, "having"),
            column=lambda name: sql_name(str(name)),
            type_of=lambda _: "",
            parameters=self.needs.parameters,
            where="having",
        )

    def _values(self) -> list[tuple[str, str]]:
        values = []
        for name, formula in self.needs.formulas.items():
            if self.parts and isinstance(formula, Quotient):
                sides = {"numerator": formula.numerator, "denominator": formula.denominator}
                values += [(f"{name}_{side}", self._sql(of, name)) for side, of in sides.items()]
            else:
                values.append((name, self._sql(formula, name)))
        return values

    def _sql(self, formula: Formula, name: str) -> str:
        """A metric's formula in the answer's SELECT."""
        if isinstance(formula, Leaf):
            relation = self.needs.relation(name, formula)
            return relation.value(self.needs.columns[id(relation), formula.aggregate.identity], formula)
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
            parameters=self.needs.parameters,
            where=self.needs.catalog.metric(name).defined_at,
            bind_numbers=False,
        )

    def _order(self) -> str:
        keys, question = self.keys, self.needs.question
        if not keys:
            return ""
        first = [] if question.grain or self.parts else [f"{sql_name(question.metrics[0])} DESC NULLS LAST"]
        order = f"\nORDER BY {', '.join([*first, *(f'{sql_name(key)} NULLS LAST' for key in keys)])}"
        return order + (f"\nLIMIT {question.limit + 1}" if question.limit else "")


def spine(needs: Needs, coverage: Mapping[str, Coverage]) -> Spine | None:
    """The days of the answer."""
    own = [coverage[r.fact.name] for r in needs.relations.values() if r.fact.name in coverage]
    return spine_of(
        own,
        grain=needs.question.grain,
        since=needs.question.since,
        until=needs.question.until,
        week_start=needs.week_start,
        year_start=needs.catalog.year_start,
        zone=needs.catalog.zone,
    )


def _inner_steps(inner: Inner, coverage: Mapping[str, Coverage]) -> Iterator[Step]:
    """The steps of a plan inside another, the last under its name."""
    made = Composition(inner.needs, coverage, counts=False, ordered=inner.top is not None)
    yield from made.steps
    if inner.top is None:
        yield inner.step, made.select
        return
    value = f"coalesce(CAST({sql_name(inner.output)} AS VARCHAR), '{UNKNOWN}')"
    ranked = "\n".join(f"  {line}" for line in [*made.select.split("\n"), f"LIMIT {inner.top}"])
    yield inner.step, f"SELECT {value} AS value\nFROM (\n{ranked}\n) AS ranked"
