"""Restatements: what a metric was at one moment and is at another, and why, so that the reasons add up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from steelyard.errors import unknown_name
from steelyard.metrics.answer import query
from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.fact_rows import sides_of
from steelyard.metrics.local_hours import hours_in_zone
from steelyard.metrics.question import Question, ask
from steelyard.metrics.restated import CAUSES, Cell, additive_cell, one_type, quotient_cell
from steelyard.metrics.row_changes import RowChanges, VersionPair, row_changes
from steelyard.metrics.small_groups import refuse_small

if TYPE_CHECKING:
    import pyarrow as pa

    from steelyard.document import Block

__all__ = ["DEFINITION", "Restatement", "TableChange", "restatement"]

DEFINITION = "definition_changed"


@dataclass(frozen=True, kw_only=True)
class TableChange:
    """What became of one table between the two versions.

    Args:
        table: The table.
        before: Its version_id in the earlier version.
        after: Its version_id in the later one.
        says: `the same version`, `rebuilt with the same rows`, or `other rows`; and what was erased.
    """

    table: str
    before: str
    after: str
    says: str


@dataclass(frozen=True, kw_only=True)
class Restatement:
    """What a metric was and is, group by group, and why.

    Args:
        metric: The metric.
        before: In words, the earlier version.
        after: The later one.
        table: `period` where a grain was asked, the dimensions, `before`, `after`, `change`, and what each reason adds
            to the change: `late_rows` (there now, of days that the earlier version had reached), `new_rows` (of later
            days, or of no day), `removed_rows`, `changed_rows` (the row itself is another, or counts now or no longer),
            `dimension_changed` (only what it refers to is another), `definition_changed`. Together they are the change;
            NULL where a ratio has no number before or after.
        rows: Reason -> rows (of a distinct count, values), over both sides of a ratio; `same` for those that stayed.
        tables: What became of each table.
        by: The columns of `table` that name a group.
        changes: What changed in the definition, one sentence each.
        sql: The SELECT of each side.
        notes: What a reader must know.
    """

    metric: str
    before: str
    after: str
    table: pa.Table
    rows: Mapping[str, int]
    tables: tuple[TableChange, ...]
    by: tuple[str, ...]
    changes: tuple[str, ...] = ()
    sql: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def changed(self) -> list[dict[str, Any]]:
        """The groups whose number changed, or in which reasons cancel."""
        return [row for row in self.table.to_pylist() if _moved(row)]

    def to_dict(self) -> dict[str, Any]:
        """The whole of it as plain values."""
        from steelyard.canonical import plain

        said: dict[str, Any] = plain(
            {
                "metric": self.metric, "before": self.before, "after": self.after, "by": self.by, "rows": self.rows,
                "tables": self.tables, "changes": self.changes, "notes": self.notes, "sql": self.sql,
                "groups": self.table.to_pylist(),
            }
        )  # fmt: skip
        return said

    def blocks(self) -> list[Block]:
        """The whole of it as blocks: the groups that changed, then what became of rows and tables."""
        from steelyard.metrics.restatement_blocks import restatement_blocks

        return restatement_blocks(self)

    def to_text(self, width: int = 100) -> str:
        """The whole of it as plain text."""
        from steelyard.document import to_text

        return to_text(self.blocks(), width=width)

    def __str__(self) -> str:
        return self.to_text()


def restatement(
    catalog: MetricCatalog,
    pair: VersionPair,
    metric: str,
    *,
    by: str | Sequence[str] = (),
    where: str | None = None,
    since: str | date | None = None,
    until: str | date | None = None,
    later: MetricCatalog | None = None,
    changes: Sequence[str] = (),
    before: str = "before",
    after: str = "after",
    notes: Sequence[str] = (),
    timeout: float | None = None,
) -> Restatement:
    """What a metric was in one version of its tables and is in another, and why; the reasons add up to the change.

    First the rows are compared under one definition; what another definition makes of the later rows comes on top.

    Args:
        catalog: The definitions, as of the earlier version.
        pair: Both versions.
        metric: The metric.
        by: As in `query`.
        where: As in `query`.
        since: As in `query`.
        until: As in `query`.
        later: The definitions as of the later version; None for the same.
        changes: What changed between the two definitions, in words.
        before: What to call the earlier version.
        after: What to call the later one.
        notes: What a reader must know.
        timeout: Seconds after which a query is cancelled; None waits.

    Raises:
        UnknownNameError: A version lacks a table or column that the definition needs, or nothing has that name.
        DefinitionError: The question has no right answer.
        PolicyError: The project tells of no single rows.
        DataError: A key that the answer leans on is not unique; or a number is a NaN.
    """
    refuse_small(catalog, "a restatement tells what single rows add", "ask for the number as of each moment")
    question = ask(metric, by=by, where=where, since=since, until=until, fill=False)
    sides = sides_of(catalog, metric)
    for table in {aggregate.table for aggregate in sides.values()}:
        _must_be_there(table, pair, before, after)
    found = {side: row_changes(catalog, pair, item, question, timeout=timeout) for side, item in sides.items()}
    cells = _cells(found)
    if not (question.by or question.grain) and not cells:
        cells[()] = Cell(before=_nothing(catalog, metric), after=_nothing(catalog, metric))
    said = list(notes)
    if later is not None and later.digest(metric) != catalog.digest(metric):
        cells = _redefined(cells, later, pair, question, timeout)
    said += _notes(found, cells)
    names = (*(["period"] if question.grain else []), *question.by)
    made = _table(cells, names)
    tables = tuple(dict.fromkeys(name for changes_ in found.values() for name in changes_.tables))
    return Restatement(
        metric=metric,
        before=before,
        after=after,
        table=hours_in_zone(made, catalog.zone) if question.grain == "hour" else made,
        rows={reason: sum(item.rows[reason] for item in found.values()) for reason in next(iter(found.values())).rows},
        tables=tuple(_table_change(table, pair) for table in tables),
        by=names,
        changes=tuple(changes),
        sql={side: item.sql for side, item in found.items()},
        notes=tuple(dict.fromkeys(said)),
    )


def _must_be_there(table: str, pair: VersionPair, before: str, after: str) -> None:
    for tables, says in ((pair.before, before), (pair.after, after)):
        if table not in tables:
            raise unknown_name("table", table, tables, where=says)


def _cells(found: Mapping[str, RowChanges]) -> dict[tuple[Any, ...], Cell]:
    groups = dict.fromkeys(group for changes in found.values() for group in changes.groups)
    if len(found) == 1:
        only = next(iter(found.values())).groups
        return {group: additive_cell(only[group]) for group in groups}
    upper, lower = (changes.groups for changes in found.values())
    return {group: quotient_cell(upper.get(group, {}), lower.get(group, {})) for group in groups}


def _redefined(
    cells: Mapping[tuple[Any, ...], Cell],
    later: MetricCatalog,
    pair: VersionPair,
    question: Question,
    timeout: float | None,
) -> dict[tuple[Any, ...], Cell]:
    """The cells with what the other definition makes of the later rows put on top."""
    metric = question.metrics[0]
    asked = query(
        later,
        pair.warehouse,
        metric,
        by=(*([question.grain] if question.grain else []), *question.by),
        where=question.where,
        since=question.since,
        until=question.until,
        fill=False,
        timeout=timeout,
    )
    values = {tuple(row[name] for name in asked.dimensions): row[metric] for row in asked.rows()}
    nothing = _nothing(later, metric)
    made: dict[tuple[Any, ...], Cell] = {}
    for group in dict.fromkeys((*cells, *values)):
        cell = cells.get(group, Cell(before=nothing, after=nothing, because=dict.fromkeys(CAUSES, 0)))
        now = values.get(group, nothing)
        both = cell.after is not None and now is not None
        on_top = _less(now, cell.after) if both else (0 if now is cell.after else None)
        made[group] = Cell(before=cell.before, after=now, because={**cell.because, DEFINITION: on_top})
    return made


def _nothing(catalog: MetricCatalog, metric: str) -> int | None:
    """The number of no rows at all."""
    return 0 if catalog.metric(metric).kind in ("sum", "count", "distinct") else None


def _less(one: Any, other: Any) -> Any:
    """One number less another; a decimal less a float is a float."""
    if isinstance(one, float) or isinstance(other, float):
        return float(one) - float(other)
    return one - other


def _table(cells: Mapping[tuple[Any, ...], Cell], names: Sequence[str]) -> pa.Table:
    import pyarrow as pa

    ordered = sorted(cells, key=lambda group: [(value is None, _orderly(value)) for value in group])
    columns: dict[str, Any] = {name: pa.array([group[at] for group in ordered]) for at, name in enumerate(names)}
    found = [cells[group] for group in ordered]
    numbers: dict[str, list[Any]] = {
        "before": [cell.before for cell in found],
        "after": [cell.after for cell in found],
        "change": [
            None if cell.before is None or cell.after is None else _less(cell.after, cell.before) for cell in found
        ],
    }
    for reason in (*CAUSES, DEFINITION):
        numbers[reason] = [cell.because.get(reason, 0) for cell in found]
    kinds = one_type([value for values in numbers.values() for value in values])
    for at, name in enumerate(numbers):
        values = kinds[at * len(found) : (at + 1) * len(found)]
        columns[name] = (
            pa.array(values) if any(value is not None for value in values) else pa.array(values, pa.float64())
        )
    return pa.table(columns)


def _orderly(value: Any) -> Any:
    return 0 if value is None else value


def _moved(row: Mapping[str, Any]) -> bool:
    reasons = [row[reason] for reason in (*CAUSES, DEFINITION)]
    return row["before"] != row["after"] or any(reasons) or any(reason is None for reason in reasons)


def _notes(found: Mapping[str, RowChanges], cells: Mapping[tuple[Any, ...], Cell]) -> list[str]:
    notes = [
        f"The rows of {changes.tables[0]} have no key that holds in both versions: one that changed counts as one "
        f"removed and one that came."
        for changes in found.values()
        if not changes.by_key
    ]
    without = sum(1 for cell in cells.values() if (cell.before is None) != (cell.after is None))
    if without:
        what = "1 group has" if without == 1 else f"{without:,} groups have"
        notes.append(f"{what} no denominator before or after, so no change that could be shared out.")
    return notes


def _table_change(table: str, pair: VersionPair) -> TableChange:
    before, after = pair.before[table], pair.after[table]
    erased = sum(int(item["rows"]) for item in before.erased)
    if before.version_id == after.version_id:
        says = "the same version"
    elif before.fingerprint == after.fingerprint:
        says = "rebuilt with the same rows"
    else:
        says = f"other rows: {before.rows:,} before, {after.rows:,} after"
    if erased:
        says += f"; {erased:,} rows were erased from the earlier version since"
    return TableChange(table=table, before=before.version_id, after=after.version_id, says=says)
