"""Keys, references, histories and shares of a table, counted: each is a query of its own, run once a version."""

from __future__ import annotations

from collections.abc import Sequence

from steelyard.warehouse.declaration import History
from steelyard.warehouse.key_proof import KeyProof
from steelyard.warehouse.query import Query, quote_name
from steelyard.warehouse.warehouse import Warehouse

__all__ = ["overlapping_states", "prove_history", "prove_key", "prove_reference", "prove_weights", "unequal_shares"]

TOLERANCE = "1e-9"
"""How far the shares of one id may be from 1: what adding up doubles costs, and no more."""


def prove_key(warehouse: Warehouse, table: str, columns: Sequence[str], *, version_id: str = "") -> KeyProof:
    """What was counted about columns that should identify a row of the table.

    Args:
        warehouse: Where the table is.
        table: The table.
        columns: The columns of the key.
        version_id: The version that is there now.
    """
    key = [quote_name(column) for column in columns]
    listed, absent = ", ".join(key), " OR ".join(f"{name} IS NULL" for name in key)
    grouped = f"SELECT {listed}, count(*) AS n FROM {quote_name(table)} WHERE NOT ({absent}) GROUP BY {listed}"
    counts = Query(
        sql=f"SELECT (SELECT count(*) FROM {quote_name(table)}) AS total,\n"
        f"  (SELECT count(*) FROM {quote_name(table)} WHERE {absent}) AS nulls,\n"
        f"  coalesce(sum(n), 0) AS keyed, count(*) AS keys FROM ({grouped}) AS keys",
        says=f"the key of {table}",
    )
    row = warehouse.fetch(counts).to_pylist()[0]
    duplicates = int(row["keyed"]) - int(row["keys"])
    examples: tuple[str, ...] = ()
    if duplicates:
        shown = ", ".join(f"CAST({name} AS VARCHAR) AS k{n}" for n, name in enumerate(key))
        asked = f"SELECT {shown} FROM ({grouped}) AS keys WHERE n > 1 ORDER BY n DESC, {listed} LIMIT 5"
        examples = _texts(warehouse, asked)
    return KeyProof(
        table=table,
        columns=tuple(columns),
        version_id=version_id,
        rows=int(row["total"]),
        duplicates=duplicates,
        nulls=int(row["nulls"]),
        examples=examples,
    )


def prove_reference(
    warehouse: Warehouse,
    table: str,
    columns: Sequence[str],
    parent: str,
    parent_key: Sequence[str],
    *,
    version_id: str = "",
    parent_version: str = "",
) -> KeyProof:
    """What was counted about columns that refer to another table; a NULL refers to nothing and is no orphan.

    Args:
        warehouse: Where both tables are.
        table: The table that refers.
        columns: Its columns.
        parent: The table referred to.
        parent_key: The columns referred to, in the same order.
        version_id: The version of `table` that is there now.
        parent_version: The version of `parent` that is there now.
    """
    mine = [f"mine.{quote_name(column)}" for column in columns]
    absent = " OR ".join(f"{name} IS NULL" for name in mine)
    equal = " AND ".join(f"theirs.{quote_name(their)} = {name}" for name, their in zip(mine, parent_key, strict=True))
    listed = ", ".join(mine)
    orphans = (
        f"SELECT {', '.join(f'{name} AS k{n}' for n, name in enumerate(mine))}, count(*) AS n\n"
        f"FROM {quote_name(table)} AS mine WHERE NOT ({absent})\n"
        f"  AND NOT EXISTS (SELECT 1 FROM {quote_name(parent)} AS theirs WHERE {equal}) GROUP BY {listed}"
    )
    counts = Query(
        sql=f"SELECT (SELECT count(*) FROM {quote_name(table)}) AS total,\n"
        f"  (SELECT count(*) FROM {quote_name(table)} AS mine WHERE {absent}) AS nulls,\n"
        f"  coalesce(sum(n), 0) AS orphans FROM ({orphans}) AS orphans",
        says=f"references of {table} to {parent}",
    )
    row = warehouse.fetch(counts).to_pylist()[0]
    examples: tuple[str, ...] = ()
    if row["orphans"]:
        shown = ", ".join(f"CAST(k{n} AS VARCHAR) AS k{n}" for n in range(len(mine)))
        order = ", ".join(f"k{n}" for n in range(len(mine)))
        examples = _texts(warehouse, f"SELECT {shown} FROM ({orphans}) AS orphans ORDER BY n DESC, {order} LIMIT 5")
    return KeyProof(
        table=table,
        columns=tuple(columns),
        version_id=version_id,
        rows=int(row["total"]),
        nulls=int(row["nulls"]),
        references=parent,
        references_version=parent_version,
        orphans=int(row["orphans"]),
        examples=examples,
    )


def overlapping_states(table: str, key: Sequence[str], history: History) -> str:
    """The SELECT of a history's states that overlap the next one of their key, or end before they begin.

    A state that ends when it begins never holds, and so overlaps none.

    Args:
        table: The history.
        key: The columns that say whose state a row is.
        history: The columns that say when it holds.
    """
    names = [quote_name(column) for column in key]
    listed = ", ".join(names)
    start, end = quote_name(history.valid_from), quote_name(history.valid_to)
    absent = " OR ".join(f"{name} IS NULL" for name in (*names, start))
    return (
        f"SELECT {listed}, overlaps, {end} < {start} AS backwards\n"
        f"FROM (\n  SELECT {listed}, {start}, {end},\n"
        f"    next_from IS NOT NULL AND ({end} IS NULL OR next_from < {end}) AS overlaps\n"
        f"  FROM (\n    SELECT {listed}, {start}, {end},\n"
        f"      lead({start}) OVER (PARTITION BY {listed} ORDER BY {start}, {end} NULLS LAST) AS next_from\n"
        f"    FROM {quote_name(table)} WHERE NOT ({absent}) AND ({end} IS NULL OR {end} <> {start})\n"
        f"  ) AS ordered\n) AS states\nWHERE overlaps OR {end} < {start}"
    )


def prove_history(
    warehouse: Warehouse, table: str, key: Sequence[str], history: History, *, version_id: str = ""
) -> KeyProof:
    """What was counted about the states of a history: no two of a key may hold at one time.

    Args:
        warehouse: Where the table is.
        table: The history.
        key: The columns that say whose state a row is.
        history: The columns that say when it holds.
        version_id: The version that is there now.
    """
    names = [quote_name(column) for column in key]
    absent = " OR ".join(f"{name} IS NULL" for name in (*names, quote_name(history.valid_from)))
    offending = overlapping_states(table, key, history)
    counts = Query(
        sql=f"SELECT (SELECT count(*) FROM {quote_name(table)}) AS total,\n"
        f"  (SELECT count(*) FROM {quote_name(table)} WHERE {absent}) AS nulls,\n"
        f"  count_if(overlaps) AS overlaps, count_if(backwards) AS backwards FROM (\n{offending}\n) AS offending",
        says=f"the history {table}",
    )
    row = warehouse.fetch(counts).to_pylist()[0]
    examples: tuple[str, ...] = ()
    if row["overlaps"] or row["backwards"]:
        listed = ", ".join(names)
        shown = ", ".join(f"CAST({name} AS VARCHAR) AS k{n}" for n, name in enumerate(names))
        order = f"GROUP BY {listed} ORDER BY count(*) DESC, {listed} LIMIT 5"
        examples = _texts(warehouse, f"SELECT {shown} FROM (\n{offending}\n) AS offending {order}")
    return KeyProof(
        table=table,
        columns=tuple(key),
        version_id=version_id,
        rows=int(row["total"]),
        duplicates=int(row["overlaps"]),
        nulls=int(row["nulls"]),
        rule=f"history {history.valid_from} {history.valid_to}",
        wrong=int(row["backwards"]),
        examples=examples,
    )


def unequal_shares(table: str, columns: Sequence[str], weight: str) -> str:
    """The SELECT of the ids whose shares do not add up to 1, with what they add up to.

    Args:
        table: The bridge.
        columns: Its columns with the id of what is shared out.
        weight: Its column with the share.
    """
    names = [quote_name(column) for column in columns]
    listed = ", ".join(names)
    absent = " OR ".join(f"{name} IS NULL" for name in names)
    return (
        f"SELECT {listed}, whole\nFROM (\n  SELECT {listed}, CAST(sum({quote_name(weight)}) AS DOUBLE) AS whole\n"
        f"  FROM {quote_name(table)} WHERE NOT ({absent})\n  GROUP BY {listed}\n) AS shares\n"
        f"WHERE whole IS NULL OR NOT abs(whole - 1) <= {TOLERANCE}"
    )


def prove_weights(
    warehouse: Warehouse, table: str, columns: Sequence[str], weight: str, *, version_id: str = ""
) -> KeyProof:
    """What was counted about the shares of a bridge: those of each id must add up to 1, and none be missing.

    Args:
        warehouse: Where the table is.
        table: The bridge.
        columns: Its columns with the id of what is shared out; a row without an id shares nothing out.
        weight: Its column with the share.
        version_id: The version that is there now.
    """
    names = [quote_name(column) for column in columns]
    shareless = " AND ".join([*(f"{name} IS NOT NULL" for name in names), f"{quote_name(weight)} IS NULL"])
    offending = unequal_shares(table, columns, weight)
    counts = Query(
        sql=f"SELECT (SELECT count(*) FROM {quote_name(table)}) AS total,\n"
        f"  (SELECT count(*) FROM {quote_name(table)} WHERE {shareless}) AS nulls,\n"
        f"  count(*) AS wrong FROM (\n{offending}\n) AS offending",
        says=f"the shares of {table}",
    )
    row = warehouse.fetch(counts).to_pylist()[0]
    examples: tuple[str, ...] = ()
    if row["wrong"]:
        listed = ", ".join(names)
        shown = ", ".join(f"CAST({name} AS VARCHAR) AS k{n}" for n, name in enumerate(names))
        shares = warehouse.fetch(
            f"SELECT {shown}, whole FROM (\n{offending}\n) AS offending ORDER BY {listed} LIMIT 5"
        ).to_pylist()
        examples = tuple(f"{'/'.join(map(str, list(item.values())[:-1]))} ({_sum(item['whole'])})" for item in shares)
    return KeyProof(
        table=table,
        columns=tuple(columns),
        version_id=version_id,
        rows=int(row["total"]),
        nulls=int(row["nulls"]),
        rule=f"weights {weight}",
        wrong=int(row["wrong"]),
        examples=examples,
    )


def _sum(whole: float | None) -> str:
    return "no share" if whole is None else f"they add up to {whole:.12g}"


def _texts(warehouse: Warehouse, sql: str) -> tuple[str, ...]:
    return tuple("/".join(str(value) for value in row.values()) for row in warehouse.fetch(sql).to_pylist())
