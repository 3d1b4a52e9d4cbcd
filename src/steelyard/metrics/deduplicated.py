"""Which of several rows of a business key counts, as the SELECT that stands for the table."""

from __future__ import annotations

from collections.abc import Mapping

from steelyard.errors import DefinitionError, unknown_name
from steelyard.metrics.expression import ColumnName, Parameters, columns_of, parse_expression, to_sql
from steelyard.metrics.names import free_name, sql_name
from steelyard.warehouse import Deduplicate, TableDeclaration

__all__ = ["AMBIGUOUS", "deduplicated_sql", "key_columns"]

AMBIGUOUS = "is_ambiguous"
"""The column that says whether several different rows of a key are equally late."""


def deduplicated_sql(table: TableDeclaration, columns: Mapping[str, str]) -> str:
    """The SELECT of one row a business key, with the table's columns and `is_ambiguous`.

    The latest row counts (a NULL is the oldest); exact copies are one row; where different rows are equally late, what
    they disagree about is not known, so every column is NULL but the key and what makes them late; a key whose latest
    row is deleted is gone. Rows without a key cannot be told apart, and all stay.

    Args:
        table: Its declaration, with `deduplicate`.
        columns: Its columns and types.

    Raises:
        DefinitionError: An expression of the key is not of exactly one column.
        UnknownNameError: It names a column that is not there.

    >>> from steelyard.warehouse import Deduplicate
    >>> rule = Deduplicate(key=("order_key",), latest=("updated_at",))
    >>> orders = TableDeclaration(name="orders", key=("order_key",), deduplicate=rule)
    >>> print(deduplicated_sql(orders, {"order_key": "VARCHAR", "amount": "INTEGER", "updated_at": "TIMESTAMP"}))
    SELECT DISTINCT order_key, CASE WHEN rivals = 1 THEN amount END AS amount, updated_at, rivals > 1 AS is_ambiguous
    FROM (
      SELECT *, count(*) OVER (PARTITION BY order_key) AS rivals
    ...
    """
    return _Deduplicating(table, columns).sql()


def key_columns(rule: Deduplicate) -> set[str]:
    """The columns of a business key."""
    return {name.name for text in rule.key for name in columns_of(parse_expression(text))}


class _Deduplicating:
    """One table on its way to one row a key."""

    def __init__(self, table: TableDeclaration, columns: Mapping[str, str]) -> None:
        assert table.deduplicate is not None  # noqa: S101 - asked before
        self.table, self.columns, self.rule = table, columns, table.deduplicate
        self.keys = {name: sql for text in self.rule.key for name, sql in [self._key(text)]}
        for column in self.rule.latest:
            self._known(column)
        taken = {name.lower() for name in columns}
        self.place, self.rivals, self.deleted = (free_name(n, taken) for n in ("place", "rivals", "is_deleted"))

    def _known(self, column: str) -> str:
        if column not in self.columns:
            raise unknown_name(f"column of {self.table.name!r}", column, self.columns, where=self.table.where)
        return column

    def _key(self, text: str) -> tuple[str, str]:
        """The column of one expression of the key, and the expression."""
        tree = parse_expression(text, self.table.where)
        names = columns_of(tree)
        if len(names) != 1:
            raise DefinitionError(
                f"{text!r} of the business key of {self.table.name!r} is of {len(names)} columns",
                where=self.table.where,
                hint="give one expression a column, such as upper(trim(order_key))",
            )
        return self._known(names[0].name), self._sql(text)

    def _sql(self, text: str) -> str:
        def column(name: ColumnName) -> str:
            return sql_name(self._known(name.name))

        return to_sql(
            parse_expression(text, self.table.where),
            column=column,
            type_of=lambda name: self.columns[self._known(name.name)],
            parameters=Parameters(inline=True),
            where=self.table.where,
            bind_numbers=False,
        )

    def _shown(self, name: str) -> str:
        column = sql_name(name)
        told = name in self.keys or name in self.rule.latest
        return column if told else f"CASE WHEN {self.rivals} = 1 THEN {column} END AS {column}"

    def sql(self) -> str:
        key = ", ".join(sql_name(name) for name in self.keys)
        order = ", ".join(f"{sql_name(column)} DESC NULLS LAST" for column in self.rule.latest)
        rows = ", ".join(f"{self.keys.get(name, sql_name(name))} AS {sql_name(name)}" for name in self.columns)
        deleted = f"({self._sql(self.rule.deleted)}) IS TRUE" if self.rule.deleted else "FALSE"
        absent = " OR ".join(f"{sql} IS NULL" for sql in self.keys.values())
        source = sql_name(self.table.name)
        shown = ", ".join(self._shown(name) for name in self.columns)
        return "\n".join(
            [
                f"SELECT DISTINCT {shown}, {self.rivals} > 1 AS {AMBIGUOUS}",
                "FROM (",
                f"  SELECT *, count(*) OVER (PARTITION BY {key}) AS {self.rivals}",
                "  FROM (",
                f"    SELECT *, rank() OVER (PARTITION BY {key} ORDER BY {order}) AS {self.place}",
                "    FROM (",
                f"      SELECT DISTINCT {rows}, {deleted} AS {self.deleted}",
                f"      FROM {source}",
                f"      WHERE NOT ({absent})",
                "    ) AS told_apart",
                "  ) AS ranked",
                f"  WHERE {self.place} = 1",
                ") AS latest",
                f"WHERE NOT ({self.deleted} AND {self.rivals} = 1)",
                "UNION ALL",
                f"SELECT {rows}, FALSE AS {AMBIGUOUS}",
                f"FROM {source}",
                f"WHERE {absent}",
            ]
        )
