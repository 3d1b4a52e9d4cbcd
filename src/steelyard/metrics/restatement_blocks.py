"""A restatement as blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steelyard.document import (
    Block,
    Callout,
    CodeBlock,
    Column,
    Facts,
    Format,
    Heading,
    Items,
    Paragraph,
    Section,
    Table,
)
from steelyard.metrics.restated import CAUSES

if TYPE_CHECKING:
    from steelyard.metrics.restatement import Restatement

__all__ = ["restatement_blocks"]

WORDS = {
    "late_rows": "late rows",
    "new_rows": "new rows",
    "removed_rows": "removed rows",
    "changed_rows": "changed rows",
    "dimension_changed": "dimension changed",
    "definition_changed": "definition changed",
}


def restatement_blocks(restatement: Restatement) -> list[Block]:
    """The groups that changed, with their reasons; then what became of rows, tables and the definition."""
    changed = restatement.changed
    blocks: list[Block] = [
        Heading(f"What {restatement.metric.replace('_', ' ')} was, and is", level=3),
        Facts([("before", restatement.before), ("after", restatement.after)]),
    ]
    blocks += [Callout("note", note) for note in restatement.notes]
    if changed:
        blocks.append(_groups(restatement, changed))
    blocks.append(Paragraph(_counted(restatement, len(changed))))
    if restatement.changes:
        blocks += [Paragraph("The definition changed:"), Items(restatement.changes)]
    rows = [(item.table, item.before[:12], item.after[:12], item.says) for item in restatement.tables]
    blocks.append(
        Table([Column("table"), Column("version before"), Column("after"), Column("what became of it")], rows)
    )
    blocks += [
        Section(f"SQL of the {side}", [CodeBlock(sql, "sql")], open=False) for side, sql in restatement.sql.items()
    ]
    return blocks


def _groups(restatement: Restatement, changed: list[dict[str, Any]]) -> Table:
    """Only the reasons that there are."""
    reasons = [reason for reason in WORDS if any(row[reason] for row in changed)]
    signed = Format(signed=True)
    columns = [
        *(Column(name) for name in restatement.by),
        Column("before", align="right"),
        Column("after", align="right"),
        Column("change", align="right", format=signed),
        *(Column(WORDS[reason], align="right", format=signed) for reason in reasons),
    ]
    names = [*restatement.by, "before", "after", "change", *reasons]
    return Table(columns, [tuple(row[name] for name in names) for row in changed])


def _counted(restatement: Restatement, changed: int) -> str:
    groups = restatement.table.num_rows
    same = groups - changed
    kinds = [f"{WORDS[reason]}: {restatement.rows[reason]:,}" for reason in CAUSES if restatement.rows[reason]]
    stayed = f"as they were: {restatement.rows['same']:,}"
    rows = f"{'; '.join([*kinds, stayed])}." if kinds else "No row changed."
    rows = f"{rows[:1].upper()}{rows[1:]}"
    return f"{same:,} of {groups:,} groups did not change. {rows}" if restatement.by else rows
