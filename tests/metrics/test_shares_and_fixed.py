"""Shares of a total, and metrics that are fixed per entity: against plain Python."""

from __future__ import annotations

from datetime import date
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.metrics.brute_force import (
    FIRST,
    REGIONS,
    UNKNOWN,
    Event,
    Group,
    accounts_of,
    catalog_of,
    check,
    events,
    every,
    grains,
    mean,
    quantile,
    ranges,
    spine,
    start_of,
    total,
    warehouse_of,
)

from steelyard.errors import DefinitionError, UnknownNameError
from steelyard.metrics import Metric, MetricCatalog, query
from steelyard.metrics.kinds import Fixed, Quantile, Share
from steelyard.warehouse import TableDeclaration, connect

SHARES = {
    f"{of}_{within or 'all'}_{filters}": Share(of=of, within=(within,) if within else (), filters=filters)  # type: ignore[arg-type]
    for of in ("events", "accounts", "so_far")
    for within in ("", "region", "channel")
    for filters in ("keep", "ignore")
}
BASES = (
    Metric(name="total", sum="events.amount"),
    Metric(name="events", count="events"),
    Metric(name="accounts", distinct="events.account_id"),
    Metric(name="average", mean="events.amount"),
    Metric(name="so_far", cumulative="events"),
)
CATALOG = catalog_of(*BASES, *(Metric(name=name, share=said) for name, said in SHARES.items()))
CONDITIONS = {
    "channel = 'web'": lambda row: row.channel == "web",
    "region <> 'north'": lambda row: row.group(["region"]) != ("north",),
}


def is_kept(row: Event, *conditions: str | None) -> bool:
    return all(condition is None or CONDITIONS[condition](row) for condition in conditions)


@settings(max_examples=60, deadline=None)
@given(
    rows=events(),
    asked=ranges,
    grain=grains,
    by=st.sampled_from([("channel",), ("region",), ("channel", "region")]),
    name=st.sampled_from(list(SHARES)),
    where=st.sampled_from([None, *CONDITIONS]),
    context=st.sampled_from([None, *CONDITIONS]),
)
@example([], (None, None), None, ("channel",), "events_all_ignore", None, None)
def test_a_share_is_of_the_rows_that_its_total_has(
    rows: list[Event],
    asked: tuple[date | None, date | None],
    grain: str | None,
    by: tuple[str, ...],
    name: str,
    where: str | None,
    context: str | None,
) -> None:
    said = SHARES[name]
    question: dict[str, Any] = {"by": [*([grain] if grain else []), *by], "where": where, "context": context}
    if set(said.within) - set(by):
        with warehouse_of(rows) as warehouse, pytest.raises(DefinitionError, match="is a share within"):
            query(CATALOG, warehouse, name, **question)
        return
    ends = spine([row.day for row in rows], grain, *asked)
    last = {period: end for period, _, end in ends}
    ranged = asked != (None, None)
    looking = said.of == "so_far"

    def in_period(row: Event, period: date | None) -> bool:
        if looking:
            return row.day is not None and period in last and row.day <= last[period]
        if ranged and (row.day is None or row.day < (asked[0] or date.min) or row.day > (asked[1] or date.max)):
            return False
        return not grain or (start_of(row.day, grain) if row.day else None) == period

    def measured(found: list[Event]) -> int:
        return accounts_of(found) if said.of == "accounts" else len(found)

    def value(_: str, period: date | None, group: Group) -> float | None:
        own = [row for row in rows if in_period(row, period)]
        part = [row for row in own if row.group(by) == group and is_kept(row, where, context)]
        places = [by.index(item) for item in said.within]
        within = [row for row in own if all(row.group(by)[place] == group[place] for place in places)]
        whole = [row for row in within if is_kept(row, context, where if said.filters == "keep" else None)]
        return measured(part) / measured(whole) if measured(whole) else None

    with warehouse_of(rows) as warehouse:
        answer = query(CATALOG, warehouse, name, since=asked[0], until=asked[1], **question)
    if not ends and (ranged or looking):
        assert answer.table.num_rows == 0
        return
    groups = {
        row.group(by) for row in rows if is_kept(row, where, context) for p in (last or [None]) if in_period(row, p)
    }
    check(answer, value, every(ends, groups) if ends else [])
    adds = said.of != "accounts"
    expected = set(answer.dimensions) if not adds else {*(["period"] if grain else []), *said.within}
    assert set(answer.non_additive.get(name, ())) == expected


def test_shares_add_up_to_the_whole_over_what_they_are_not_kept_apart_by() -> None:
    rows = [Event(n, n % 3 + 1, "web" if n % 2 else "app", FIRST, n) for n in range(9)]
    with warehouse_of(rows) as warehouse:
        answer = query(CATALOG, warehouse, ["events_all_ignore", "events_region_ignore"], by=["region", "channel"])
    assert sum(row["events_all_ignore"] for row in answer.rows()) == pytest.approx(1)
    assert answer.non_additive == {"events_region_ignore": ("region",)}
    for region in ("north", "south", UNKNOWN):
        assert sum(r["events_region_ignore"] for r in answer.rows() if r["region"] == region) == pytest.approx(1)


def test_a_share_of_what_has_no_parts_is_refused() -> None:
    for base in ("average", "middle"):
        metrics = [
            *BASES,
            Metric(name="middle", quantile=Quantile(of="events.amount")),
            Metric(name="part", share=Share(of=base)),
        ]
        with pytest.raises(DefinitionError, match="of which a group has no share"):
            catalog_of(*metrics).formula("part")


# Fixed

FIXED = {
    f"{of}_{then}": Fixed(of=of, per="account", then=then, share=0.25)  # type: ignore[arg-type]
    for of in ("total", "events", "average")
    for then in ("mean", "sum", "min", "max", "quantile")
}
FIXED_CATALOG = catalog_of(*BASES, *(Metric(name=name, fixed=said) for name, said in FIXED.items()))


@settings(max_examples=60, deadline=None)
@given(
    rows=events(),
    name=st.sampled_from(list(FIXED)),
    by=st.sampled_from([(), ("region",)]),
    where=st.sampled_from([None, "region <> 'north'"]),
    context=st.sampled_from([None, "channel = 'web'"]),
)
@example([], "total_mean", (), None, None)
def test_a_fixed_metric_is_of_each_entity_whatever_the_question_keeps(
    rows: list[Event], name: str, by: tuple[str, ...], where: str | None, context: str | None
) -> None:
    said = FIXED[name]
    own: dict[int, Any] = {}
    for account in REGIONS:
        mine = [row for row in rows if row.account == account and is_kept(row, context)]
        own[account] = {"total": total, "events": len, "average": mean}[said.of](mine)

    asked: dict[str, Any] = {"by": by, "where": where, "context": context}
    with warehouse_of(rows) as warehouse:
        answer = query(FIXED_CATALOG, warehouse, name, **asked)
    if context is not None:  # an account has many events: the context keeps those accounts that have such an event
        mine = {row.account for row in rows if is_kept(row, context)}
        own = {account: value for account, value in own.items() if account in mine}

    def held(metric: str, period: date | None, group: Group) -> Any:
        kept = [
            own[account]
            for account, region in REGIONS.items()
            if account in own and (not by or (region or UNKNOWN,) == group) and not (where and region == "north")
        ]
        known = [item for item in kept if item is not None]
        if said.then == "quantile":
            return quantile(known, 0.25)
        if said.then == "sum":
            return sum(known)
        forms = {"mean": lambda values: sum(values) / len(values), "min": min, "max": max}
        return forms[said.then](known) if known else None

    check(answer, held, [] if by else [(None, ())])
    assert bool(answer.non_additive) == (bool(by) and said.then != "sum")


def fixed_of(accounts: TableDeclaration, **asked: Any) -> Any:
    tables = [accounts, TableDeclaration(name="events", entities={"account": ("account_id",)}, time="day")]
    metrics = [Metric(name="total", sum="events.amount"), Metric(name="each", fixed=Fixed(of="total", per="account"))]
    days = [date(2026, 1, 1), date(2026, 1, 5)]
    data = {
        "accounts": pa.table({"account_id": [1, 2], "opened": days, "zone": ["a", "b"]}),
        "events": pa.table({"account_id": [1, 2, 2], "amount": [4, 5, 6], "day": [date(2026, 2, 1)] * 3}),
    }
    with connect(data) as warehouse:
        return query(MetricCatalog.of(tables=tables, metrics=metrics), warehouse, "each", **asked)


def test_dates_keep_entities_by_their_own_time_and_never_the_rows_that_each_is_measured_by() -> None:
    dated = TableDeclaration(name="accounts", key=("account_id",), entity="account", time="opened")
    assert fixed_of(dated, since="2026-01-05", until="2026-01-31").rows() == [{"each": 11.0}]
    assert [row["each"] for row in fixed_of(dated, by="day").rows()] == [4.0, None, None, None, 11.0]
    undated = TableDeclaration(name="accounts", key=("account_id",), entity="account")
    with pytest.raises(DefinitionError, match="the rows of 'accounts' have no time") as caught:
        fixed_of(undated, since="2026-01-05")
    assert "ask without dates" in caught.value.hint


def test_an_entity_without_one_table_of_one_row_each_is_refused() -> None:
    wide = TableDeclaration(name="accounts", key=("account_id", "zone"), entity="account")
    metrics = [Metric(name="total", sum="events.amount"), Metric(name="each", fixed=Fixed(of="total", per="account"))]
    with pytest.raises(DefinitionError, match="is no one column"):
        MetricCatalog.of(tables=[wide, TableDeclaration(name="events")], metrics=metrics).formula("each")
    with pytest.raises(UnknownNameError, match="entity with a table of its own"):
        fixed_of(TableDeclaration(name="accounts", key=("account_id",)))
