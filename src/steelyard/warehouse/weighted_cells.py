"""Groups that are made alike: each weighs its strata as the group beside it does, as the steps of a SELECT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from steelyard.warehouse.query import Value, quote_name

__all__ = ["BESIDE", "Wanted", "WeightedCells", "reached"]

BESIDE = "beside"
"""Column of the group that a group is made alike with."""

ROUNDING = 1e-10
FEWEST, MARGIN = 1_000, 0.002
"""Of a stratum with that many values, no more than the margin lies between a level of its own and the next values."""


def reached(quantile: int, level: str) -> str:
    """The least value at which the weight up to it reaches a level of all; over `placed_` and `totals`.

    Sums of weights differ in their last digits with the order in which an engine adds them up, so that a level which is
    reached exactly must count as reached.

    Args:
        quantile: The quantile's place.
        level: The level, as SQL.
    """
    return f"min(CASE WHEN before_{quantile} + upto >= ({level} - {ROUNDING!r}) * total THEN v END)"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Levels that are looked for.

    Args:
        column: The place of the column.
        least: The least of the levels.
        most: The greatest.
    """

    column: int
    least: float
    most: float


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

    def steps(self, wanted: Sequence[Wanted], more: str = "") -> list[str]:
        """The steps `cells`, `read_values` (a value a row), `totals`, and for each quantile `placed_`: values in order.

        Groups have numbers (`place`), and so have cells, so that what is sorted is small, and what is asked of one
        group can name it whatever the types of its columns are. Only values between the strata's own quantiles at the
        levels are sorted (`placed_`), with the weight of those before them in `totals`: the quantile of a mixture lies
        between those of its parts. Where a stratum has few values, all are.

        Args:
            wanted: The levels that are looked for.
            more: More columns of `read_values`, as SQL over the relation, whose alias is `units`.
        """
        group = quote_name(self.group)
        values = "".join(f", CAST(units.{quote_name(name)} AS DOUBLE) AS v_{i}" for i, name in enumerate(self.columns))
        alike = " AND ".join(f"units.{name} IS NOT DISTINCT FROM cells.{name}" for name in self.keys)
        return [
            *self._cells(),
            f"read_values AS (SELECT cells.place, cells.cell, cells.weight / cells.units AS w{values}{more} "
            f"FROM {self._asked(self.relation, self.where)} AS units "
            f"JOIN cells ON units.{group} = cells.{group} AND {alike})",
            *_ranges(wanted),
            *(_placed(i, one.column) for i, one in enumerate(wanted)),
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


def _ranges(wanted: Sequence[Wanted]) -> list[str]:
    """Between which values each quantile lies in each group; then its values, and the weight before that range."""
    own, ends, sums = [], [], []
    for i, one in enumerate(wanted):
        low, high = max(one.least - MARGIN, 0.0), min(one.most + MARGIN, 1.0)
        v = f"v_{one.column}"
        own += [f"count({v}) AS values_{i}"]
        own += [f"quantile_cont({v}, {level!r}) AS {end}_{i}" for end, level in (("low", low), ("high", high))]
        ends += [f"CASE WHEN min(values_{i}) >= {FEWEST} THEN min(low_{i}) END AS from_{i}, max(high_{i}) AS to_{i}"]
        sums += [
            f"count({v}) AS count_{i}, sum(CASE WHEN {v} - {v} <> 0 THEN 1 ELSE 0 END) AS not_finite_{i}, "
            f"sum(CASE WHEN {v} < from_{i} THEN w ELSE 0 END) AS before_{i}"
        ]
    return [
        f"by_cell AS (SELECT place, cell, {', '.join(own)} FROM read_values GROUP BY place, cell)",
        f"ranges AS (SELECT place, {', '.join(ends)} FROM by_cell GROUP BY place)",
        f"totals AS (SELECT place, count(*) AS n, sum(w) AS total, {', '.join(sums)} "
        "FROM read_values JOIN ranges USING (place) GROUP BY place)",
    ]


def _placed(quantile: int, column: int) -> str:
    v = f"v_{column}"
    inside = f"from_{quantile} IS NULL OR ({v} >= from_{quantile} AND {v} <= to_{quantile})"
    return (
        f"placed_{quantile} AS (SELECT place, w, v, sum(w) OVER (PARTITION BY place ORDER BY v "
        "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS upto FROM "
        f"(SELECT place, w, {v} AS v FROM read_values JOIN ranges USING (place) WHERE {inside}) AS within_{quantile})"
    )
