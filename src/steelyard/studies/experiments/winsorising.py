"""Values beyond a limit set to it, so that a few units do not decide: as a definition, and as SQL."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steelyard.errors import DefinitionError
from steelyard.warehouse.query import Query, Value, quote_name, quote_text

if TYPE_CHECKING:
    import pyarrow as pa

    from steelyard.studies.experiments.experiment import Experiment

__all__ = ["Winsorise", "capped", "caps_known", "caps_of", "caps_query", "units_beyond"]


@dataclass(frozen=True, kw_only=True)
class Winsorise:
    """Values above a limit are set to it.

    Args:
        quantile: The limit is this quantile of all units, whatever their arm: 0.999 changes one in a thousand.
        above: The limit itself, in the metric's unit, known beforehand.

    Raises:
        DefinitionError: Both are given, or neither, or a limit that cannot be.

    >>> Winsorise(quantile=0.999).says()
    'its 99.9 % quantile'
    """

    quantile: float | None = None
    above: float | None = None

    def __post_init__(self) -> None:
        if (self.quantile is None) == (self.above is None):
            raise DefinitionError(
                f"winsorising at quantile={self.quantile!r} and above={self.above!r} has no one limit",
                hint="give exactly one: {quantile: 0.999} or {above: 500}",
            )
        if self.quantile is not None and not 0.5 < self.quantile < 1:
            raise DefinitionError(f"winsorising at the quantile {self.quantile!r}", hint="above 0.5 and below 1")
        if self.above is not None and not math.isfinite(self.above):
            raise DefinitionError(f"winsorising above {self.above!r}", hint="give a finite number")

    def says(self) -> str:
        """The limit in words."""
        return f"its {self.quantile * 100:.6g} % quantile" if self.quantile is not None else f"{self.above:.6g}"


def _wanted(study: Experiment) -> dict[str, Winsorise]:
    return {use.metric: use.winsorise for use in study.uses if isinstance(use.winsorise, Winsorise)}


def caps_query(
    study: Experiment, relation: str, values: Sequence[str], where: str | None, parameters: Mapping[str, Value]
) -> Query | None:
    """The limits that are quantiles, over units of all arms together; None where there are none.

    Raises:
        DefinitionError: A metric to be winsorised is a ratio.
    """
    for metric in _wanted(study):
        if f"{metric}:per" in values:
            raise DefinitionError(
                f"{metric!r} is a ratio: which of its parts is too large is not one question",
                where=f"{metric}.winsorise",
                hint="winsorise a mean",
            )
    by_rank = {metric: limit.quantile for metric, limit in _wanted(study).items() if limit.quantile is not None}
    if not by_rank:
        return None
    inside = ", ".join(f"CAST({quote_name(metric)} AS DOUBLE) AS v_{i}" for i, metric in enumerate(by_rank))
    outside = ", ".join(
        f"{quote_text(metric)} AS value_{i}, quantile_cont(v_{i}, {rank!r}) AS cap_{i}"
        for i, (metric, rank) in enumerate(by_rank.items())
    )
    condition = f" WHERE {where}" if where else ""
    return Query(
        sql=f"SELECT {outside}\nFROM (SELECT {inside} FROM {relation} AS units{condition}) AS read_values",
        parameters=parameters,
        limit=1,
        says="where values are winsorised, over all arms",
    )


def caps_of(table: pa.Table | None) -> dict[str, float]:
    """Metric -> limit, of what `caps_query` fetched; a metric without values has none."""
    if table is None:
        return {}
    (row,) = table.to_pylist()
    places = [key.removeprefix("value_") for key in row if key.startswith("value_")]
    found = {row[f"value_{place}"]: row[f"cap_{place}"] for place in places}
    return {metric: float(cap) for metric, cap in found.items() if cap is not None and math.isfinite(cap)}


def caps_known(study: Experiment, fetched: Mapping[str, float]) -> dict[str, float]:
    """Every limit: those that were given, and those that were fetched."""
    given = {metric: limit.above for metric, limit in _wanted(study).items() if limit.above is not None}
    return {**given, **fetched}


def capped(
    relation: str, by: Sequence[str], values: Sequence[str], where: str | None, caps: Mapping[str, float]
) -> tuple[str, str | None, dict[str, Value]]:
    """The relation with values above their limit set to it; what is missing, NaN or infinite stays as it is.

    Args:
        relation: What is read.
        by: The columns to keep beside the values.
        values: The metrics' columns.
        where: The condition under which a row counts.
        caps: Column -> limit.

    Returns:
        The relation, the condition that is left (none: it has been applied), and the limits to bind.
    """
    here = {metric: f"cap_{place}" for place, metric in enumerate(name for name in values if name in caps)}
    if not here:
        return relation, where, {}
    columns = [quote_name(name) for name in by]
    for name in values:
        value = f"CAST({quote_name(name)} AS DOUBLE)"
        if name in here:
            cap = f"CAST(${here[name]} AS DOUBLE)"
            value = f"CASE WHEN {value} > {cap} AND {value} - {value} = 0 THEN {cap} ELSE {value} END"
        columns.append(f"{value} AS {quote_name(name)}")
    condition = f" WHERE {where}" if where else ""
    sql = f"(SELECT {', '.join(columns)} FROM {relation} AS units{condition})"
    return sql, None, {name: caps[metric] for metric, name in here.items()}


def units_beyond(
    relation: str, by: str, caps: Mapping[str, float], where: str | None, parameters: Mapping[str, Value]
) -> Query:
    """Units by arm whose value lies above its limit."""
    sums = ", ".join(
        f"{quote_text(metric)} AS value_{i}, "
        f"sum(CASE WHEN CAST({quote_name(metric)} AS DOUBLE) > CAST($cap_{i} AS DOUBLE) THEN 1 ELSE 0 END) "
        f"AS beyond_{i}"
        for i, metric in enumerate(caps)
    )
    condition = f"\nWHERE {where}" if where else ""
    return Query(
        sql=f"SELECT {by}, count(*) AS n, {sums}\nFROM {relation} AS units{condition}\nGROUP BY {by}\nORDER BY {by}",
        parameters={**parameters, **{f"cap_{i}": cap for i, cap in enumerate(caps.values())}},
        says="units that were winsorised, by arm",
    )
