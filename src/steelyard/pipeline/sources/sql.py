"""Rows of a SQL database: a table or a query, asked for what is new by the cursor."""

from __future__ import annotations

import os
from collections.abc import Mapping

from steelyard.errors import SteelyardError, unknown_name
from steelyard.pipeline.cursor_range import cursor_range
from steelyard.pipeline.sources.reads import SqlReads
from steelyard.pipeline.sources.scan import Found, Scan, Setting
from steelyard.warehouse import Query, Warehouse, connect, quote_name

__all__ = ["open_sql"]


def open_sql(setting: Setting) -> Found:
    """The rows of a database's table or query whose cursor is not before what is asked.

    Raises:
        SteelyardError: The database does not answer, or the query fails there.
    """
    reads, definition = setting.definition.reads, setting.definition
    assert isinstance(reads, SqlReads)  # noqa: S101
    setting.tell(0, None, "connecting")
    with connect(_connection(reads.connection, setting), read_only=True) as warehouse:
        try:
            table = warehouse.fetch(_query(setting, reads, warehouse))
        except SteelyardError as error:
            raise error.at(definition.where) from error
        label = reads.from_table or ("query" if reads.query else definition.name)
    name = f"rows {os.urandom(4).hex()}"
    setting.connection.register(name, table)
    described = setting.connection.execute(f"DESCRIBE SELECT * FROM {quote_name(name)}").fetchall()
    columns = {column: kind for column, kind, *_ in described}
    return Found(scans=(Scan(label=label, relation=quote_name(name), columns=columns),), whole=not _narrowed(setting))


def _connection(text: str, setting: Setting) -> str:
    """The connection with a DuckDB file's path made relative to the project's folder."""
    if "://" in text or text.startswith("${"):
        return text
    return str(setting.folder / text)


def _narrowed(setting: Setting) -> bool:
    return bool(setting.asked.since or setting.asked.until)


def _query(setting: Setting, reads: SqlReads, warehouse: Warehouse) -> Query:
    definition = setting.definition
    table = reads.from_table or definition.name
    inner = f"({reads.query.rstrip().rstrip(';')}) AS asked" if reads.query else quote_name(table)
    sql = f"SELECT * FROM {inner}"
    if not (definition.cursor and _narrowed(setting)):
        return Query(sql=sql, limit=reads.most_rows, says=f"load {definition.name}")
    kinds = _columns(warehouse, reads, table)
    if definition.cursor not in kinds:
        raise unknown_name("column", definition.cursor, kinds, where=definition.where)
    since, until = cursor_range(setting.asked, kinds[definition.cursor], zone=definition.zone, where=definition.where)
    cursor = quote_name(definition.cursor)
    tests = [f"{cursor} >= $since"] if since is not None else []
    tests += [f"{cursor} {until.test} $until"] if until is not None else []
    parameters = {"since": since, "until": until.value if until else None}
    bound = {name: value for name, value in parameters.items() if value is not None}
    sql += " WHERE " + " AND ".join(tests)
    return Query(sql=sql, parameters=bound, limit=reads.most_rows, says=f"load {definition.name}")


def _columns(warehouse: Warehouse, reads: SqlReads, table: str) -> Mapping[str, str]:
    if not reads.query:
        return warehouse.columns(table)
    sample = warehouse.fetch(f"SELECT * FROM ({reads.query.rstrip().rstrip(';')}) AS asked LIMIT 0")
    with connect(sample) as empty:
        return empty.columns("data")
