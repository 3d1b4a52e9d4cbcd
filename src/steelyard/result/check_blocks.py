"""Checks as blocks: what does not hold first, by what it does to the answer; what holds folded away."""

from __future__ import annotations

from collections.abc import Sequence

from steelyard.document import Block, Callout, CalloutKind, Column, Section, Table
from steelyard.result.check import Check

__all__ = ["check_blocks"]

SYMBOL = {"passed": "✓", "failed": "✗", "not_run": "–"}
WEIGHT = ("blocking", "doubt", "note")
MEANS = "Blocking: the answer is invalid unless it holds. Doubt: at most unclear. Note: only said."


def check_blocks(checks: Sequence[Check]) -> list[Block]:
    """What had to hold, and whether it did.

    Args:
        checks: The checks of a result, in any order.

    >>> held = Check(name="sample_ratio", status="passed", says="Units fell as the split says.")
    >>> check_blocks([held])[0].title
    'All 1 hold'
    """
    if not checks:
        return [Callout("warning", "Nothing was checked")]
    ordered = sorted(checks, key=lambda check: (WEIGHT.index(check.severity), check.status != "failed"))
    held = [check for check in ordered if check.status == "passed"]
    rest = [check for check in ordered if check.status != "passed"]
    blocks: list[Block] = [_said(held, rest)]
    if rest:
        blocks.append(_table(rest, MEANS))
    if held:
        blocks.append(Section(f"What holds ({len(held)})", [_table(held)], open=False))
    return blocks


def _said(held: Sequence[Check], rest: Sequence[Check]) -> Callout:
    if not rest:
        return Callout("good", f"All {len(held)} hold")
    title = f"{len(held)} of {len(held) + len(rest)} hold"
    stopping, doubting = sum(check.stops for check in rest), sum(check.doubts for check in rest)
    if stopping:
        return Callout("bad", title, f"{stopping} of the others {'make' if stopping > 1 else 'makes'} it invalid.")
    kind: CalloutKind = "warning" if doubting else "note"
    says = f"{doubting} of the others {'make' if doubting > 1 else 'makes'} it doubtful." if doubting else ""
    return Callout(kind, title, says or "None of the others changes the answer.")


def _table(checks: Sequence[Check], caption: str | None = None) -> Table:
    rows = [
        (SYMBOL[check.status], check.name.replace("_", " "), check.status.replace("_", " "), check.severity, check.says)
        for check in checks
    ]
    columns = [Column("holds", ""), Column("check"), Column("status"), Column("severity"), Column("says")]
    return Table(columns, rows, caption=caption)
