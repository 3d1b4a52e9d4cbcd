"""What tables PostgreSQL has, with their columns in DuckDB's words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from steelyard.warehouse.query import quote_text

__all__ = ["PostgresTable", "catalog_sql", "tables_of"]

_SQL = """
SELECT n.nspname::text AS schema_name, c.relname::text AS table_name, a.attname::text AS column_name,
       array_position(current_schemas(false), n.nspname) AS place, coalesce(b.typname, t.typname)::text AS kind,
       CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END AS modifier,
       a.attcollation NOT IN (0, 100, 950, 951) AS ordered_otherwise
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
LEFT JOIN pg_catalog.pg_type AS b ON b.oid = t.typbasetype
WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast'){only}
ORDER BY place NULLS LAST, schema_name, table_name, a.attnum
"""
_TYPES = {
    "int2": "SMALLINT", "int4": "INTEGER", "int8": "BIGINT", "float4": "FLOAT", "float8": "DOUBLE", "bool": "BOOLEAN",
    "date": "DATE", "timestamp": "TIMESTAMP", "timestamptz": "TIMESTAMP WITH TIME ZONE", "time": "TIME", "uuid": "UUID",
    "bytea": "BLOB", "oid": "BIGINT",
}  # fmt: skip
_ANY_SCALE = "DECIMAL(38,10)"


@dataclass(frozen=True, kw_only=True)
class PostgresTable:
    """One table.

    Args:
        schema: Its schema.
        name: Its name.
        visible: Whether its name alone finds it.
        columns: Column -> type in DuckDB's words.
        ordered_otherwise: Whether a column brings an order of texts of its own.
    """

    schema: str
    name: str
    visible: bool
    columns: Mapping[str, str]
    ordered_otherwise: bool

    @property
    def shown(self) -> str:
        """Its name as `Warehouse.tables` gives it."""
        return self.name if self.visible else f"{self.schema}.{self.name}"

    def is_at(self, parts: tuple[str, ...]) -> bool:
        """Whether SQL that names it so finds it."""
        return parts == (self.schema, self.name) or (self.visible and parts == (self.name,))


def catalog_sql(names: Iterable[str] | None = None) -> str:
    """The SQL that lists every column of the tables of these names, in whatever schema, or of all."""
    listed = None if names is None else ", ".join(quote_text(name) for name in names) or "NULL"
    return _SQL.format(only="" if listed is None else f" AND c.relname IN ({listed})")


def tables_of(rows: Iterable[Mapping[str, object]]) -> tuple[PostgresTable, ...]:
    """The tables in the rows that `catalog_sql` gives.

    >>> rows = [{"schema_name": "public", "table_name": "t", "place": 1, "column_name": "price", "kind": "numeric",
    ...          "modifier": 655366, "ordered_otherwise": False}]
    >>> tables_of(rows)[0].columns
    {'price': 'DECIMAL(10,2)'}
    """
    found: dict[tuple[str, str], list[Mapping[str, object]]] = {}
    for row in rows:
        found.setdefault((str(row["schema_name"]), str(row["table_name"])), []).append(row)
    return tuple(
        PostgresTable(
            schema=schema,
            name=name,
            visible=columns[0]["place"] is not None,
            columns={str(row["column_name"]): _type(str(row["kind"]), int(str(row["modifier"]))) for row in columns},
            ordered_otherwise=any(bool(row["ordered_otherwise"]) for row in columns),
        )
        for (schema, name), columns in found.items()
    )


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
