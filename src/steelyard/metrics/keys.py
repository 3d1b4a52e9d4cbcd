"""Keys that are proved and not believed: once a table version where versions are kept, else for each question."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from steelyard.errors import DataError
from steelyard.metrics.names import sql_name
from steelyard.warehouse import KeyProof, Query, TableDeclaration, TableVersion, Warehouse

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["offending_keys", "prove_key", "refuse_false_keys"]

EXAMPLES = 5
_REMEMBERED = 4096
_PROVED: OrderedDict[tuple[str, str, tuple[str, ...]], KeyProof] = OrderedDict()


def prove_key(warehouse: Warehouse, table: TableDeclaration, version: TableVersion | None = None) -> KeyProof:
    """What was counted about a table's declared key on its present version.

    A proof that was published with the version is taken; else the key is counted, and remembered for as long as the
    version has an id. Where the warehouse keeps no versions it is counted each time: what was true before a change of
    the table says nothing after it.

    Args:
        warehouse: Where the table is.
        table: Its declaration, with a key.
        version: Its present version, where that is at hand.

    >>> import pyarrow as pa
    >>> from steelyard.warehouse import connect
    >>> with connect({"products": pa.table({"id": ["p1", "p2", "p2", None]})}) as warehouse:
    ...     proof = prove_key(warehouse, TableDeclaration(name="products", key=("id",)))
    >>> proof.unique, proof.duplicates, proof.nulls, proof.examples
    (False, 1, 1, ("'p2' (2 rows)", 'NULL (1 row)'))
    """
    version = version or warehouse.version(table.name)
    address = (version.version_id, table.name, table.key)
    if version.version_id and address in _PROVED:
        _PROVED.move_to_end(address)
        return _PROVED[address]
    proof = _published(getattr(version, "details", {}), table, version.version_id)
    if proof is None:
        proof = _counted(warehouse, table, version.version_id)
    if version.version_id:
        _PROVED[address] = proof
        while len(_PROVED) > _REMEMBERED:
            _PROVED.popitem(last=False)
    return proof


def _published(details: Mapping[str, Any], table: TableDeclaration, version_id: str) -> KeyProof | None:
    """The proof that was stored with the version, where there is one of this very key and this very version."""
    for said in details.get("proofs", ()) if isinstance(details, Mapping) else ():
        if not isinstance(said, Mapping) or tuple(said.get("columns", ())) != table.key or said.get("references"):
            continue
        if said.get("version_id", "") not in ("", version_id) or not {"rows", "duplicates", "nulls"} <= set(said):
            continue
        return KeyProof(
            table=table.name,
            columns=table.key,
            version_id=version_id,
            rows=int(said["rows"]),
            duplicates=int(said["duplicates"]),
            nulls=int(said["nulls"]),
            examples=tuple(str(item) for item in said.get("examples", ())),
        )
    return None


def _counted(warehouse: Warehouse, table: TableDeclaration, version_id: str) -> KeyProof:
    columns = ", ".join(sql_name(column) for column in table.key)
    null = " OR ".join(f"{sql_name(column)} IS NULL" for column in table.key)
    counted = warehouse.fetch(
        "SELECT coalesce(sum(rows_of_key), 0) AS counted,\n"
        "  coalesce(sum(CASE WHEN absent THEN rows_of_key ELSE 0 END), 0) AS absent,\n"
        "  coalesce(sum(CASE WHEN absent THEN 0 ELSE 1 END), 0) AS named\n"
        f"FROM (\n  SELECT {columns}, {null} AS absent, count(*) AS rows_of_key\n"
        f"  FROM {sql_name(table.name)}\n  GROUP BY {columns}\n) AS keys"
    ).to_pylist()[0]
    rows, nulls, keys = (int(counted[name]) for name in ("counted", "absent", "named"))
    examples: tuple[str, ...] = ()
    if rows != keys:
        offending = offending_keys(warehouse, table, limit=EXAMPLES).to_pylist()
        examples = tuple(_example(row, table.key) for row in offending)
    return KeyProof(
        table=table.name,
        columns=table.key,
        version_id=version_id,
        rows=rows,
        duplicates=rows - nulls - keys,
        nulls=nulls,
        examples=examples,
    )


def _example(row: Mapping[str, Any], key: tuple[str, ...]) -> str:
    parts = ["NULL" if row[column] is None else repr(row[column]) for column in key]
    rows = row["rows"]
    return f"{', '.join(parts)} ({rows} row{'' if rows == 1 else 's'})"


def offending_keys(warehouse: Warehouse, table: TableDeclaration, *, limit: int = 100_000) -> pa.Table:
    """The keys that are not the key of one row, most rows first: its columns, and `rows`; a NULL key is one.

    Args:
        warehouse: Where the table is.
        table: Its declaration, with a key.
        limit: The most keys.
    """
    columns = ", ".join(sql_name(column) for column in table.key)
    null = " OR ".join(f"{sql_name(column)} IS NULL" for column in table.key)
    sql = (
        f'SELECT {columns}, count(*) AS "rows"\nFROM {sql_name(table.name)}\nGROUP BY {columns}\n'
        f"HAVING count(*) > 1 OR {null}\nORDER BY count(*) DESC, {columns}\nLIMIT {limit}"
    )
    return warehouse.fetch(Query(sql=sql, limit=limit))


def refuse_false_keys(
    warehouse: Warehouse, tables: Iterable[TableDeclaration], version_of: Callable[[str], TableVersion]
) -> tuple[KeyProof, ...]:
    """The proofs that each table's key is one.

    Args:
        warehouse: Where the tables are.
        tables: Their declarations, with keys.
        version_of: Gives a table's version.

    Raises:
        DataError: A declared key is not unique, or is NULL somewhere; names the keys.
    """
    proofs = []
    for table in tables:
        proof = prove_key(warehouse, table, version_of(table.name))
        if not proof.unique:
            raise DataError(
                f"the key {', '.join(table.key)} of {table.name!r} is not unique: {proof.duplicates:,} rows beyond the "
                f"first of their key, {proof.nulls:,} without one; {'; '.join(proof.examples)}",
                where=table.where or table.name,
                hint=f"joined by it, rows would count more than once: mend {table.name!r}, or declare its true key; "
                f"without its columns the question can be answered",
            )
        proofs.append(proof)
    return tuple(proofs)
