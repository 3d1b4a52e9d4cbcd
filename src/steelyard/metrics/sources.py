"""What stands for a table in FROM: the table as it is, or its rows once each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from steelyard.metrics.deduplicated import deduplicated_sql
from steelyard.metrics.names import free_name, sql_name
from steelyard.warehouse import Deduplicate, TableDeclaration

__all__ = ["Sources"]


@dataclass
class Sources:
    """What stands for each table of a query in FROM.

    Args:
        tables: The declarations, by name.
        types: Columns and types of the tables.
        taken: Names that no step may have; None writes every source where it stands, and makes no step.
        steps: Name of a step -> its SELECT, in order.
    """

    tables: Mapping[str, TableDeclaration]
    types: Mapping[str, Mapping[str, str]]
    taken: set[str] | None = None
    steps: dict[str, str] = field(default_factory=dict)

    def rule(self, table: str, own: Deduplicate | None = None) -> Deduplicate | None:
        """How the rows of a table are told apart, where they are not one a thing."""
        return own or self.tables[table].deduplicate

    def named(self, table: str, name: str, own: Deduplicate | None = None) -> str:
        """The table in FROM under a name.

        Args:
            table: The table.
            name: Its name in the SELECT.
            own: A rule of a metric's, which goes before the table's.
        """
        rule = self.rule(table, own)
        if rule is None:
            return sql_name(table) if name == table else f"{sql_name(table)} AS {sql_name(name)}"
        sql = deduplicated_sql(replace(self.tables[table], deduplicate=rule), self.types[table])
        if self.taken is None:
            return f"(\n{sql}\n) AS {sql_name(name)}"
        return f"{sql_name(self._step(table, sql))} AS {sql_name(name)}"

    def _step(self, table: str, sql: str) -> str:
        for step, known in self.steps.items():
            if known == sql:
                return step
        assert self.taken is not None  # noqa: S101 - asked before
        plain = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in table.lower())
        step = free_name(f"{plain}_once", self.taken)
        self.steps[step] = sql
        return step
