"""The one SELECT that a table's header and SQL come to, readable, with its steps as named CTEs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from steelyard.errors import SteelyardError
from steelyard.pipeline.step_sql import (
    Clock,
    StepSql,
    as_of_sql,
    calendar_sql,
    deduplicate_sql,
    scaffold_sql,
    sessionise_sql,
)
from steelyard.pipeline.steps import Step
from steelyard.pipeline.table_definition import TableDefinition
from steelyard.warehouse import quote_name

__all__ = ["OpenCount", "Statement", "table_statement"]

Describe = Callable[[str], Mapping[str, str]]
_CLOCKS = (exp.CurrentDate, exp.CurrentTimestamp, exp.CurrentTime, exp.CurrentDatetime, exp.Rand, exp.Uuid)
_CLOCK_NAMES = {"now", "today", "random", "uuid", "gen_random_uuid", "get_current_timestamp", "current_localtimestamp"}


@dataclass(frozen=True, kw_only=True)
class OpenCount:
    """A query that counts what a step leaves open.

    Args:
        step: The step's name; empty for the header's own `deduplicate:`.
        kind: `deduplicate`, `sessionise`, `as_of` or `scaffold`.
        sql: A SELECT of one row of counts.
        severity: How grave an open tie is.
    """

    step: str
    kind: str
    sql: str
    severity: str = "blocking"


@dataclass(frozen=True, kw_only=True)
class Statement:
    """The one SELECT that a table comes to.

    Args:
        sql: It.
        counts: What its steps leave open, to be counted.
        volatile: Whether two runs on the same rows may differ: it reads the clock or draws at random.
    """

    sql: str
    counts: tuple[OpenCount, ...] = ()
    volatile: bool = False


@dataclass
class _Chain:
    """The CTEs so far."""

    describe: Describe
    ctes: dict[str, str] = field(default_factory=dict)
    counts: list[OpenCount] = field(default_factory=list)

    def columns(self, name: str) -> Mapping[str, str]:
        return self.describe(self.over(f"SELECT * FROM {quote_name(name)}"))

    def over(self, sql: str) -> str:
        """The SELECT with the CTEs before it."""
        if not self.ctes:
            return sql
        named = ",\n".join(f"{quote_name(name)} AS (\n{text}\n)" for name, text in self.ctes.items())
        return f"WITH {named}\n{sql}"

    def add(self, name: str, kind: str, made: StepSql, severity: str = "blocking") -> None:
        self.count(name, kind, made, severity)
        self.ctes[name] = made.sql

    def count(self, name: str, kind: str, made: StepSql, severity: str) -> None:
        if made.counts:
            sql = self.over(f"SELECT * FROM (\n{made.counts}\n)")
            self.counts.append(OpenCount(step=name, kind=kind, sql=sql, severity=severity))


def table_statement(definition: TableDefinition, describe: Describe, clock: Clock) -> Statement:
    """The one SELECT that the header's steps and the SELECT come to.

    Args:
        definition: The table.
        describe: Column -> type of a SELECT, without running it.
        clock: What `today` means.

    Raises:
        DefinitionError: A step cannot be; placed at its line.
        UnknownNameError: A step names a column that is not there.
    """
    chain = _Chain(describe)
    for name, step in definition.steps.items():
        try:
            _add_step(chain, name, step, clock)
        except SteelyardError as error:
            where = definition.header.where(("steps", name)) if definition.header else definition.path
            raise error.at(where) from None
    sql = definition.sql
    if definition.deduplicate is not None:
        sql = _deduplicated(chain, definition, sql)
    elif chain.ctes:
        sql = chain.over(f"SELECT * FROM (\n{sql}\n)")
    return Statement(sql=sql, counts=tuple(chain.counts), volatile=reads_the_clock(definition.tree))


def _add_step(chain: _Chain, name: str, step: Step, clock: Clock) -> None:
    if step.deduplicate is not None:
        of = step.deduplicate.of
        made = deduplicate_sql(step.deduplicate, of, chain.columns(of))
        chain.add(name, "deduplicate", made, step.deduplicate.ties)
    elif step.sessionise is not None:
        of = step.sessionise.of
        chain.add(name, "sessionise", sessionise_sql(step.sessionise, of, chain.columns(of)))
    elif step.as_of is not None:
        of, table = step.as_of.of, step.as_of.table
        chain.add(name, "as_of", as_of_sql(step.as_of, of, chain.columns(of), chain.columns(table)))
    elif step.scaffold is not None:
        of = step.scaffold.of
        chain.add(name, "scaffold", scaffold_sql(step.scaffold, of, chain.columns(of), clock))
    elif step.calendar is not None:
        chain.add(name, "calendar", calendar_sql(step.calendar, clock))


def _deduplicated(chain: _Chain, definition: TableDefinition, sql: str) -> str:
    asked = definition.deduplicate
    assert asked is not None  # noqa: S101  (the caller looked)
    written = f"{definition.name} as written"
    chain.ctes[written] = sql
    try:
        made = deduplicate_sql(asked, written, chain.columns(written))
    except SteelyardError as error:
        where = definition.header.where(("deduplicate",)) if definition.header else definition.path
        raise error.at(where) from None
    chain.count("", "deduplicate", made, asked.ties)
    return chain.over(made.sql)


def reads_the_clock(tree: exp.Expr) -> bool:
    """Whether two runs of the query on the same rows may differ."""
    for node in tree.walk():
        if isinstance(node, _CLOCKS) or (isinstance(node, exp.Anonymous) and node.name.casefold() in _CLOCK_NAMES):
            return True
    return False
