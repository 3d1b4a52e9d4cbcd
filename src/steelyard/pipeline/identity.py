"""Anonymous ids joined to known customers by a declared rule, with every conflict counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from steelyard.errors import DefinitionError, unknown_name
from steelyard.pipeline.source_definition import SourceDefinition
from steelyard.result import Check
from steelyard.warehouse import quote_name

if TYPE_CHECKING:
    from steelyard.warehouse import Transaction

__all__ = ["IdentityReport", "join_identities", "mapping_sql"]


@dataclass(frozen=True, kw_only=True)
class IdentityReport:
    """What the rule made of the ids.

    Args:
        table: The mapping's table.
        joined: Anonymous ids that are known.
        unknown: Anonymous ids that were never seen with a known one.
        conflicts: Anonymous ids that were seen with more than one known id.
    """

    table: str
    joined: int
    unknown: int
    conflicts: int

    def check(self, rule: str) -> Check:
        """The conflicts as a check: a doubt, because the rule decided where the data did not."""
        says = f"{self.conflicts:,} of {self.joined:,} anonymous ids were seen with more than one known id"
        if self.conflicts:
            says += f"; the rule {rule!r} decided whose they are"
        return Check(
            name="identity_conflicts",
            status="failed" if self.conflicts else "passed",
            severity="doubt",
            value=float(self.conflicts),
            limit=0.0,
            says=says,
        )


def mapping_sql(definition: SourceDefinition) -> str:
    """The SELECT (DuckDB's own SQL) that makes the mapping from the loaded table.

    One row an anonymous id (`first_known`, `last_known`), or one a stretch of time in which it belongs to one known id
    (`at_time`): `valid_from` is null for the first stretch, which reaches back, and `valid_until` (exclusive) for the
    last. Ties in time go to the smaller known id. `customers` counts the known ids that it was seen with.
    """
    rule = definition.identity
    if rule is None:
        raise DefinitionError(f"the source {definition.name!r} has no `identity:`", where=definition.where)
    anonymous, known, table = quote_name(rule.anonymous), quote_name(rule.known), quote_name(definition.table)
    at = quote_name(rule.time or definition.cursor)
    seen = f"SELECT {anonymous} AS a, {known} AS k, {at} AS t FROM {table} WHERE {anonymous} IS NOT NULL"
    known_rows = f"SELECT a, k, t FROM ({seen}) WHERE k IS NOT NULL AND t IS NOT NULL"
    counts = f"SELECT a, count(DISTINCT k) AS customers, count(*) AS n FROM ({known_rows}) GROUP BY a"
    if rule.rule == "at_time":
        return _at_time_sql(known_rows, counts, anonymous, known)
    order = "ASC" if rule.rule == "first_known" else "DESC"
    chosen = (
        f"SELECT a, k, t FROM ({known_rows}) QUALIFY row_number() OVER (PARTITION BY a ORDER BY t {order}, k ASC) = 1"
    )
    return (
        f"SELECT c.a AS {anonymous}, c.k AS {known}, c.t AS decided_at, n.customers, n.n AS known_rows, "
        f"n.customers > 1 AS conflict FROM ({chosen}) c JOIN ({counts}) n USING (a) ORDER BY c.a"
    )


def _at_time_sql(known_rows: str, counts: str, anonymous: str, known: str) -> str:
    moments = f"SELECT a, t, min(k) AS k FROM ({known_rows}) GROUP BY a, t"
    changes = f"SELECT a, t, k FROM ({moments}) QUALIFY k IS DISTINCT FROM lag(k) OVER (PARTITION BY a ORDER BY t)"
    window = "(PARTITION BY c.a ORDER BY c.t)"
    return (
        f"SELECT c.a AS {anonymous}, c.k AS {known}, "
        f"CASE WHEN row_number() OVER {window} > 1 THEN c.t END AS valid_from, lead(c.t) OVER {window} AS valid_until, "
        f"n.customers, n.n AS known_rows, n.customers > 1 AS conflict "
        f"FROM ({changes}) c JOIN ({counts}) n USING (a) ORDER BY c.a, c.t"
    )


def join_identities(definition: SourceDefinition, transaction: Transaction) -> IdentityReport:
    """Makes the mapping anew from the whole table, in the load's own transaction.

    Raises:
        UnknownNameError: The table has no such column.
        DefinitionError: There is no column that orders the rows.
    """
    rule = definition.identity
    assert rule is not None  # noqa: S101
    columns = transaction.tables[definition.table].columns
    time = rule.time or definition.cursor
    if not time:
        raise DefinitionError("`identity` needs `time:`, the column that orders the rows", where=definition.where)
    for name in (rule.anonymous, rule.known, time):
        if name not in columns:
            raise unknown_name("column", name, columns, where=definition.where)
    table = rule.table or f"{definition.table}_identity"
    transaction.create(
        table, mapping_sql(definition), details={"identity": {"rule": rule.rule, "of": definition.table}}
    )
    anonymous, source, mapping = quote_name(rule.anonymous), quote_name(definition.table), quote_name(table)
    ((joined, conflicts),) = transaction.execute(
        f"SELECT count(DISTINCT {anonymous}), count(DISTINCT {anonymous}) FILTER (WHERE conflict) FROM {mapping}"
    )
    ((ids,),) = transaction.execute(f"SELECT count(DISTINCT {anonymous}) FROM {source}")
    return IdentityReport(table=table, joined=joined, unknown=ids - joined, conflicts=conflicts)
