"""The rows behind a number, as blocks and as plain values."""

from __future__ import annotations

import math
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from steelyard.document import Block, Callout, CodeBlock, Column, Facts, Heading, Section, Table
from steelyard.metrics.expression import UNKNOWN

if TYPE_CHECKING:
    from steelyard.metrics.drill import Drill

__all__ = ["drill_blocks", "drill_dict"]

ADDS = {"sum": "add up to", "mean": "average to", "distinct": "are this many values", "quantile": "have the quantile"}


def drill_dict(drill: Drill) -> dict[str, Any]:
    """The rows and what is said of them, as plain values; what JSON has no form for is written as text."""
    from steelyard.canonical import plain

    said = {
        "metric": drill.metric, "side": drill.side, "cell": drill.cell, "measure": drill.measure, "adds": drill.adds,
        "rows": drill.rows, "value": drill.value, "left_out": drill.left_out, "notes": drill.notes, "sql": drill.sql,
        "parameters": drill.parameters, "tables": drill.tables,
    }  # fmt: skip
    shown = [{name: _plain(value) for name, value in row.items()} for row in drill.table.to_pylist()]
    return {**plain(said), "shown": shown}


def _plain(value: Any) -> Any:
    """A value of a row as JSON has it: a NaN, bytes and nested values as text."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    return value.hex() if isinstance(value, bytes) else str(value)


def drill_blocks(drill: Drill) -> list[Block]:
    """The number and how the rows make it, then the rows."""
    of = f"{drill.side} of {drill.metric}" if drill.side else drill.metric
    cell = ", ".join(f"{name} {UNKNOWN if value is None else value}" for name, value in drill.cell.items())
    facts: list[tuple[str, Any]] = [("cell", cell or "the whole"), ("rows", drill.rows)]
    if drill.measure:
        facts.append((f"its {drill.measure} {ADDS[drill.adds]}", drill.value))
    else:
        facts.append((drill.metric, drill.value))
    blocks: list[Block] = [Heading(f"The rows behind {of.replace('_', ' ')}", level=3), Facts(facts)]
    blocks += [Callout("note", note) for note in drill.notes]
    names = drill.table.column_names
    rows = [tuple(_shown(row[name]) for name in names) for row in drill.table.to_pylist()]
    blocks.append(Table([Column(name) for name in names], rows))
    blocks.append(Section("SQL", [CodeBlock(drill.sql, "sql")], open=False))
    return blocks


def _shown(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | str | float | Decimal | date) else str(value)
