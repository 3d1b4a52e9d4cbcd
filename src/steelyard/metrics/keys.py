"""Keys that are proved and not believed: once a table version where versions are kept, else for each question."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from steelyard.metrics.claims import Claim
from steelyard.metrics.names import sql_name
from steelyard.warehouse import KeyProof, Query, TableDeclaration, TableVersion, Warehouse
from steelyard.warehouse.key_proofs import prove_history, prove_reference, prove_weights

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["offending_keys", "prove", "prove_key"]

EXAMPLES = 5
_REMEMBERED = 4096
_PROVED: OrderedDict[tuple[Claim, str, str], KeyProof] = OrderedDict()


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
    proof = prove(warehouse, Claim(table.name, table.key), lambda _: version)
    assert proof is not None  # noqa: S101 - only a reference may stay unproved
    return proof


def prove(warehouse: Warehouse, claim: Claim, version_of: Callable[[str], TableVersion]) -> KeyProof | None:
    """What was counted about a claim on the present version: published with it, remembered, or counted now.

    Args:
        warehouse: Where the tables are.
        claim: What is said.
        version_of: Gives a table's version.

    Returns:
        The proof; None for a reference that nobody requires to be complete and that was not counted at refresh:
        every answer counts its own rows without a match.
    """
    version = version_of(claim.table)
    parent = version_of(claim.references).version_id if claim.references else ""
    kept = bool(version.version_id) and bool(parent or not claim.references)
    address = (claim, version.version_id, parent)
    if kept and address in _PROVED:
        _PROVED.move_to_end(address)
        return _PROVED[address]
    proof = _published(version, claim, parent) if kept else None
    if proof is None and claim.required:
        proof = _proved(warehouse, claim, version.version_id, parent)
    if kept and proof is not None:
        _PROVED[address] = proof
        while len(_PROVED) > _REMEMBERED:
            _PROVED.popitem(last=False)
    return proof


def _proved(warehouse: Warehouse, claim: Claim, version_id: str, parent: str) -> KeyProof:
    if claim.history is not None:
        return prove_history(warehouse, claim.table, claim.columns, claim.history, version_id=version_id)
    if claim.weight:
        return prove_weights(warehouse, claim.table, claim.columns, claim.weight, version_id=version_id)
    if claim.references:
        return prove_reference(
            warehouse, claim.table, claim.columns, claim.references, claim.key,
            version_id=version_id, parent_version=parent,
        )  # fmt: skip
    return _counted(warehouse, TableDeclaration(name=claim.table, key=claim.columns), version_id)


def _published(version: TableVersion, claim: Claim, parent: str) -> KeyProof | None:
    """The proof that was stored with the version, where there is one of this very claim and these very versions."""
    details = getattr(version, "details", {})
    for said in details.get("proofs", ()) if isinstance(details, Mapping) else ():
        if not isinstance(said, Mapping) or tuple(said.get("columns", ())) != claim.columns:
            continue
        asked = (claim.references, parent, claim.rule)
        if (said.get("references", ""), said.get("references_version", ""), said.get("rule", "")) != asked:
            continue
        if said.get("version_id", "") not in ("", version.version_id) or not {"rows", "duplicates", "nulls"} <= set(
            said
        ):
            continue
        return KeyProof.from_dict({**said, "table": claim.table, "version_id": version.version_id})
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
