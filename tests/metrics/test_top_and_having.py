"""The top values with the rest made of its rows, and conditions on metrics: against plain Python."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.metrics.brute_force import (
    FIRST,
    Event,
    Group,
    accounts_of,
    catalog_of,
    check,
    events,
    mean,
    quantile,
    start_of,
    total,
    warehouse_of,
)

from steelyard.errors import DefinitionError, UnknownNameError
from steelyard.metrics import Metric, query
from steelyard.metrics.kinds import Quantile, Share

OTHER = "(other)"
CATALOG = catalog_of(
    Metric(name="total", sum="events.amount"),
    Metric(name="events", count="events"),
    Metric(name="accounts", distinct="events.account_id"),
    Metric(name="average", mean="events.amount"),
    Metric(name="middle", quantile=Quantile(of="events.amount")),
    Metric(name="part", share=Share(of="events")),
)
ORACLES: dict[str, Any] = {
    "total": total,
    "events": len,
    "accounts": accounts_of,
    "average": mean,
    "middle": lambda rows: quantile([row.amount for row in rows], 0.5),
}


def ranked(rows: list[Event], dimension: str, first: str) -> list[str]:
    """The values of a dimension, the largest by the first metric before; of equals the first by name."""
    groups: dict[str, list[Event]] = {}
    for row in rows:
        groups.setdefault(row.group([dimension])[0], []).append(row)
    values = {name: ORACLES[first](found) for name, found in groups.items()}
    return sorted(values, key=lambda name: (values[name] is None, -(values[name] or 0), name.encode()))


@settings(max_examples=60, deadline=None)
@given(
    rows=events(most=16),
    names=st.lists(st.sampled_from(list(ORACLES)), min_size=1, max_size=3, unique=True),
    by=st.sampled_from([("channel",), ("region",), ("channel", "region")]),
    most=st.lists(st.integers(1, 3), min_size=2, max_size=2),
    grain=st.sampled_from([None, None, "month"]),
    where=st.booleans(),
)
@example([], ["total"], ("channel",), [1, 1], None, False)
def test_other_is_made_of_the_rows_of_the_rest(
    rows: list[Event], names: list[str], by: tuple[str, ...], most: list[int], grain: str | None, where: bool
) -> None:
    top = dict(zip(by, most, strict=False))
    kept = [row for row in rows if not where or row.group(["region"]) != ("north",)]
    shown = {name: ranked(kept, name, names[0])[:number] for name, number in top.items()}

    def group(row: Event) -> Group:
        own = zip(by, row.group(by), strict=True)
        return tuple(value if value in shown[name] else OTHER for name, value in own)

    def value(name: str, period: date | None, asked: Group) -> Any:
        inside = [row for row in kept if group(row) == asked]
        return ORACLES[name]([r for r in inside if not grain or (start_of(r.day, grain) if r.day else None) == period])

    with warehouse_of(rows) as warehouse:
        answer = query(
            CATALOG,
            warehouse,
            names,
            by=[*([grain] if grain else []), *by],
            top=top,
            where="region <> 'north'" if where else None,
        )
    check(answer, value, {(start_of(row.day, grain) if grain and row.day else None, group(row)) for row in kept})
    if "total" in names:
        assert sum(row["total"] for row in answer.rows()) == total(kept)


@settings(max_examples=40, deadline=None)
@given(rows=events(most=16), least=st.integers(-3, 6), by=st.sampled_from([(), ("channel",), ("channel", "region")]))
@example([], 1, ())
def test_a_condition_on_metrics_keeps_groups_and_changes_none(
    rows: list[Event], least: int, by: tuple[str, ...]
) -> None:
    names = ["total", "events", "average", *(["part"] if by else [])]
    with warehouse_of(rows) as warehouse:
        whole = query(CATALOG, warehouse, names, by=by)
        kept = query(CATALOG, warehouse, names, by=by, having=f"total >= {least} AND NOT average < 0")

    def holds(row: dict[str, Any]) -> bool:
        return row["total"] >= least and not (row["average"] is not None and row["average"] < 0)

    assert kept.rows() == [row for row in whole.rows() if holds(row)]


def test_a_condition_names_metrics_that_are_asked_for() -> None:
    with warehouse_of([]) as warehouse:
        with pytest.raises(UnknownNameError, match="no metric that is asked for named 'totl'") as caught:
            query(CATALOG, warehouse, ["total", "events"], having="totl > 3")
        assert "total" in caught.value.hint
        with pytest.raises(DefinitionError, match="the question is not by it"):
            query(CATALOG, warehouse, "total", top={"channel": 1})
        with pytest.raises(DefinitionError, match="leaves no rows"):
            query(CATALOG, warehouse, "total", by="channel", top=0)


def test_the_counts_beside_groups_that_a_condition_keeps_are_said_to_be_theirs() -> None:
    with warehouse_of([Event(0, 1, "web", FIRST, 5), Event(1, 9, "app", FIRST, 1)]) as warehouse:
        answer = query(CATALOG, warehouse, "total", by="region", having="total > 3")
    assert answer.rows() == [{"region": "north", "total": 5}]
    assert "The counts are of the groups that the condition on metrics keeps." in answer.notes
