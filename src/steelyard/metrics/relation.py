"""A relation of a plan: the steps that give some leaves at the answer's groups, or at some of its dimensions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from steelyard.metrics.expression import UNKNOWN
from steelyard.metrics.facts import Fact
from steelyard.metrics.formula import Leaf
from steelyard.metrics.names import free_name, plain_name, sql_name
from steelyard.metrics.spine import Coverage, Spine

__all__ = ["PlainRelation", "Relation", "Step"]

Step = tuple[str, str]
"""The name and the SELECT of one common table expression."""


class Relation(ABC):
    """Some leaves of one fact, brought to groups.

    Args:
        fact: The fact; it groups by the dimensions of the relation.
        name: The name of the relation's last step.
        taken: Names of steps that are taken.
    """

    def __init__(self, fact: Fact, name: str, taken: set[str]) -> None:
        self.fact, self.name, self._taken = fact, name, taken
        self._steps: dict[str, str] = {}
        self.leaves: dict[str, Leaf] = {}

    @property
    def outputs(self) -> tuple[str, ...]:
        """The answer's dimensions that it has."""
        return tuple(self.fact.keys)

    def step(self, what: str) -> str:
        """The name of one of its steps, which says the table and what it has."""
        if what not in self._steps:
            self._steps[what] = free_name(f"{plain_name(self.fact.table)}_{what}", self._taken)
        return self._steps[what]

    @property
    def is_total(self) -> bool:
        """Whether it is looked up by some of the answer's keys, and its groups are no rows of the answer."""
        return any(leaf.total is not None for leaf in self.leaves.values())

    @abstractmethod
    def steps(self, grain: str | None, spine: Spine | None, coverage: Coverage | None) -> list[Step]:
        """Its steps, the last under its name.

        Args:
            grain: The answer's periods; None for the whole range.
            spine: The answer's days; None where time plays no part, or there are none.
            coverage: The days of its fact; None where time plays no part.
        """

    @property
    def repeated(self) -> Mapping[str, str]:
        """Name -> SQL, in the answer's SELECT, of what is counted once and stands in every row."""
        return self.fact.left_out()

    @abstractmethod
    def counts(self) -> Mapping[str, str]:
        """Name -> SQL, in the answer's SELECT, of what is counted beside the answer."""

    def sizes(self) -> Mapping[str, str]:
        """Name -> SQL, in the answer's SELECT, of how many units each leaf is of, where they are counted."""
        if not self.fact.size:
            return {}
        named = map(self.fact.size_of, self.leaves)
        return {name: f"{sql_name(self.name)}.{sql_name(name)}" for name in named}

    def value(self, column: str, leaf: Leaf) -> str:
        """The SQL of a leaf in the answer's SELECT; a sum or a count of no rows is 0."""
        at = f"{sql_name(self.name)}.{sql_name(column)}"
        nothing = leaf.aggregate.function in ("sum", "rows", "values", "distinct") and not self.may_be_missing(leaf)
        return f"coalesce({at}, 0)" if nothing else at

    def may_be_missing(self, leaf: Leaf) -> bool:
        """Whether a leaf can be NULL and mean it: a target that nobody set is not 0."""
        return bool(leaf.aggregate.grain)

    def labelled(self, output: str) -> bool:
        """Whether a missing value of the dimension has a label, so that it is never NULL."""
        return self.fact.keys[output].endswith((f"'{UNKNOWN}')", "END"))


class PlainRelation(Relation):
    """Leaves of the rows of each group."""

    def steps(self, grain: str | None, spine: Spine | None, coverage: Coverage | None) -> list[Step]:
        """The one SELECT of its fact."""
        text = self.fact.select(grain)
        return [*self.fact.steps, (self.name, text)]

    def counts(self) -> Mapping[str, str]:
        """Rows read, and references found, group by group."""
        return {name: f"{sql_name(self.name)}.{sql_name(name)}" for name in self.fact.counts()}
