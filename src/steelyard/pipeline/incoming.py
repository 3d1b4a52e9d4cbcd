"""Rows that wait beside a table until it is known which of its rows they stand for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from steelyard.pipeline.checked_select import PIECE
from steelyard.pipeline.cursor_range import CursorValue, cursor_range
from steelyard.pipeline.source_definition import SourceDefinition
from steelyard.pipeline.sources.scan import Asked
from steelyard.warehouse import Transaction, quote_name, quote_text

__all__ = ["Incoming", "range_test"]


def range_test(asked: Asked, kind: str, definition: SourceDefinition, *, column: str = "{cursor}") -> str:
    """SQL that is true of a row in the range that is asked; empty where everything is."""
    if not (asked.since or asked.until):
        return ""
    since, until = cursor_range(asked, kind, zone=definition.zone, where=definition.where)
    tests = [f"{column} >= {_literal(since, kind)}"] if since is not None else []
    tests += [f"{column} {until.test} {_literal(until.value, kind)}"] if until is not None else []
    return " AND ".join(tests)


def _literal(value: CursorValue, kind: str) -> str:
    return f"CAST({quote_text(str(value))} AS {kind})"


@dataclass(kw_only=True)
class Incoming:
    """The rows of a load in temporary tables, and how they come into the table.

    Args:
        definition: The source.
        transaction: The load's.
        present: The table's columns before the load.
    """

    definition: SourceDefinition
    transaction: Transaction
    present: Mapping[str, str]
    pieces: list[str] = field(default_factory=list)

    def add(self, sql: str) -> int:
        """Keeps what a SELECT gives; returns how many rows."""
        name = f"incoming {os.urandom(4).hex()}"
        self.transaction.execute(f"CREATE TEMP TABLE {quote_name(name)} AS {sql}")
        self.pieces.append(name)
        ((rows,),) = self.transaction.execute(f"SELECT count(*) FROM {quote_name(name)}")
        return int(rows)

    def publish(self, asked: Asked, *, whole: bool) -> tuple[int, int]:
        """Stages the table with these rows: rows new to it, and rows that gave way to another with their key.

        By key, a row replaces the one with its key. In a range (a back-fill, or a cursor without a key), the rows of
        the range become these. Rows that are there already, unchanged, count as nothing and change nothing.
        """
        rows, superseded = self._distinct_keys()
        columns = self._columns(rows)
        chosen = f"SELECT {', '.join(columns)} FROM {rows}"
        table = self.definition.table
        if whole or table not in self.transaction.tables:
            staged = self.transaction.create(table, chosen)
            return staged.rows or 0, superseded
        self._widen(rows)
        present = f"SELECT {', '.join(columns)} FROM {quote_name(table)}"
        gone = self._gone(asked, rows)
        ((new,),) = self.transaction.execute(f"SELECT count(*) FROM ({chosen} EXCEPT ALL {present} WHERE {gone})")
        ((old,),) = self.transaction.execute(f"SELECT count(*) FROM ({present} WHERE {gone} EXCEPT ALL {chosen})")
        if new or old:
            self.transaction.replace_where(table, gone, chosen)
        return int(new), superseded

    def _distinct_keys(self) -> tuple[str, int]:
        """One relation of all pieces, with one row a key: the latest by cursor, then by file, then the largest."""
        union = " UNION ALL BY NAME ".join(f"SELECT * FROM {quote_name(name)}" for name in self.pieces)
        everything = quote_name(f"incoming {os.urandom(4).hex()}")
        self.transaction.execute(f"CREATE TEMP VIEW {everything} AS {union}")
        if not self.definition.key:
            return everything, 0
        key = ", ".join(quote_name(name) for name in self.definition.key)
        ((rows, keys),) = self.transaction.execute(
            f"SELECT coalesce(sum(n), 0), count(*) FROM (SELECT count(*) AS n FROM {everything} GROUP BY {key})"
        )
        if rows == keys:
            return everything, 0
        latest = [f"{quote_name(self.definition.cursor)} DESC NULLS LAST"] if self.definition.cursor else []
        order = ", ".join([*latest, f"{quote_name(PIECE)} DESC", *self._all_descending(everything)])
        distinct = quote_name(f"incoming {os.urandom(4).hex()}")
        self.transaction.execute(
            f"CREATE TEMP TABLE {distinct} AS SELECT * FROM {everything} "
            f"QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY {order}) = 1"
        )
        return distinct, int(rows) - int(keys)

    def _all_descending(self, relation: str) -> list[str]:
        described = self.transaction.execute(f"DESCRIBE SELECT * FROM {relation}")
        return [f"{quote_name(name)} DESC NULLS LAST" for name, *_ in described if name != PIECE]

    def _columns(self, rows: str) -> list[str]:
        """The columns in the table's order, a NULL for each that the pieces lack."""
        described = self.transaction.execute(f"DESCRIBE SELECT * FROM {rows}")
        found = {name: kind for name, kind, *_ in described if name != PIECE}
        table = self.transaction.tables.get(self.definition.table)
        there = dict(table.columns) if table is not None and self.present else {}
        expected = {**there, **self.definition.columns}
        order = dict.fromkeys([*expected, *found])
        return [
            quote_name(name) if name in found else f"CAST(NULL AS {expected[name]}) AS {quote_name(name)}"
            for name in order
        ]

    def _widen(self, rows: str) -> None:
        """Gives the table the columns that the new rows bring."""
        described = self.transaction.execute(f"DESCRIBE SELECT * FROM {rows}")
        table = self.definition.table
        columns = self.transaction.tables[table].columns
        declared = {name: kind for name, kind in self.definition.columns.items() if name not in columns}
        new = {name: kind for name, kind, *_ in described if name not in columns and name != PIECE} | declared
        if new:
            nulls = ", ".join(f"CAST(NULL AS {kind}) AS {quote_name(name)}" for name, kind in new.items())
            sql = f"SELECT *, {nulls} FROM {quote_name(table)} WHERE false"
            self.transaction.create(table, sql, mode="append")

    def _gone(self, asked: Asked, rows: str) -> str:
        """SQL that is true of the table's rows in whose place the new ones come."""
        tests = []
        if self.definition.key:
            key = ", ".join(quote_name(name) for name in self.definition.key)
            tests.append(f"({key}) IN (SELECT {key if len(self.definition.key) == 1 else f'({key})'} FROM {rows})")
        if asked.back_fill or not self.definition.key:
            cursor = self.definition.cursor
            kind = self.transaction.tables[self.definition.table].columns[cursor]
            tests.append(f"({range_test(asked, kind, self.definition, column=quote_name(cursor))})")
        return " OR ".join(tests)
