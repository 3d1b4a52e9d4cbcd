"""The SQL of a table that keeps every state of a row: `valid_from`, `valid_to`, `is_current`."""

from __future__ import annotations

from collections.abc import Mapping

from steelyard.pipeline.materialise import Materialise
from steelyard.warehouse import quote_name

__all__ = ["history_counts", "history_sql"]

Columns = Mapping[str, str]


def history_sql(
    table: str, past: Columns | None, *, how: Materialise, columns: Columns, kind: str, now: str, incoming: str
) -> str:
    """All states after this build.

    Args:
        table: The history as it is.
        past: Its columns; None where there is none yet.
        how: Key, time, what is ignored, and what becomes of keys that are gone.
        columns: Column -> type of the rows as they are now.
        kind: The type of `valid_from` and `valid_to`.
        now: The build's moment, in SQL.
        incoming: The table of the rows as they are now, one of each key.
    """
    listed = ", ".join(quote_name(column) for column in columns)
    if past is None:
        begins = f"coalesce({quote_name(how.time)}, {now})" if how.time else now
        return (
            f"SELECT {listed}, CAST({begins} AS {kind}) AS valid_from, CAST(NULL AS {kind}) AS valid_to,\n"
            f"  TRUE AS is_current\nFROM {quote_name(incoming)}"
        )
    gone = "FALSE" if how.deletes == "keep" else "compared.present IS NULL"
    kept = ", ".join(f"past.{quote_name(column)}" for column in past if column not in ("valid_to", "is_current"))
    return (
        f"WITH {_compared(table, past, how, columns, now, incoming)}\n"
        f"SELECT {kept},\n"
        "  CAST(CASE WHEN past.is_current AND compared.changed THEN compared.begins\n"
        f"    WHEN past.is_current AND {gone} THEN {now} ELSE past.valid_to END AS {kind}) AS valid_to,\n"
        f"  past.is_current AND NOT coalesce(compared.changed, FALSE) AND NOT ({gone}) AS is_current\n"
        f"FROM {quote_name(table)} AS past LEFT JOIN compared USING ({_key(how)})\n"
        "UNION ALL BY NAME\n"
        f"SELECT {', '.join('now.' + quote_name(column) for column in columns)},\n"
        f"  CAST(compared.begins AS {kind}) AS valid_from, CAST(NULL AS {kind}) AS valid_to, TRUE AS is_current\n"
        f"FROM {quote_name(incoming)} AS now JOIN compared USING ({_key(how)}) WHERE compared.opens"
    )


def history_counts(
    table: str, past: Columns, *, how: Materialise, columns: Columns, kind: str, now: str, incoming: str
) -> str:
    """One row: states that begin, states that end, rows that would end a state before it began, five of their keys."""
    shown = " || '/' || ".join(f"CAST({quote_name(column)} AS VARCHAR)" for column in how.key)
    ended = f"(SELECT count(*) FROM {quote_name(table)} AS past WHERE is_current AND NOT EXISTS ("
    equal = " AND ".join(f"now.{quote_name(c)} = past.{quote_name(c)}" for c in how.key)
    gone = "0" if how.deletes == "keep" else f"{ended}\n  SELECT 1 FROM {quote_name(incoming)} AS now WHERE {equal}))"
    return (
        f"WITH {_compared(table, past, how, columns, now, incoming)}\n"
        f"SELECT count(*) FILTER (WHERE opens), count(*) FILTER (WHERE changed) + {gone},\n"
        f"  count(*) FILTER (WHERE changed AND begins <= CAST(since AS {kind})),\n"
        f"  (list({shown} ORDER BY {shown}) FILTER (WHERE changed AND begins <= CAST(since AS {kind})))[1:5]\n"
        "FROM compared"
    )


def _key(how: Materialise) -> str:
    return ", ".join(quote_name(column) for column in how.key)


def _compared(table: str, past: Columns, how: Materialise, columns: Columns, now: str, incoming: str) -> str:
    """A CTE of one row for each key that is there now: `present`, `opens`, `changed`, `begins`, and `since`, when the
    state that is current began. A key that comes back begins at its own time where that lies after its last end.
    """
    tracked = [c for c in columns if c not in (*how.key, *how.ignore, how.time)]
    pairs = [f"now.{quote_name(c)} IS DISTINCT FROM {_was(c, past)}" for c in tracked]
    differs = " OR ".join(pairs) or "FALSE"
    time = f"now.{quote_name(how.time)}" if how.time else ""
    begins = now
    if time:
        own = f"current.is_current OR ends.ended IS NULL OR {time} >= ends.ended"
        begins = f"CASE WHEN {own} THEN coalesce({time}, {now}) ELSE {now} END"
    key = _key(how)
    current = f"SELECT * FROM {quote_name(table)} WHERE is_current"
    return (
        f"compared AS (\n  SELECT {', '.join('now.' + quote_name(c) for c in how.key)}, TRUE AS present,\n"
        f"    current.is_current IS NULL OR ({differs}) AS opens,\n"
        f"    current.is_current IS NOT NULL AND ({differs}) AS changed,\n"
        f"    {begins} AS begins, current.valid_from AS since\n"
        f"  FROM {quote_name(incoming)} AS now\n"
        f"  LEFT JOIN ({current}) AS current USING ({key})\n"
        f"  LEFT JOIN (SELECT {key}, max(valid_to) AS ended FROM {quote_name(table)} GROUP BY ALL) AS ends\n"
        f"    USING ({key})\n)"
    )


def _was(column: str, past: Columns) -> str:
    return f"current.{quote_name(column)}" if column in past else "NULL"
