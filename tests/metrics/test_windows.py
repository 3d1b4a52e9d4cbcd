"""Rolling, cumulative and period to date: each against plain Python over the rows of its days."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

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
    every,
    grains,
    groupings,
    mean,
    per_account,
    quantile,
    ranges,
    spine,
    start_of,
    total,
    warehouse_of,
)

from steelyard.metrics import Measure, Metric, Ratio, query
from steelyard.metrics.kinds import PeriodToDate, Quantile, Rolling

BASES = {
    "total": Metric(name="total", sum="events.amount"),
    "events": Metric(name="events", count="events"),
    "accounts": Metric(name="accounts", distinct="events.account_id"),
    "average": Metric(name="average", mean="events.amount"),
    "each": Metric(
        name="each",
        ratio=Ratio(numerator=Measure(sum="events.amount"), denominator=Measure(distinct="events.account_id")),
    ),
    "middle": Metric(name="middle", quantile=Quantile(of="events.amount", share=0.3)),
}
ORACLES: dict[str, Any] = {
    "total": total,
    "events": lambda rows: len(list(rows)),
    "accounts": accounts_of,
    "average": mean,
    "each": per_account,
    "middle": lambda rows: quantile([row.amount for row in rows], 0.3),
}
WINDOWS: dict[str, dict[str, Any]] = {
    "so_far": {},
    "last_1": {"days": 1},
    "last_7": {"days": 7},
    "last_7_whole": {"days": 7, "warm_up": "missing"},
    "month": {"period": "month"},
    "week": {"period": "week"},
}


def windowed(base: str, window: str) -> Metric:
    said, name = WINDOWS[window], f"{base}_{window}"
    if not said:
        return Metric(name=name, cumulative=base)
    if "days" in said:
        return Metric(name=name, rolling=Rolling(of=base, **said))
    return Metric(name=name, period_to_date=PeriodToDate(of=base, **said))


CATALOG = catalog_of(*BASES.values(), *(windowed(base, window) for base in BASES for window in WINDOWS))


def begins(window: str, end: date, first: date) -> date:
    said = WINDOWS[window]
    if "days" in said:
        return end - timedelta(days=said["days"] - 1)
    return start_of(end, said["period"]) if said else first


@settings(max_examples=60, deadline=None)
@given(
    rows=events(),
    asked=ranges,
    grain=grains,
    by=groupings,
    bases=st.lists(st.sampled_from(list(BASES)), min_size=1, max_size=2, unique=True),
    window=st.sampled_from(list(WINDOWS)),
    where=st.booleans(),
)
@example([], (None, None), None, (), ["total"], "last_7", False)
@example([Event(0, 1, "web", None, 3)], (None, None), "day", ("channel",), ["total", "accounts"], "so_far", False)
@example([Event(0, 1, "web", FIRST, 3)], (date(2027, 1, 1), None), None, (), ["average"], "month", True)
def test_a_window_is_what_its_days_have(
    rows: list[Event],
    asked: tuple[date | None, date | None],
    grain: str | None,
    by: tuple[str, ...],
    bases: list[str],
    window: str,
    where: bool,
) -> None:
    names = [f"{base}_{window}" for base in bases]
    ends = spine([row.day for row in rows], grain, *asked)
    first = min((row.day for row in rows if row.day), default=FIRST)
    last_day = {period: last for period, _, last in ends}
    kept = [row for row in rows if row.day is not None and (row.channel == "web" or not where)]

    def inside(period: date | None, group: Group) -> list[Event]:
        end = last_day[period]
        return [r for r in kept if begins(window, end, first) <= r.day <= end and r.group(by) == group]  # type: ignore[operator]

    def value(name: str, period: date | None, group: Group) -> Any:
        base = name.removesuffix(f"_{window}")
        if period not in last_day:
            return ORACLES[base]([])
        whole = WINDOWS[window].get("warm_up") == "missing"
        if whole and begins(window, last_day[period], first) < first:
            return None
        if whole and not by and not kept:
            return ORACLES[base]([])
        return ORACLES[base](inside(period, group))

    groups = {row.group(by) for period in last_day for row in kept if row in inside(period, row.group(by))}
    with warehouse_of(rows) as warehouse:
        answer = query(
            CATALOG,
            warehouse,
            names,
            by=[*([grain] if grain else []), *by],
            since=asked[0],
            until=asked[1],
            where="channel = 'web'" if where else None,
        )
    if not ends:
        assert answer.table.num_rows == (0 if grain or by else 1)
        return
    check(answer, value, every(ends, groups) if by else every(ends, [()]))


def test_a_window_longer_than_the_data_says_so() -> None:
    metrics = [
        Metric(name="total", sum="events.amount"),
        *(Metric(name=f"last_{days}", rolling=Rolling(of="total", days=days)) for days in (3, 4)),
    ]
    rows = [Event(0, 1, "web", FIRST, 5), Event(1, 1, "web", FIRST + timedelta(days=2), 5)]
    with warehouse_of(rows) as warehouse:
        notes = query(catalog_of(*metrics), warehouse, ["last_3", "last_4"], by="day").notes
    said = [note for note in notes if "longer than the data" in note]
    until = FIRST + timedelta(days=2)
    assert said == [f"The window of last_4, 4 days, is longer than the data, which has 3 to {until}."]
