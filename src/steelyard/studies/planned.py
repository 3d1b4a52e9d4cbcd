"""What a study will do: a plan, and its blocks for any medium."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from steelyard.canonical import canonical_json
from steelyard.document import Block, Callout, CodeBlock, Column, Facts, Format, Paragraph, Section, Shown, Table

if TYPE_CHECKING:
    import pyarrow as pa

    from steelyard.document import Chart
    from steelyard.errors import DefinitionError
    from steelyard.result import Check
    from steelyard.warehouse.query import Query

__all__ = ["Plan"]

SHARES = ("relative", "chance_at_expected", "rate", "low", "high", "expected")


@dataclass(frozen=True, kw_only=True)
class Plan(Shown):
    """What will be done, to be read before any outcome is.

    Args:
        says: What will be compared with what, in words.
        rule: The rule that will make the verdict.
        queries: The SQL that will run, by name; the first round, without outcomes read.
        sample: Sample size or power, as facts: label -> value; empty where the kind has none.
        warnings: What is already doubtful.
        tables: Small tables to choose a design by, by title.
        charts: The same as pictures.
        checks: What had to hold of the history.
        unready: Why it may not be registered so, since no run could be read; None where it may.
    """

    says: str
    rule: str
    queries: Mapping[str, Query] = field(default_factory=dict)
    sample: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    tables: Mapping[str, pa.Table] = field(default_factory=dict)
    charts: tuple[Chart, ...] = ()
    checks: tuple[Check, ...] = ()
    unready: DefinitionError | None = None

    def blocks(self) -> list[Block]:
        """The plan as blocks, for any medium."""
        return _blocks(self)


def _blocks(plan: Plan) -> list[Block]:
    blocks: list[Block] = [Paragraph(plan.says), Callout("note", "The rule", plan.rule)]
    if plan.sample:
        blocks.append(Facts([(label, _shown(value)) for label, value in plan.sample.items()]))
    if plan.unready is not None:
        words = _sentence(f"{plan.unready.problem}: {plan.unready.hint}")
        blocks.append(Callout("bad", "Not to be registered so", words))
    if plan.warnings:
        blocks.append(Callout("warning", "Doubtful already", " ".join(map(_sentence, plan.warnings))))
    blocks += [_plan_table(title, table) for title, table in plan.tables.items()]
    blocks += plan.charts
    blocks += [_plan_check(check) for check in plan.checks]
    return blocks + [_query(name, query) for name, query in plan.queries.items()]


def _query(name: str, query: Query) -> Block:
    shown: list[Block] = [CodeBlock(query.sql, "sql")]
    if query.parameters:
        shown.append(Facts([(f"${key}", str(value)) for key, value in query.parameters.items()]))
    return Section(f"{name}: {query.says}" if query.says else name, shown)


def _sentence(words: str) -> str:
    """Words that may begin small and end without a stop, as those of an error do."""
    return f"{words[:1].upper()}{words[1:]}{'' if words.endswith('.') else '.'}"


def _plan_table(title: str, table: pa.Table) -> Table:
    columns = [
        Column(name, format=Format.percent(2)) if name in SHARES else Column(name) for name in table.column_names
    ]
    return Table(columns, [tuple(row.values()) for row in table.to_pylist()], caption=title)


def _plan_check(check: Check) -> Block:
    kind = "good" if check.status == "passed" else "warning"
    return Callout(kind, check.name.replace("_", " ").capitalize(), check.says)  # type: ignore[arg-type]


def _shown(value: Any) -> Any:
    return value if isinstance(value, str | int | float) or value is None else canonical_json(value)
