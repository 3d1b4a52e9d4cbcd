"""Groups that are made alike: each weighs its strata as the group beside it does, as the steps of a SELECT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from steelyard.warehouse.query import Value, quote_name

__all__ = ["BESIDE", "WeightedCells", "reached"]

BESIDE = "beside"
"""Column of the group that a group is made alike with."""

ROUNDING = 1e-10


def reached(column: int, level: str) -> str:
    """The least value of a column at which the weight up to it reaches a level of all; over `placed` and `totals`.

    Sums of weights differ in their last digits with the order in which an engine adds them up, so that a level which is
    reached exactly must count as reached.

    Args:
        column: The column's place.
        level: The level, as SQL.
    """
    return f"min(CASE WHEN upto_{column} >= ({level} - {ROUNDING!r}) * total THEN v_{column} END)"


@dataclass(frozen=True, kw_only=True)
class WeightedCells:
    """Values by group, of which each group weighs its strata as itself and the group beside it do together.

    A cell is one group's part of a stratum. Its units weigh both groups' units in the stratum over its own, and its
    values weigh as their units do; strata in which either has fewer than two units are left out.

    Args:
        relation: The values: a table's name as `quote_name` writes it, or a SELECT in parentheses.
        units: The units, one row each, with the same columns to group by.
        group: The column of the group.
        against: The value of it that all others are compared with.
        within: Columns within whose values groups are compared; NULL is a value.
        strata: Columns of the strata; NULL is a value.
        columns: Columns of the values.
        where: A condition on the relation's rows.
        units_where: A condition on the units' rows.
        parameters: Values that relations and conditions bind.
    """

    relation: str
    units: str
    group: str
    against: Value
    within: Sequence[str]
    strata: Sequence[str]
    columns: Sequence[str]
    where: str | None = None
    units_where: str | None = None
    parameters: Mapping[str, Value] = field(default_factory=dict)

    @property
    def bound(self) -> dict[str, Value]:
        """What the steps bind."""
        return {**self.parameters, "against": self.against}

    @property
    def keys(self) -> list[str]:
        """The columns of a cell beside its group, as names."""
        return [quote_name(name) for name in dict.fromkeys((*self.within, *self.strata))]

    @property
    def addresses(self) -> str:
        """The columns of a group, of the step `cells`: its own, what it is beside, and those that it is within."""
        names = [quote_name(self.group), BESIDE, *(quote_name(name) for name in self.within)]
        return ", ".join(f"cells.{name}" for name in names)

    def steps(self, more: str = "") -> list[str]:
        """`cells`, `read_values` (a value a row), `totals`, and `placed`: values with the weight up to them.

        Groups have numbers (`place`), and so have cells, so that what is sorted is small, and what is asked of one
        group can name it whatever the types of its columns are.

        Args:
            more: More columns of `read_values`, as SQL over the relation, whose alias is `units`.
        """
        group, columns = quote_name(self.group), range(len(self.columns))
        values = "".join(f", CAST(units.{quote_name(name)} AS DOUBLE) AS v_{i}" for i, name in enumerate(self.columns))
        upto = "".join(
            f", sum(w) OVER (PARTITION BY place ORDER BY v_{i} ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) "
            f"AS upto_{i}"
            for i in columns
        )
        listed = "".join(f", v_{i}" for i in columns)
        alike = " AND ".join(f"units.{name} IS NOT DISTINCT FROM cells.{name}" for name in self.keys)
        return [
            *self._cells(),
            f"read_values AS (SELECT cells.place, cells.cell, cells.weight / cells.units AS w{values}{more} "
            f"FROM {self._asked(self.relation, self.where)} AS units "
            f"JOIN cells ON units.{group} = cells.{group} AND {alike})",
            "totals AS (SELECT place, sum(w) AS total FROM read_values GROUP BY place)",
            f"placed AS (SELECT place, w{listed}{upto} FROM read_values)",
        ]

    def _cells(self) -> list[str]:
        group, keys = quote_name(self.group), ", ".join([quote_name(self.group), *self.keys])
        within = [f"one.{quote_name(name)}" for name in self.within]
        pair = ", ".join([f"one.{group}", f"other.{group}", *within])
        every = ", ".join([pair, *(f"one.{quote_name(name)}" for name in self.strata if name not in self.within)])
        alike = " AND ".join(f"one.{name} IS NOT DISTINCT FROM other.{name}" for name in self.keys)
        own = "".join(f", one.{name}" for name in self.keys)
        return [
            f"sizes AS (SELECT {keys}, count(*) AS units FROM {self._asked(self.units, self.units_where)} AS units "
            f"GROUP BY {keys})",
            f"cells AS (SELECT one.{group}, other.{group} AS {BESIDE}{own}, one.units, "
            "CAST(one.units + other.units AS DOUBLE) AS weight, "
            f"dense_rank() OVER (ORDER BY {pair}) AS place, row_number() OVER (ORDER BY {every}) AS cell "
            f"FROM sizes AS one JOIN sizes AS other ON one.{group} <> other.{group} AND {alike} "
            f"WHERE (one.{group} = $against OR other.{group} = $against) AND one.units >= 2 AND other.units >= 2)",
        ]

    @staticmethod
    def _asked(relation: str, condition: str | None) -> str:
        return f"(SELECT * FROM {relation} AS units WHERE {condition})" if condition else relation
