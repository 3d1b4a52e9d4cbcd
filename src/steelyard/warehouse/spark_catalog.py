"""What tables Spark has, with their columns in DuckDB's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["columns_of", "spark_name", "tables_of"]

_TYPES = {
    "tinyint": "TINYINT", "smallint": "SMALLINT", "int": "INTEGER", "bigint": "BIGINT", "float": "FLOAT",
    "double": "DOUBLE", "boolean": "BOOLEAN", "date": "DATE", "timestamp": "TIMESTAMP WITH TIME ZONE",
    "timestamp_ntz": "TIMESTAMP", "binary": "BLOB",
}  # fmt: skip


def spark_name(*parts: str) -> str:
    """The name as Spark's SQL must write it.

    >>> spark_name("sales", "a`b")
    '`sales`.`a``b`'
    """
    return ".".join("`" + part.replace("`", "``") + "`" for part in parts)


def tables_of(session: Any) -> tuple[str, ...]:
    """Names of the tables and views of the session's schema, and of its temporary views, sorted."""
    return tuple(sorted(table.name for table in session.catalog.listTables()))


def columns_of(session: Any, *parts: str) -> Mapping[str, str] | None:
    """Column -> type in DuckDB's words; None where there is no such table."""
    from pyspark.errors import AnalysisException

    try:
        schema = session.table(spark_name(*parts)).schema
    except AnalysisException as error:
        if error.getCondition() == "TABLE_OR_VIEW_NOT_FOUND":
            return None
        raise
    return {field.name: _type(field.dataType.simpleString()) for field in schema.fields}


def _type(kind: str) -> str:
    if kind.startswith("decimal"):
        return kind.upper()
    if kind.startswith("array<"):
        return _type(kind[6:-1]) + "[]"
    return _TYPES.get(kind, "VARCHAR")
