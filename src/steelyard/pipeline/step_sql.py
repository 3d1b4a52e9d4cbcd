"""The SQL of a declared step, and the SQL that counts what the step leaves open."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from steelyard.errors import DefinitionError, unknown_name
from steelyard.pipeline.duration import parse_duration
from steelyard.pipeline.steps import AsOf, Calendar, Deduplicate, Scaffold, Sessionise
from steelyard.warehouse import quote_name, quote_text

__all__ = ["Clock", "as_of_sql", "calendar_sql", "deduplicate_sql", "scaffold_sql", "sessionise_sql"]

Columns = Mapping[str, str]
_FIRST_WEEKDAY = {"monday": 6, "sunday": 0, "saturday": 1}


@dataclass(frozen=True, kw_only=True)
class Clock:
    """The moment that a build speaks of, the zone whose days it counts, and the zone of times without one.

    Args:
        as_of: The moment, with a zone.
        zone: IANA name of the project's zone: days are counted in it.
        stored: IANA name of the zone in which the table's times without a zone are written; empty is the project's.
    """

    as_of: datetime
    zone: str
    stored: str = ""

    @property
    def written(self) -> ZoneInfo:
        """The zone of times without one."""
        return ZoneInfo(self.stored or self.zone)

    @property
    def today(self) -> date:
        """The local day."""
        return self.as_of.astimezone(ZoneInfo(self.zone)).date()

    def day(self, text: str) -> date:
        """A day as a header writes it: `today` or an ISO date."""
        if text == "today":
            return self.today
        try:
            return date.fromisoformat(text)
        except ValueError as error:
            raise DefinitionError(
                f"{text!r} is not a day", hint="write 'today' or a date such as 2026-01-31"
            ) from error


@dataclass(frozen=True, kw_only=True)
class StepSql:
    """What a step reads as.

    Args:
        sql: The SELECT of the step.
        counts: A SELECT of one row of counts, and `examples` where there are any; empty where nothing is open.
    """

    sql: str
    counts: str = ""


def deduplicate_sql(step: Deduplicate, of: str, columns: Columns) -> StepSql:
    """The first row of each key by the tie-breakers; rows whose key has a NULL are all kept.

    The columns of the row itself come last in the order, so that a rerun takes the same row; `counts` has `removed`,
    `tied` (keys of which different rows tie on every declared tie-breaker) and `keyless`.
    """
    key = [_known(name, columns) for name in step.key]
    declared = [_order_term(term, columns) for term in step.order_by]
    decided = {*key, *(term.rsplit(" ", 3)[0] for term in declared)}
    rest = [f"{quote_name(name)} NULLS LAST" for name in columns if quote_name(name) not in decided]
    partition, keyless = ", ".join(key), " OR ".join(f"{name} IS NULL" for name in key)
    source = quote_name(of)
    sql = (
        f"SELECT *\nFROM {source}\nQUALIFY {keyless} OR row_number() OVER (\n"
        f"  PARTITION BY {partition}\n  ORDER BY {', '.join([*declared, *rest]) or key[0]}\n) = 1"
    )
    row = f"row({', '.join(quote_name(name) for name in columns)})"
    shown = " || '/' || ".join(f"CAST({name} AS VARCHAR)" for name in key)
    placed = f"rank() OVER (PARTITION BY {partition} ORDER BY {', '.join(declared)})" if declared else "1"
    counts = (
        f"WITH repeated AS (SELECT {partition} FROM {source} WHERE NOT ({keyless}) GROUP BY ALL HAVING count(*) > 1),\n"
        f'placed AS (SELECT *, {placed} AS "steelyard place" FROM {source} SEMI JOIN repeated USING ({partition})),\n'
        f"keys AS (SELECT {shown} AS shown, count(*) AS n,\n"
        f'  count(DISTINCT {row}) FILTER (WHERE "steelyard place" = 1) AS firsts FROM placed GROUP BY {partition})\n'
        "SELECT coalesce(sum(n - 1), 0) AS removed, count(*) FILTER (WHERE firsts > 1) AS tied,\n"
        f"  (SELECT count(*) FROM {source} WHERE {keyless}) AS keyless,\n"
        "  (list(shown ORDER BY shown) FILTER (WHERE firsts > 1))[1:5] AS examples\nFROM keys"
    )
    return StepSql(sql=sql, counts=counts)


def sessionise_sql(step: Sessionise, of: str, columns: Columns) -> StepSql:
    """The rows with the session that each is in; rows of one time are always in one session.

    `counts` has `homeless`: rows without a visitor or without a time, which have no session.
    """
    _free(("session_id", "session_number", "session_started_at"), columns)
    by, time = [_known(name, columns) for name in step.by], _known(step.time, columns)
    partition, absent = ", ".join(by), " OR ".join(f"{name} IS NULL" for name in (*by, time))
    texts = [f"CAST({name} AS VARCHAR)" for name in by]
    if len(texts) > 1:
        texts = [f"replace({text}, '/', '//')" for text in texts]
    seconds = int(parse_duration(step.gap).total_seconds())
    identity = " || '/' || ".join([*texts, "CAST(epoch_us(session_started_at) AS VARCHAR)"])
    sql = (
        f"SELECT *, CASE WHEN session_number IS NOT NULL THEN {identity} END AS session_id\n"
        'FROM (\n  SELECT * EXCLUDE ("steelyard begins"),\n'
        f'    CASE WHEN NOT ({absent}) THEN CAST(sum("steelyard begins") OVER visitor AS BIGINT) END\n'
        "      AS session_number,\n"
        f'    CASE WHEN NOT ({absent}) THEN max(CASE WHEN "steelyard begins" = 1 THEN {time} END) OVER visitor END\n'
        "      AS session_started_at\n"
        "  FROM (\n"
        f"    SELECT *, CASE WHEN {time} <= lag({time}) OVER visitor + INTERVAL {seconds} SECOND THEN 0 ELSE 1 END\n"
        f'      AS "steelyard begins"\n    FROM {quote_name(of)}\n'
        f"    WINDOW visitor AS (PARTITION BY {partition} ORDER BY {time})\n"
        f"  )\n  WINDOW visitor AS (PARTITION BY {partition} ORDER BY {time})\n)"
    )
    counts = f"SELECT count(*) FILTER (WHERE {absent}) AS homeless FROM {quote_name(of)}"
    return StepSql(sql=sql, counts=counts)


def as_of_sql(step: AsOf, of: str, columns: Columns, theirs: Columns) -> StepSql:
    """Every row once, with the last known row of the other table at its time.

    `counts` has `unmatched` (nothing was known yet), `stale` (older than `stale_after`) and `ambiguous` (rows of the
    other table beyond the first of one time, of which any might be taken).
    """
    _free((*step.take.values(), *([step.age] if step.age else [])), columns)
    time, their_time = _known(step.time, columns), _known(step.their_time, theirs)
    taken = [f"theirs.{_known(name, theirs)} AS {quote_name(mine)}" for name, mine in step.take.items()]
    if step.age:
        taken.append(f"date_diff('day', theirs.{their_time}, mine.{time}) AS {quote_name(step.age)}")
    equal = {_known(mine, columns): _known(their, theirs) for mine, their in (step.on or {}).items()}
    matched = [
        *(f"mine.{mine} = theirs.{their}" for mine, their in equal.items()),
        f"mine.{time} >= theirs.{their_time}",
    ]
    given = " AND ".join(f"{quote_name(name)} IS NOT NULL" for name in step.take)
    known = f"(SELECT * FROM {quote_name(step.table)} WHERE {given})"
    join = f"FROM {quote_name(of)} AS mine\nASOF LEFT JOIN {known} AS theirs\n  ON {' AND '.join(matched)}"
    late = "0"
    if step.stale_after:
        seconds = int(parse_duration(step.stale_after).total_seconds())
        late = f"count(*) FILTER (WHERE mine.{time} > theirs.{their_time} + INTERVAL {seconds} SECOND)"
    held = ", ".join([*equal.values(), their_time])
    ambiguous = (
        f"(SELECT coalesce(sum(n - 1), 0) FROM (SELECT count(*) AS n FROM {known} AS known\n"
        f"    WHERE {their_time} IS NOT NULL GROUP BY {held}))"
    )
    counts = (
        f"SELECT count(*) FILTER (WHERE theirs.{their_time} IS NULL) AS unmatched, {late} AS stale,\n"
        f"  {ambiguous} AS ambiguous\n{join}"
    )
    return StepSql(sql=f"SELECT mine.*, {', '.join(taken)}\n{join}", counts=counts)


def calendar_sql(step: Calendar, clock: Clock) -> StepSql:
    """One row a day, from the first to the last, both included."""
    first, last = clock.day(step.since), clock.day(step.until)
    if last < first:
        raise DefinitionError(f"a calendar that ends on {last} before it begins on {first}")
    shift = _FIRST_WEEKDAY[step.week_starts]
    sql = (
        f"SELECT day, day - CAST((isodow(day) + {shift}) % 7 AS INTEGER) AS week,\n"
        "  CAST(date_trunc('month', day) AS DATE) AS month, CAST(date_trunc('quarter', day) AS DATE) AS quarter,\n"
        "  CAST(date_trunc('year', day) AS DATE) AS year, isodow(day) AS weekday, isodow(day) >= 6 AS is_weekend\n"
        "FROM (\n  SELECT CAST(unnest(generate_series(\n"
        f"    DATE '{first}', DATE '{last}', INTERVAL 1 DAY)) AS DATE) AS day\n)"
    )
    return StepSql(sql=sql)


def scaffold_sql(step: Scaffold, of: str, columns: Columns, clock: Clock) -> StepSql:
    """One row of each unit and day from its first to its last, both included.

    `counts` has `dayless` (units without a first day, or that end before they begin) and `doubled` (rows of a unit
    beyond its first).
    """
    unit = [_known(name, columns) for name in step.unit]
    last = f"DATE '{clock.day(step.last_day)}'"
    first_day = _day_of(step.since, columns, clock)
    last_day = f"least(coalesce({_day_of(step.until, columns, clock)}, {last}), {last})"
    if step.until not in columns:
        last_day = _day_of(step.until, columns, clock)
    units = f"SELECT {', '.join(unit)}, {first_day} AS first_day, {last_day} AS last_day\n  FROM {quote_name(of)}"
    sql = (
        f"SELECT {', '.join(unit)},\n"
        "  CAST(unnest(generate_series(first_day, last_day, INTERVAL 1 DAY)) AS DATE) AS day\n"
        f"FROM (\n  {units}\n)"
    )
    counts = (
        "SELECT count(*) FILTER (WHERE (last_day < first_day) IS NOT FALSE) AS dayless,\n"
        f"  count(*) - count(DISTINCT row({', '.join(unit)})) AS doubled\nFROM (\n  {units}\n)"
    )
    return StepSql(sql=sql, counts=counts)


def _day_of(text: str, columns: Columns, clock: Clock) -> str:
    """A local day, from a column or from a date."""
    if text not in columns:
        if re.fullmatch(r"\d{4}-\d\d-\d\d|today", text):
            return f"DATE '{clock.day(text)}'"
        raise unknown_name("column", text, columns)
    if columns[text] == "TIMESTAMP WITH TIME ZONE":
        return f"CAST(timezone({quote_text(clock.zone)}, {quote_name(text)}) AS DATE)"
    if columns[text].startswith("TIMESTAMP") and clock.stored not in ("", clock.zone):
        there = f"timezone({quote_text(clock.stored)}, {quote_name(text)})"
        return f"CAST(timezone({quote_text(clock.zone)}, {there}) AS DATE)"
    return f"CAST({quote_name(text)} AS DATE)"


def _known(name: str, columns: Columns) -> str:
    if name not in columns:
        raise unknown_name("column", name, columns)
    return quote_name(name)


def _free(names: Sequence[str], columns: Columns) -> None:
    for name in names:
        if name in columns:
            raise DefinitionError(f"the step adds a column {name!r} that is there already", hint="rename one of them")


def _order_term(term: str, columns: Columns) -> str:
    found = re.fullmatch(r"\s*(.+?)(?:\s+(asc|desc))?\s*", term, flags=re.IGNORECASE)
    assert found is not None  # noqa: S101  (the pattern takes any text that is not blank)
    return f"{_known(found[1], columns)} {(found[2] or 'asc').upper()} NULLS LAST"
