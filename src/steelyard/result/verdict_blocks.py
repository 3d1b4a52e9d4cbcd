"""A verdict as blocks: the answer with its action, what would settle it, and the rule clause by clause."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steelyard.document import Block, Callout, CalloutKind, Column, Facts, Items, Paragraph, Section, Table

if TYPE_CHECKING:
    from steelyard.result.result import Result

__all__ = ["verdict_blocks"]

MARKS: dict[str, CalloutKind] = {"yes": "good", "no": "bad", "unclear": "warning", "invalid": "bad"}
HOLDS = {True: "✓", False: "✗", None: "–"}


def verdict_blocks(result: Result) -> list[Block]:
    """What the rule says, clause by clause, and how the result stands to what was registered."""
    verdict = result.verdict
    title = verdict.answer if verdict.action == "none" else f"{verdict.answer}: {verdict.action}"
    blocks: list[Block] = [Callout(MARKS[verdict.answer], title.capitalize(), verdict.says)]
    if verdict.settle:
        blocks += [Paragraph("What would settle it:"), Items(verdict.settle)]
    if verdict.clauses:
        rows = [(HOLDS[clause.holds], clause.name.replace("_", " "), clause.says) for clause in verdict.clauses]
        blocks.append(Table([Column("holds", ""), Column("clause"), Column("numbers")], rows))
    blocks.append(Section("The rule, fixed beforehand", [Paragraph(verdict.rule)], open=not verdict.clauses))
    return [*blocks, _facts(result)]


def _facts(result: Result) -> Facts:
    provenance = result.provenance
    standing: str = provenance.standing
    if provenance.standing_says:
        standing = f"{standing}: {provenance.standing_says.removeprefix(f'{standing} ')}"
    study = f"{result.name} ({provenance.kind.replace('_', ' ')})"
    return Facts([("study", study), ("method", result.method), ("standing", standing)])
