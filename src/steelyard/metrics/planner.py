"""The planner: a question becomes one SELECT in which facts are aggregated before they meet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta

from steelyard.metrics.additivity import adds_up_over_all_but
from steelyard.metrics.balance import BalanceRelation
from steelyard.metrics.calendar import next_period
from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.claims import Claim
from steelyard.metrics.composition import Composition, spine
from steelyard.metrics.facts import Fact, Types
from steelyard.metrics.formula import leaves
from steelyard.metrics.maturity import Through
from steelyard.metrics.names import sql_name
from steelyard.metrics.needs import Needs
from steelyard.metrics.plan import Plan
from steelyard.metrics.question import Question
from steelyard.metrics.relation import Relation
from steelyard.metrics.spine import Coverage, Spine
from steelyard.warehouse import Query

__all__ = ["Planner"]


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
        self.question = question
        self.needs = Needs(catalog, types, question)

    @property
    def facts(self) -> tuple[Fact, ...]:
        """Every fact whose days may matter."""
        return self.needs.facts

    @property
    def relations(self) -> tuple[Relation, ...]:
        """The relations of the plan, and of those inside it."""
        return _relations(self.needs)

    def plan(self, coverage: Mapping[str, Coverage] | None = None, *, parts: bool = False) -> Plan:
        """The SELECT.

        Args:
            coverage: The days of each fact, by its step's name; needed where periods are filled.
            parts: Whether to give the aggregates of each metric (`name`, or `name_numerator` and
                `name_denominator`) in place of the metric.
        """
        made = Composition(self.needs, coverage or {}, parts=parts)
        question, asked, outputs = self.question, made.asked, self.needs.outputs
        steps = [*self.needs.sources.steps.items(), *made.steps]
        text = "WITH\n" + ",\n".join(f"{sql_name(name)} AS (\n{_indented(sql)}\n)" for name, sql in steps)
        values = dict(self.needs.parameters.values)
        return Plan(
            question=question,
            query=Query(sql=f"{text}\n{made.select}", parameters=values, says=", ".join(question.metrics)),
            columns={**({"period": question.grain} if question.grain else {}), **outputs},
            tables=_tables(self.needs),
            own_keys=tuple(dict.fromkeys(r.fact.own_key for r in asked if r.fact.own_key is not None)),
            claims=_claims(self.needs),
            joined={relation.fact.name: relation.fact.joined for relation in asked},
            several=frozenset(r.fact.name for r in asked if r.fact.links or r.fact.share),
            overlaps={r.fact.name: dict(r.fact.overlaps) for r in asked if r.fact.overlaps},
            facts={relation.fact.name: relation.fact.table for relation in asked},
            counted=tuple(made.counted),
            sizes=tuple(made.sizes),
            repeated=frozenset(name for relation in asked for name in relation.repeated),
            places={key: {r.fact.name: str(r.fact.dimensions[key]) for r in asked} for key in outputs},
            non_additive=self._non_additive(made.keys),
            says=tuple(self._says(made)),
            periods=made.spine.periods if made.spine is not None and question.grain and question.fill else None,
        )

    def _non_additive(self, keys: list[str]) -> dict[str, tuple[str, ...]]:
        """Metric -> the answer's columns over which its values do not add up to the whole."""
        found = {name: adds_up_over_all_but(self.needs, name, keys) for name in self.needs.formulas}
        return {name: columns for name, columns in found.items() if columns}

    def _says(self, made: Composition) -> Iterator[str]:
        for name, formula in self.needs.formulas.items():
            for leaf in dict.fromkeys(leaves(formula)):
                if leaf.balance is not None and leaf.total is None:
                    yield f"{name} is a balance by the policy {leaf.balance.policy}: it does not add up over time."
        if self.question.having is not None:
            yield "The counts are of the groups that the condition on metrics keeps."
        for name, formula in self.needs.formulas.items():
            for mature in dict.fromkeys(leaf.aggregate.mature for leaf in leaves(formula)):
                if mature is not None:
                    yield _mature(name, mature.days, made.through[mature])
        yield from self._window_says(made)

    def _window_says(self, made: Composition) -> Iterator[str]:
        """As of which days windows are, and which are longer than the data."""
        windowed = [(name, leaf) for name, f in self.needs.formulas.items() for leaf in leaves(f) if leaf.window]
        if made.spine is None or not windowed:
            return
        if self.question.grain != "day":
            when = "of each period's last day" if self.question.grain else f"of {made.spine.until}"
            yield f"Windows are those {when}."
        for name, leaf in windowed:
            days = leaf.window.days if leaf.window is not None else None
            known = made.coverage.get(self.needs.relation(name, leaf).fact.name)
            has = (made.spine.until - known.first).days + 1 if known is not None and known.first is not None else 0
            if days is not None and days > has:
                until = made.spine.until
                yield f"The window of {name}, {days} days, is longer than the data, which has {has} to {until}."

    def partial(self, coverage: Mapping[str, Coverage]) -> dict[date, str]:
        """The periods that the data or the range cuts short, and how."""
        days = spine(self.needs, coverage)
        if days is None:
            return {}
        return {period: says for period in days.periods if (says := _cut(period, days, _complete(coverage)))}


def _mature(name: str, days: int, through: Through) -> str:
    """Which rows are old enough to count."""
    if through.day == date.min:
        return f"{name} counts no rows: no table says to which day it is complete."
    after = "own day is" if days == 0 else f"{days} days after are" if days > 1 else "day after is"
    return f"{name} counts the rows whose {after} over by {through.day} ({through.says})."


def _complete(coverage: Mapping[str, Coverage]) -> date:
    """The last day that all facts know completely."""
    return min((item.complete for item in coverage.values() if item.complete is not None), default=date.max)


def _cut(period: date, days: Spine, complete: date) -> str:
    """How a period is cut short; empty where it is whole."""
    assert days.grain is not None  # noqa: S101 - a period has one
    if isinstance(period, datetime):
        return "not known completely yet" if complete < period.date() else ""
    last = next_period(period, days.grain) - timedelta(days=1)
    said = [f"from {days.since}"] if period < days.since else []
    said += [f"to {days.until}"] if last > days.until else []
    if complete < min(last, days.until):
        said.append(f"known completely only to {complete}" if complete >= period else "not known completely yet")
    return " ".join(said[:2]) if len(said) < 3 else f"{said[0]} {said[1]}, {said[2]}"


def _relations(needs: Needs) -> tuple[Relation, ...]:
    return (*needs.relations.values(), *(found for inner in needs.inner for found in _relations(inner.needs)))


def _claims(needs: Needs) -> tuple[Claim, ...]:
    """What must be true for the answer to be right."""
    found = dict.fromkeys(claim for fact in needs.facts for claim in fact.claims)
    found |= dict.fromkeys(_keyed(needs))
    return tuple(found)


def _keyed(needs: Needs) -> Iterator[Claim]:
    """What must be true of tables beside those that are joined: every row is one of its key."""
    for relation in _relations(needs):
        leaves_of = relation.leaves.values()
        if isinstance(relation, BalanceRelation):
            yield Claim(relation.fact.table, relation.key)
        elif any(leaf.aggregate.per for leaf in leaves_of):
            yield Claim(relation.fact.table, needs.catalog.tables[relation.fact.table].key)
        rates = (leaf.aggregate.convert.rates for leaf in leaves_of if leaf.aggregate.convert is not None)
        yield from (Claim(table, needs.catalog.tables[table].key) for table in rates)


def _tables(needs: Needs) -> tuple[str, ...]:
    """The tables that are read."""
    found = dict.fromkeys(table for fact in needs.facts for table in (fact.table, *fact.tables))
    found |= dict.fromkeys(claim.table for claim in _keyed(needs))
    return tuple(found)


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.split("\n"))
