"""What tables PostgreSQL has, with their columns in DuckDB's words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from steelyard.warehouse.query import quote_text

__all__ = ["catalog_of", "catalog_sql"]

_SQL = """
SELECT CASE WHEN pg_catalog.pg_table_is_visible(c.oid) THEN c.relname ELSE n.nspname || '.' || c.relname END AS name,
       a.attname AS column_name, coalesce(b.typname, t.typname)::text AS kind, t.typtype::text AS family,
       CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END AS modifier
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
LEFT JOIN pg_catalog.pg_type AS b ON b.oid = t.typbasetype
WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast'){only}
ORDER BY name, a.attnum
"""
_TYPES = {
    "int2": "SMALLINT", "int4": "INTEGER", "int8": "BIGINT", "float4": "FLOAT", "float8": "DOUBLE", "bool": "BOOLEAN",
    "date": "DATE", "timestamp": "TIMESTAMP", "timestamptz": "TIMESTAMP WITH TIME ZONE", "time": "TIME", "uuid": "UUID",
    "bytea": "BLOB", "oid": "BIGINT",
}  # fmt: skip
_ANY_SCALE = "DECIMAL(38,10)"


def catalog_sql(tables: Iterable[str] | None = None) -> str:
    """The SQL that lists every column of the named tables, or of all."""
    if tables is None:
        return _SQL.format(only="")
    names = ", ".join(quote_text(part) for name in tables for part in {name, name.rpartition(".")[2]}) or "NULL"
    return _SQL.format(only=f" AND c.relname IN ({names})")


def catalog_of(rows: Iterable[Mapping[str, object]]) -> dict[str, dict[str, str]]:
    """Table -> column -> type in DuckDB's words, from the rows of `catalog_sql`.

    >>> catalog_of([{"name": "t", "column_name": "price", "kind": "numeric", "family": "b", "modifier": 655366}])
    {'t': {'price': 'DECIMAL(10,2)'}}
    """
    catalog: dict[str, dict[str, str]] = {}
    for row in rows:
        kind = _type(str(row["kind"]), int(str(row["modifier"])))
        catalog.setdefault(str(row["name"]), {})[str(row["column_name"])] = kind
    return catalog


def _type(kind: str, modifier: int) -> str:
    if kind == "numeric":
        return _numeric(modifier)
    if kind.startswith("_"):
        return _type(kind[1:], -1) + "[]"
    return _TYPES.get(kind, "VARCHAR")


def _numeric(modifier: int) -> str:
    """`numeric` with its precision and scale; one without is given ten places, and more where its values have more."""
    if modifier < 4:
        return _ANY_SCALE
    precision, scale = (modifier - 4) >> 16, (modifier - 4) & 0x7FF
    return f"DECIMAL({precision},{scale})" if precision <= 38 and scale <= precision else _ANY_SCALE
