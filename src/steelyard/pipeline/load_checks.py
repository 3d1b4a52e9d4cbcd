"""What a person should know of a load, as checks; and where the next one continues."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from steelyard.pipeline.conversion import ZONED
from steelyard.pipeline.identity import IdentityReport
from steelyard.pipeline.rejected_rows import Rejected
from steelyard.pipeline.schema_drift import SchemaDrift
from steelyard.pipeline.source_definition import SourceDefinition
from steelyard.pipeline.sources.scan import Found
from steelyard.result import Check
from steelyard.warehouse import Transaction, quote_name

__all__ = ["cursor_state", "load_checks"]

AHEAD = timedelta(days=1)


def cursor_state(
    definition: SourceDefinition, transaction: Transaction, before: str, now: datetime
) -> tuple[str, tuple[int, str]]:
    """The cursor after a load, and how many rows lie in the future (with the latest of them).

    A date or time more than a day ahead of the load's moment does not move the cursor: it would, and every row until
    that day would be taken for old.
    """
    table = transaction.tables.get(definition.table)
    if not definition.cursor or table is None or definition.cursor not in table.columns:
        return before, (0, "")
    cursor, kind = quote_name(definition.cursor), table.columns[definition.cursor]
    limit = now + AHEAD
    if kind == ZONED:
        there = f"{cursor} <= TIMESTAMPTZ '{limit.isoformat()}'"
    elif kind.startswith("TIMESTAMP") or kind == "DATE":
        there = f"{cursor} <= CAST(TIMESTAMP '{limit.replace(tzinfo=None).isoformat()}' AS {kind})"
    else:
        there = "true"
    ((last, ahead, latest),) = transaction.execute(
        f"SELECT CAST(max({cursor}) FILTER (WHERE {there}) AS VARCHAR), "
        f"count(*) FILTER (WHERE NOT ({there})), CAST(max({cursor}) AS VARCHAR) FROM {quote_name(definition.table)}"
    )
    return last or before, (int(ahead), latest or "")


def load_checks(
    definition: SourceDefinition,
    drift: SchemaDrift,
    found: Found,
    rejected: Sequence[Rejected],
    rows: int,
    superseded: int,
    ahead: tuple[int, str],
    identity: IdentityReport | None,
) -> tuple[Check, ...]:
    """A load's checks, in the order in which they are shown."""
    checks = [_rejected(definition, rejected, rows), *drift.checks()]
    if definition.cursor:
        says = (
            f"{ahead[0]:,} rows have a {definition.cursor!r} in the future, up to {ahead[1]}; the cursor ignores them"
        )
        checks.append(_check("future_cursor", "doubt", ahead[0], says, "no cursor lies in the future"))
    if definition.key:
        first = f"the latest {definition.cursor!r}, then " if definition.cursor else ""
        kept = f"the row with {first}the last file, then the largest values was kept"
        says = f"{superseded:,} rows of this load have the key of another; {kept}"
        checks.append(_check("same_key", "note", superseded, says, "no two rows of this load have the same key"))
    if found.twins:
        says = f"files with the content of another are loaded once: {', '.join(found.twins[:5])}"
        checks.append(_check("same_content", "note", len(found.twins), says, ""))
    if identity is not None and definition.identity is not None:
        checks.append(identity.check(definition.identity.rule))
    return tuple(checks)


def _rejected(definition: SourceDefinition, rejected: Sequence[Rejected], rows: int) -> Check:
    most = Counter(row.reason.split(": ")[0] for row in rejected).most_common(3)
    why = "; ".join(f"{reason} ({count:,})" for reason, count in most)
    says = f"{len(rejected):,} of {rows + len(rejected):,} rows are in {definition.table}_rejects: {why}"
    # A load that keeps none of what came (a column changed its type, say) is no load that anything may stand on.
    severity: Literal["blocking", "doubt"] = "doubt" if rows or not rejected else "blocking"
    return _check("rejected_rows", severity, len(rejected), says, "no row was rejected")


def _check(name: str, severity: Literal["blocking", "doubt", "note"], count: int, says: str, holds: str) -> Check:
    return Check(
        name=name,
        status="failed" if count else "passed",
        severity=severity,
        value=float(count),
        limit=0.0,
        says=says if count else holds,
    )
