"""How the values behind a metric are spread, over its rows or the things they belong to; counted in the warehouse."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from steelyard.errors import DefinitionError, unknown_name
from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.cell import Cell
from steelyard.metrics.drill import Drilling, used_values
from steelyard.metrics.fact_rows import Side
from steelyard.metrics.false_claims import refuse_false_claims
from steelyard.metrics.joins import column_sql
from steelyard.metrics.question import ask
from steelyard.metrics.small_groups import refuse_small
from steelyard.warehouse import Query, Value, Warehouse

__all__ = ["Distribution", "distribution", "distribution_per"]

BINS = 24
MOST_BINS = 60
QUANTILES = (0.005, 0.05, 0.25, 0.5, 0.75, 0.95, 0.995)
LONG_TAIL = 3.0
STEPS = tuple(map(Decimal, ("1", "2", "2.5", "5", "10")))
TOLERANCE = Decimal("1e-9")
FINEST = 1e-9  # of the values: finer bins differ in width by what doubles round
SMALLEST = 1e-290


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """How the values behind a metric are spread.

    Args:
        metric: The metric.
        per: The entity whose values they are; empty for those of rows.
        values: How many values there are.
        missing: Rows without one (NULL).
        edges: Where the bins begin, and where the last ends; a bin holds its beginning and not its end.
        counts: Values in each bin.
        below: Values under the first edge, which are in no bin.
        above: Values from the last edge on, which are in no bin.
        low: The smallest value; None where there is none.
        high: The largest.
        mean: The mean.
        quantiles: Share of values below -> value.
        sql: The SELECT that counted the bins.
        parameters: The values bound to it.
    """

    metric: str
    per: str
    values: int
    missing: int
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    below: int
    above: int
    low: float | None
    high: float | None
    mean: float | None
    quantiles: Mapping[float, float]
    sql: str
    parameters: Mapping[str, Value]

    def to_dict(self) -> dict[str, Any]:
        """The whole of it as plain values."""
        from steelyard.canonical import plain

        said = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "quantiles"}
        found = plain({**said, "quantiles": {f"{share:g}": value for share, value in self.quantiles.items()}})
        assert isinstance(found, dict)  # noqa: S101 - a mapping goes in
        return found


def distribution(
    catalog: MetricCatalog,
    warehouse: Warehouse,
    metric: str,
    *,
    per: str = "",
    side: Side | None = None,
    where: str | None = None,
    since: str | date | None = None,
    until: str | date | None = None,
    timeout: float | None = None,
) -> Distribution:
    """How the values behind a metric are spread, in bins of a round width.

    Where a few values lie far out, the bins cover the middle 99 % and the rest is counted below and above.

    Args:
        catalog: The definitions.
        warehouse: What is read.
        metric: The metric.
        per: An entity, such as `customer`: its values are those of the metric over its own rows. Empty takes the value
            that each row has.
        side: Which side of a ratio, for each has rows of its own.
        where: As in `query`.
        since: As in `query`.
        until: As in `query`.
        timeout: Seconds after which it is cancelled; None waits.

    Raises:
        UnknownNameError: It names what is not there.
        DefinitionError: Its rows have no value of their own, or are shared out.
        PolicyError: The entity's column is sensitive, or the project tells of no small groups.

    >>> import pyarrow as pa
    >>> from steelyard.metrics import Metric
    >>> from steelyard.warehouse import TableDeclaration, connect
    >>> orders = pa.table({"id": [1, 2, 3, 4], "amount": [5.0, 7.0, 7.5, None]})
    >>> catalog = MetricCatalog.of(
    ...     metrics=[Metric(name="revenue", sum="orders.amount")],
    ...     tables=[TableDeclaration(name="orders", key=("id",))],
    ... )
    >>> with connect({"orders": orders}) as warehouse:
    ...     found = distribution(catalog, warehouse, "revenue")
    >>> found.values, found.missing, found.low, found.high, sum(found.counts)
    (3, 1, 5.0, 7.5, 3)
    """
    refuse_small(
        catalog, "the bins of a distribution may be of few", "ask for the number, by what it can be grouped by"
    )
    question = ask(metric, where=where, since=since, until=until)
    drilling = Drilling(catalog, warehouse, metric, question, Cell(values={}), side)
    refuse_false_claims(warehouse, drilling.fact.claims, catalog, drilling.read.version)
    work = _Spread(drilling, metric, per, timeout)
    seen = work.summary()
    return work.found(seen)


def distribution_per(catalog: MetricCatalog, metric: str) -> tuple[str, ...]:
    """What the values of a metric can be spread over: its rows (an empty text) where they have values, and entities.

    Nothing for a metric whose number is not made of rows alone, for a ratio, which is asked a side at a time, and where
    the project tells of no small groups.
    """
    from steelyard.metrics.formula import Leaf

    formula = catalog.formula(metric)
    if (
        catalog.smallest_group > 1
        or not isinstance(formula, Leaf)
        or formula.window
        or formula.balance
        or formula.total
    ):
        return ()
    aggregate = formula.aggregate
    if aggregate.per is not None or aggregate.followed is not None or aggregate.function in ("min", "max"):
        return ()
    rows = ("",) if aggregate.function in ("sum", "quantile") else ()
    declared = catalog.tables[aggregate.table]
    open_entities = tuple(
        name
        for name, columns in declared.entities.items()
        if aggregate.function != "quantile" and not any(catalog.is_sensitive(declared.name, item) for item in columns)
    )
    return (*rows, *open_entities)


class _Spread:
    """One distribution on its way."""

    def __init__(self, drilling: Drilling, metric: str, per: str, timeout: float | None) -> None:
        self.drilling, self.metric, self.per, self.timeout = drilling, metric, per, timeout
        self.parameters = drilling.asked.planner.needs.parameters
        if drilling.fact.share:
            raise DefinitionError(
                f"the rows of {metric!r} count for their shares here, and have no value of their own",
                where="distribution",
                hint="leave out the condition on a table that rows are shared out over",
            )

    @property
    def _made(self) -> str:
        """One row a value."""
        fact, rows = self.drilling.fact, self.drilling.rows
        source = self.drilling.source
        if self.per:
            columns = self._columns()
            known = " AND ".join(f"{column} IS NOT NULL" for column in columns)
            kept = f"{source}\n  AND {known}" if self.drilling.conditions else f"{source}\nWHERE {known}"
            return f"SELECT {fact.aggregated(rows.aggregate)} AS value\n{kept}\nGROUP BY {', '.join(columns)}"
        if not rows.value or rows.aggregate.function not in ("sum", "quantile"):
            raise DefinitionError(
                f"the rows of {self.metric!r} are counted, and have no value that could be spread",
                where="distribution",
                hint=f"give `per`, such as {next(iter(self._entities), 'an entity of the table')!r}",
            )
        return f"SELECT {rows.value} AS value\n{source}"

    @property
    def _entities(self) -> Mapping[str, Sequence[str]]:
        return self.drilling.catalog.tables[self.drilling.fact.table].entities

    def _columns(self) -> list[str]:
        table, catalog = self.drilling.fact.table, self.drilling.catalog
        if self.per not in self._entities:
            raise unknown_name("entity", self.per, self._entities, where="per")
        for column in self._entities[self.per]:
            if catalog.is_sensitive(table, column):
                from steelyard.metrics.graph import Place

                raise catalog.policy_error(Place(table, column), "per")
        return [column_sql(table, column) for column in self._entities[self.per]]

    def _fetch(self, outputs: Sequence[str]) -> tuple[dict[str, Any], Query]:
        steps = ",\n".join([*self.drilling.steps, f"made AS (\n{self._made}\n)"])
        sql = f"WITH {steps}\nSELECT\n  " + ",\n  ".join(outputs) + "\nFROM made"
        query = Query(sql=sql, parameters=used_values(self.parameters.values, sql))
        return self.drilling.warehouse.fetch(query, timeout=self.timeout).to_pylist()[0], query

    def summary(self) -> dict[str, Any]:
        """How many values there are, their bounds, their mean and quantiles."""
        quantiles = [f"quantile_cont(value, {share}) AS q{number}" for number, share in enumerate(QUANTILES)]
        bounds = ["min(value) AS low", "max(value) AS high", "avg(value) AS mean"]
        return self._fetch(["count(*) AS counted", "count(value) AS valued", *bounds, *quantiles])[0]

    def found(self, seen: Mapping[str, Any]) -> Distribution:
        """The bins, counted."""
        quantiles = {
            share: float(seen[f"q{number}"]) for number, share in enumerate(QUANTILES) if seen[f"q{number}"] is not None
        }
        low, high, mean = (None if seen[name] is None else float(seen[name]) for name in ("low", "high", "mean"))
        edges = bin_edges(low, high, quantiles) if low is not None and high is not None else ()
        outputs = ["count(value) AS valued", *(self._reached(number, edge) for number, edge in enumerate(edges))]
        row, query = self._fetch(outputs)
        reached = [int(row[f"from_{number}"]) for number in range(len(edges))]
        return Distribution(
            metric=self.metric,
            per=self.per,
            values=int(seen["valued"]),
            missing=int(seen["counted"]) - int(seen["valued"]),
            edges=edges,
            counts=tuple(one - other for one, other in itertools.pairwise(reached)),
            below=int(seen["valued"]) - reached[0] if reached else 0,
            above=reached[-1] if reached else 0,
            low=low,
            high=high,
            mean=mean,
            quantiles=quantiles,
            sql=query.sql,
            parameters=query.parameters,
        )

    def _reached(self, number: int, edge: float) -> str:
        """How many values are no smaller than an edge: comparisons are exact, where dividing by a width is not."""
        bound = self.parameters.add(edge, "edge").sql(dialect="duckdb")
        return f"count(*) FILTER (WHERE value >= {bound}) AS from_{number}"


def bin_edges(low: float, high: float, quantiles: Mapping[float, float]) -> tuple[float, ...]:
    """Edges of bins of one round width; of a long tail only the middle 99 % is covered.

    >>> bin_edges(0.0, 10.0, {})[:3], len(bin_edges(3.0, 3.0, {}))
    ((0.0, 0.5, 1.0), 2)
    """
    first, last = low, high
    middle = (quantiles.get(QUANTILES[0], low), quantiles.get(QUANTILES[-1], high))
    if middle[1] > middle[0] and high - low > LONG_TAIL * (middle[1] - middle[0]):
        first, last = middle
    least = max((last - first) / BINS, FINEST * max(abs(first), abs(last)), SMALLEST)
    width = _round_width(least)
    start = math.floor(Decimal(first) / width)
    count = min(math.floor(Decimal(last) / width) - start + 1, MOST_BINS)
    return tuple(float((start + number) * width) for number in range(count + 1))


def _round_width(least: float) -> Decimal:
    """The next width that a person would choose; exact, so that every edge is the number that it is written as."""
    scale = Decimal(10) ** math.floor(math.log10(least))
    return next(scale * step for step in STEPS if scale * step >= Decimal(least) * (1 - TOLERANCE))
