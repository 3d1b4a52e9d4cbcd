"""What difference-in-differences fetches: mean paths, then moments of the periods over units."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from steelyard.errors import DefinitionError, unknown_name
from steelyard.studies.causal.periods import earlier_start, periods_between
from steelyard.studies.study import Context
from steelyard.warehouse.query import Query, Value, quote_name

if TYPE_CHECKING:
    import pyarrow as pa

    from steelyard.studies.causal.difference_in_differences import DifferenceInDifferences, Group

__all__ = ["MOST_PERIODS", "moments_query", "paths_query"]

MOST_PERIODS = 120


def paths_query(study: DifferenceInDifferences, context: Context) -> Query:
    """One row a group and period: units, values that are there, their mean."""
    panel = _panel(study, context)
    sql = f"""WITH panel AS (
{panel.sql}
), groups AS (
{_groups(study, context)}
)
SELECT g.treated AS treated, p.period AS period, count(*) AS "rows", count(DISTINCT p.unit) AS units,
  count(p.value) AS filled, avg(p.value) AS mean,
  count(CASE WHEN p.value <> 0 THEN 1 END) AS nonzero,
  (SELECT count(*) FROM panel WHERE unit IS NULL OR period IS NULL) AS nameless
FROM panel AS p
JOIN groups AS g ON p.unit = g.unit
WHERE p.period IS NOT NULL
GROUP BY g.treated, p.period
ORDER BY g.treated, p.period"""
    return Query(sql=sql, parameters=panel.parameters, says="mean path of each group")


def moments_query(study: DifferenceInDifferences, context: Context, paths: pa.Table) -> Query | None:
    """One row a group: units, sums and products of the periods about their means; None when nothing is there."""
    panel = _panel(study, context)
    periods: list[Any] = sorted(set(paths.column("period").to_pylist()))
    if not periods or any(mean is not None and not math.isfinite(mean) for mean in paths.column("mean").to_pylist()):
        return None
    if len(periods) > MOST_PERIODS:
        raise DefinitionError(
            f"{len(periods)} periods, and at most {MOST_PERIODS} are compared",
            where=study.name,
            hint="use a longer period",
        )
    shifts = _shifts(paths, periods)
    numbers = range(len(periods))
    wide = ",\n  ".join(
        f"max(CASE WHEN p.period = $period_{k} THEN p.value END) - CAST($shift_{k} AS DOUBLE) AS y{k}" for k in numbers
    )
    sums = ", ".join(f"sum(y{k}) AS s{k}" for k in numbers)
    products = ",\n  ".join(", ".join(f"sum(y{j} * y{k}) AS q{j}_{k}" for k in numbers if k >= j) for j in numbers)
    sql = f"""WITH panel AS (
{panel.sql}
), groups AS (
{_groups(study, context)}
), wide AS (
SELECT g.treated AS treated, p.unit AS unit,
  {wide}
FROM panel AS p
JOIN groups AS g ON p.unit = g.unit
WHERE p.period IS NOT NULL
GROUP BY g.treated, p.unit
)
SELECT treated, count(*) AS units,
  {sums},
  {products}
FROM wide
GROUP BY treated
ORDER BY treated"""
    bound: dict[str, Value] = dict(panel.parameters)
    for k in numbers:
        bound[f"period_{k}"] = periods[k]
        bound[f"shift_{k}"] = shifts[k]
    return Query(sql=sql, parameters=bound, says="moments of the periods over units, about their means")


def _shifts(paths: pa.Table, periods: list[object]) -> list[float]:
    totals = {period: [0.0, 0] for period in periods}
    for row in paths.to_pylist():
        if row["mean"] is not None:
            totals[row["period"]][0] += float(row["mean"]) * row["filled"]
            totals[row["period"]][1] += row["filled"]
    return [total / count if count else 0.0 for total, count in totals.values()]


def _panel(study: DifferenceInDifferences, context: Context) -> Query:
    return _bare_panel(study, context) if study.panel else _governed_panel(study, context)


def _bare_panel(study: DifferenceInDifferences, context: Context) -> Query:
    columns = _columns(context, study.panel, study.name)
    for name in (study.unit, study.time, study.outcome):
        if name not in columns:
            raise unknown_name(f"column of {study.panel!r}", name, columns, where=study.name)
    moment = quote_name(study.time)
    bound: dict[str, Value] = {}
    where = ""
    if study.between is not None:
        bound = {"since": study.between[0], "until": study.between[1]}
        where = f"\nWHERE ({moment} >= $since AND {moment} <= $until) OR {moment} IS NULL"
    sql = (
        f"SELECT {quote_name(study.unit)} AS unit, {moment} AS period,"
        f" CAST({quote_name(study.outcome)} AS DOUBLE) AS value\n"
        f"FROM {quote_name(study.panel)}{where}"
    )
    return Query(sql=sql, parameters=bound)


def _governed_panel(study: DifferenceInDifferences, context: Context) -> Query:
    from steelyard.metrics import unit_panel

    if context.metrics is None:
        raise DefinitionError(
            f"{study.outcome!r} is to be a governed metric, and a bare table has none",
            where=study.name,
            hint="run it in a project, or give `panel:` and `time:`",
        )
    assert study.between is not None  # noqa: S101 - refused when the study was made
    since, until = study.between
    assert isinstance(since, date)  # noqa: S101
    assert isinstance(until, date)  # noqa: S101
    length = len(periods_between(since, until, study.period, context.metrics.week_start))
    _refuse_future(study, until, context)
    _refuse_other_direction(study, context.metrics.metric(study.outcome).better)
    if "placebo_date" in study.robustness:
        since = earlier_start(since, min(length, MOST_PERIODS - length), study.period)
    panel = unit_panel(
        context.metrics,
        entity=study.unit,
        metric=study.outcome,
        period=study.period,
        since=since,
        until=until,
        types=context.tables,
    )
    sql = f"SELECT unit, period, CAST(value AS DOUBLE) AS value FROM (\n{panel.sql}\n) AS governed"
    return Query(sql=sql, parameters=panel.parameters)


def _refuse_future(study: DifferenceInDifferences, until: date, context: Context) -> None:
    end = datetime.combine(until, time.max, tzinfo=ZoneInfo(context.zone)).astimezone(UTC)
    if end > context.as_of:
        raise DefinitionError(
            f"the study looks at days up to {until}, and it is {context.as_of:%Y-%m-%d}",
            where=f"{study.name}.between",
            hint="run it when the last day is over",
        )


def _refuse_other_direction(study: DifferenceInDifferences, defined: str) -> None:
    if defined and defined != study.better:
        raise DefinitionError(
            f"of {study.outcome!r} the better direction is {defined}, and the study answers yes to {study.better}",
            where=f"{study.name}.better",
            hint=f"say `better: {defined}`",
        )


def _groups(study: DifferenceInDifferences, context: Context) -> str:
    everybody = _everybody(study, context)
    treated = _members(study, study.treated, context)
    if study.controls is None:
        return f"""SELECT e.unit AS unit, CASE WHEN t.unit IS NULL THEN 0 ELSE 1 END AS treated
FROM ({everybody}) AS e
LEFT JOIN ({treated}) AS t ON e.unit = t.unit"""
    controls = _members(study, study.controls, context)
    return f"""SELECT e.unit AS unit, CASE WHEN t.unit IS NULL THEN 0 ELSE 1 END AS treated
FROM ({everybody}) AS e
LEFT JOIN ({treated}) AS t ON e.unit = t.unit
LEFT JOIN ({controls}) AS c ON e.unit = c.unit
WHERE t.unit IS NOT NULL OR c.unit IS NOT NULL"""


def _everybody(study: DifferenceInDifferences, context: Context) -> str:
    if study.panel:
        return f"SELECT DISTINCT {quote_name(study.unit)} AS unit FROM {quote_name(study.panel)}"
    assert context.metrics is not None  # noqa: S101 - refused by the panel before
    for table in context.metrics.tables.values():
        if table.entity == study.unit:
            return f"SELECT {quote_name(table.key[0])} AS unit FROM {quote_name(table.name)}"
    known = {table.entity for table in context.metrics.tables.values() if table.entity}
    raise unknown_name("entity", study.unit, known, where=f"{study.name}.unit")


def _members(study: DifferenceInDifferences, group: Group, context: Context) -> str:
    table = group.table or study.panel
    _columns(context, table, study.name)
    column = study.unit if study.panel else _unit_column(study, table, context)
    where = f" WHERE ({group.where})" if group.where else ""
    name = quote_name(column)
    return f"SELECT DISTINCT {name} AS unit FROM {quote_name(table)}{where}"


def _unit_column(study: DifferenceInDifferences, table: str, context: Context) -> str:
    assert context.metrics is not None  # noqa: S101
    declaration = context.metrics.tables.get(table)
    if declaration is not None:
        if declaration.entity == study.unit:
            return declaration.key[0]
        if study.unit in declaration.entities:
            return declaration.entities[study.unit][0]
    raise DefinitionError(
        f"the table {table!r} does not say which column holds a {study.unit!r}",
        where=study.name,
        hint=f"declare it: entities: {{{study.unit}: COLUMN}}",
    )


def _columns(context: Context, table: str, where: str) -> tuple[str, ...]:
    if table not in context.tables:
        raise unknown_name("table", table, context.tables, where=where)
    return tuple(context.tables[table])
