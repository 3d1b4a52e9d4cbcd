"""Targets: added up where their periods fit, NULL where nobody set one, refused where they would be split."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.metrics.brute_force import UNKNOWN, Event, Group, catalog_of, check, events, start_of, total, warehouse_of

from steelyard.errors import DefinitionError, UnknownNameError
from steelyard.metrics import Metric, query
from steelyard.metrics.calendar import next_period
from steelyard.metrics.kinds import Target
from steelyard.warehouse import TableDeclaration

TARGETS = TableDeclaration(name="targets", key=("month", "region"), time="month", dimensions=("region",))
CATALOG = catalog_of(
    Metric(name="total", sum="events.amount"),
    Metric(name="wanted", target=Target(of="targets.amount", grain="month")),
    Metric(name="short", derived="wanted - total"),
    tables=[TARGETS],
)
MONTHS = [date(2025, 11, 1), date(2025, 12, 1), date(2026, 1, 1), date(2026, 2, 1), date(2026, 4, 1)]
Row = tuple[date, str | None, int | None]
targets = st.dictionaries(
    st.tuples(st.sampled_from(MONTHS), st.sampled_from(["north", "south", None])),
    st.none() | st.integers(0, 50),
    max_size=6,
).map(lambda known: [(*key, amount) for key, amount in known.items()])


def table(rows: list[Row]) -> pa.Table:
    return pa.table(
        {
            "month": pa.array([row[0] for row in rows], pa.date32()),
            "region": pa.array([row[1] for row in rows], pa.string()),
            "amount": pa.array([row[2] for row in rows], pa.int64()),
        }
    )


@settings(max_examples=60, deadline=None)
@given(
    rows=events(),
    wanted=targets,
    grain=st.sampled_from([None, "month", "quarter", "year"]),
    by=st.sampled_from([(), ("region",)]),
    since=st.none() | st.sampled_from(MONTHS),
    months=st.none() | st.integers(0, 3),
    where=st.booleans(),
)
@example([], [], None, (), None, None, False)
@example([], [(date(2026, 1, 1), None, None)], "month", ("region",), None, None, False)
def test_targets_add_up_to_coarser_periods_and_stand_beside_what_happened(
    rows: list[Event],
    wanted: list[Row],
    grain: str | None,
    by: tuple[str, ...],
    since: date | None,
    months: int | None,
    where: bool,
) -> None:
    until = None
    if months is not None:
        until = since or MONTHS[0]
        for _ in range(months + 1):
            until = next_period(until, "month")
        until -= timedelta(days=1)

    def inside(day: date | None, period: date | None) -> bool:
        if (since or until) and (day is None or day < (since or date.min) or day > (until or date.max)):
            return False
        return not grain or (start_of(day, grain) if day else None) == period

    def value(name: str, period: date | None, group: Group) -> Any:
        regions = {row[1] for row in wanted} | {None, "north", "south"}
        fits = {
            region
            for region in regions
            if (not by or (region or UNKNOWN,) == group) and (not where or region == "north")
        }
        aims = [row[2] for row in wanted if row[1] in fits and inside(row[0], period) and row[2] is not None]
        own = [row for row in rows if inside(row.day, period) and (not by or row.group(by) == group)]
        own = [row for row in own if not where or row.group(["region"]) == ("north",)]
        aim = sum(aims) if aims else None
        return {"wanted": aim, "total": total(own), "short": None if aim is None else aim - total(own)}[name]

    needed: set[tuple[date | None, Group]] = set() if grain or by else {(None, ())}
    for month, region, _ in wanted:
        if inside(month, start_of(month, grain) if grain else None) and (not where or region == "north"):
            needed.add((start_of(month, grain) if grain else None, tuple(region or UNKNOWN for _ in by)))
    with warehouse_of(rows, targets=table(wanted)) as warehouse:
        answer = query(
            CATALOG,
            warehouse,
            ["wanted", "total", "short"],
            by=[*([grain] if grain else []), *by],
            since=since,
            until=until,
            where="region = 'north'" if where else None,
        )
    check(answer, value, needed)
    assert "wanted" not in answer.non_additive
    assert "total" not in answer.non_additive


@pytest.mark.parametrize(
    ("asked", "words", "hint"),
    [
        ({"by": "week"}, "a finer target would be invented", "ask by month or quarter or year"),
        ({"by": "day"}, "a finer target would be invented", "ask by month or quarter or year"),
        ({"since": "2026-01-15"}, "cuts a month", "since 2026-01-01"),
        ({"until": "2026-01-15"}, "cuts a month", "until 2026-01-31"),
    ],
)
def test_a_question_that_would_split_a_target_is_refused_with_the_nearest_that_does_not(
    asked: dict[str, Any], words: str, hint: str
) -> None:
    with warehouse_of([], targets=table([(MONTHS[0], "north", 5)])) as warehouse:
        with pytest.raises(DefinitionError, match=words) as caught:
            query(CATALOG, warehouse, "wanted", **asked)
        assert hint in caught.value.hint


def test_a_target_by_what_it_does_not_have_is_refused() -> None:
    with warehouse_of([], targets=table([])) as warehouse, pytest.raises((DefinitionError, UnknownNameError)) as caught:
        query(CATALOG, warehouse, ["total", "wanted"], by="channel")
    assert "channel" in caught.value.problem
    assert "targets" in caught.value.problem
