"""Keys and references of a table, counted: each is a query of its own."""

from __future__ import annotations

from collections.abc import Sequence

from steelyard.warehouse import KeyProof, Query, Warehouse, quote_name

__all__ = ["prove_key", "prove_reference"]


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
) -> KeyProof:
    """What was counted about columns that refer to another table; a NULL refers to nothing and is no orphan.

    Args:
        warehouse: Where both tables are.
        table: The table that refers.
        columns: Its columns.
        parent: The table referred to.
        parent_key: The columns referred to, in the same order.
        version_id: The version of `table` that is there now.
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
        orphans=int(row["orphans"]),
        examples=examples,
    )


def _texts(warehouse: Warehouse, sql: str) -> tuple[str, ...]:
    return tuple("/".join(str(value) for value in row.values()) for row in warehouse.fetch(sql).to_pylist())
