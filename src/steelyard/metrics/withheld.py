"""An answer without the groups that are too small to be told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from steelyard.metrics.asked import Asked
from steelyard.metrics.catalog import MetricCatalog
from steelyard.metrics.question import Question
from steelyard.metrics.small_groups import small_groups

if TYPE_CHECKING:
    from typing import Any

    import pyarrow as pa

__all__ = ["Withheld", "counted_whole", "withhold"]


@dataclass(frozen=True, kw_only=True)
class Withheld:
    """An answer without the groups that are too small to be told.

    Args:
        table: The answer: such a group is no row of it. A period, and the whole, stay rows, whose numbers are NULL;
            under a condition on numbers they do not, for a row that stays would tell that it is fulfilled.
        told: Its rows whose numbers are told.
        groups: How many groups are not told.
        says: The same in words.
    """

    table: pa.Table
    told: pa.Table
    groups: int = 0
    says: tuple[str, ...] = ()


def counted_whole(catalog: MetricCatalog, question: Question) -> Question:
    """The question, where groups may be too small without its limit: which are beyond it must not tell their order."""
    return replace(question, limit=None) if catalog.smallest_group > 1 else question


def withhold(asked: Asked, fetched: pa.Table, *, timeout: float | None = None) -> Withheld:
    """What may be told of an answer.

    Args:
        asked: The question.
        fetched: What it gave, with the sizes beside it.
        timeout: Seconds after which a further query is cancelled; None waits.
    """
    smallest, question = asked.catalog.smallest_group, asked.question
    if smallest < 2:
        return Withheld(table=fetched, told=fetched)
    whole = asked
    if question.having is not None:  # which of the small groups fulfil a condition on their numbers would tell these
        whole = Asked(asked.catalog, asked.warehouse, replace(question, having=None))
        keys, sizes = _groups(whole, whole.fetch(timeout=timeout))
    else:
        keys, sizes = _groups(whole, fetched)
    small, beside = small_groups(keys, sizes, smallest)
    hidden = {keys[place] for place in small | beside}
    said = tuple(_says(asked, len(small), len(beside)))
    return _without(asked, fetched, hidden, len(small) + len(beside), said)


def _groups(asked: Asked, table: pa.Table) -> tuple[list[tuple[Any, ...]], list[tuple[int, ...]]]:
    rows = table.select([*asked.plan.columns, *asked.plan.sizes]).to_pylist()
    keys = [tuple(row[name] for name in asked.plan.columns) for row in rows]
    return keys, [tuple(int(row[name]) for name in asked.plan.sizes) for row in rows]


def _without(
    asked: Asked, fetched: pa.Table, hidden: set[tuple[Any, ...]], groups: int, says: tuple[str, ...]
) -> Withheld:
    import pyarrow as pa
    import pyarrow.compute as pc

    told = pa.array([key not in hidden for key in _groups(asked, fetched)[0]], pa.bool_())
    kept = fetched.filter(told)
    if asked.question.by or asked.question.having is not None:
        return Withheld(table=kept, told=kept, groups=groups, says=says)
    table = fetched
    for name in asked.question.metrics:
        at = table.schema.get_field_index(name)
        values = pc.if_else(told, table.column(at), pa.scalar(None, table.field(at).type))
        table = table.set_column(at, table.field(at).with_nullable(True), values)
    return Withheld(table=table, told=kept, groups=groups, says=says)


def _says(asked: Asked, small: int, beside: int) -> Iterator[str]:
    if not small:
        return
    catalog, question = asked.catalog, asked.question
    what = "group" if question.by else question.grain or "number"
    units = catalog.smallest_group_of or "row"
    one = small == 1
    more = ""
    if beside:
        them = "it" if one else "them"
        more = f", and {beside:,} more {'is' if beside == 1 else 'are'} not, so that no total tells of {them}"
    yield (
        f"{small:,} {what}{'' if one else 's'} of fewer than {catalog.smallest_group:,} (counted by {units}) "
        f"{'is' if one else 'are'} not shown{more}."
    )
