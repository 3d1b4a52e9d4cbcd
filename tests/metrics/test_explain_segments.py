"""The few segments behind a move, from rows: found, sized, put beside what coincides, and silent where nothing is."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from steelyard.metrics import Explanation, Measure, Metric, MetricCatalog, Ratio, explain
from steelyard.metrics.annotation import Annotation
from steelyard.metrics.explanation import Happening
from steelyard.metrics.root_cause import cube, wide
from steelyard.simulate.leaf_cube import DIMENSIONS, LeafCube, leaf_cube
from steelyard.warehouse import TableDeclaration, Warehouse, connect

FIRST = date(2026, 1, 5)
LAST = FIRST + timedelta(days=56)
MONTH, TODAY = (LAST - timedelta(days=28), LAST - timedelta(days=1)), (LAST, LAST)
CATALOG = MetricCatalog.of(
    tables=[TableDeclaration(name="traffic", time="day", dimensions=DIMENSIONS)],
    metrics=[
        Metric(name="sessions", sum="traffic.sessions"),
        Metric(
            name="conversion",
            ratio=Ratio(numerator=Measure(sum="traffic.orders"), denominator=Measure(sum="traffic.sessions")),
        ),
        Metric(name="countries", distinct="traffic.country"),
    ],
)


def rows_of(found: LeafCube, days: int = 57) -> pa.Table:
    leaf, day = np.divmod(np.arange(found.sessions[:, -days:].size), days)
    columns: dict[str, Any] = {
        name: pa.array(np.array(found.labels[place])[found.codes[leaf, place]]) for place, name in enumerate(DIMENSIONS)
    }
    columns["day"] = pa.array(np.datetime64(LAST - timedelta(days=days - 1)) + day)
    columns["sessions"] = found.sessions[:, -days:].ravel()
    columns["orders"] = found.orders[:, -days:].ravel()
    return pa.table(columns)


def opened(rows: pa.Table) -> Warehouse:
    return connect({"traffic": rows})


def assert_adds_up(found: Explanation) -> None:
    assert found.change is not None
    for dimension in found.dimensions:
        parts = math.fsum(segment.contribution for segment in dimension.segments)
        assert parts == pytest.approx(found.change, rel=1e-9)
    if found.search.ran:
        assert found.unexplained is not None
        whole = math.fsum([*(cause.impact for cause in found.causes), found.calendar, found.unexplained])
        assert whole == pytest.approx(found.change, rel=1e-9)


def test_one_cause_is_named_sized_and_everything_adds_up() -> None:
    data = leaf_cube("one cause", 11)
    inside = data.members(data.truth[0].segment)
    with opened(rows_of(data)) as warehouse:
        found = explain(CATALOG, warehouse, "sessions", MONTH, TODAY)
    assert [dict(cause.segment) for cause in found.causes] == [dict(data.truth[0].segment)]
    cause = found.causes[0]
    assert cause.kind == "volume"
    assert cause.ratio == pytest.approx(data.truth[0].factor, rel=0.05)
    assert cause.after == data.sessions[inside, -1].sum()
    assert cause.before == pytest.approx(data.sessions[inside, -29:-1].sum() / 28)
    lost = data.sessions[inside, -1].sum() * (1 - 1 / data.truth[0].factor)
    assert cause.impact == pytest.approx(lost, rel=0.1)
    assert cause.false_alarm < 1e-6
    assert found.search.segments > 1_900
    assert not found.faults
    assert_adds_up(found)
    assert cause.name in found.to_text(width=200)
    assert found.to_dict()["causes"][0]["kind"] == "volume"


def test_mix_and_rate_of_a_ratio_are_found_apart() -> None:
    data = leaf_cube("mix and rate", 12)
    with opened(rows_of(data)) as warehouse:
        found = explain(CATALOG, warehouse, "conversion", MONTH, TODAY)
    kinds = {"volume": "mix", "rate": "rate"}
    wanted = {(kinds[cause.kind], cause.segment) for cause in data.truth}
    assert {(cause.kind, tuple(cause.segment.items())) for cause in found.causes} == wanted
    assert_adds_up(found)


def test_a_quiet_day_says_that_nothing_stands_out() -> None:
    with opened(rows_of(leaf_cube("nothing", 13))) as warehouse:
        found = explain(CATALOG, warehouse, "sessions", MONTH, TODAY)
    assert not found.causes
    assert found.search.ran
    assert "No segment stands out of the noise" in found.to_text()
    assert_adds_up(found)


def test_the_order_of_rows_and_new_names_change_no_number() -> None:
    data = leaf_cube("two that cancel", 14)
    rows = rows_of(data)
    shuffled = rows.take(pa.array(np.random.default_rng(1).permutation(rows.num_rows)))
    renamed = rows.set_column(
        rows.column_names.index("channel"),
        "channel",
        pa.array([f"{9 - int(value[-1])} {value}" for value in rows.column("channel").to_pylist()]),
    )
    told = []
    for table in (rows, shuffled, renamed):
        with opened(table) as warehouse:
            found = explain(CATALOG, warehouse, "sessions", MONTH, TODAY)
        segments = [{k: v.split(" ")[-1] for k, v in cause.segment.items()} for cause in found.causes]
        told.append((segments, [number for cause in found.causes for number in (cause.impact, cause.statistic)]))
    assert len(told[0][0]) == 2
    assert told[1] == told[0]
    assert told[2][0] == told[0][0]
    assert told[2][1] == pytest.approx(told[0][1], rel=1e-9)


def test_ten_times_the_amounts_are_ten_times_the_impact_of_the_same_segments() -> None:
    data = leaf_cube("one cause", 15, volume=100.0)
    larger = replace(data, sessions=data.sessions * 10, orders=data.orders * 10)
    sizes = []
    for one in (data, larger):
        with opened(rows_of(one)) as warehouse:
            found = explain(CATALOG, warehouse, "sessions", MONTH, TODAY)
        sizes.append([(dict(cause.segment), cause.impact) for cause in found.causes])
    assert [segment for segment, _ in sizes[0]] == [segment for segment, _ in sizes[1]]
    assert [impact for _, impact in sizes[1]] == pytest.approx([10 * impact for _, impact in sizes[0]], rel=1e-2)


def test_the_ranges_swapped_turn_every_sign() -> None:
    data = leaf_cube("one cause", 16)
    week = (LAST - timedelta(days=7), LAST - timedelta(days=7))
    with opened(rows_of(data)) as warehouse:
        there = explain(CATALOG, warehouse, "sessions", week, TODAY)
        back = explain(CATALOG, warehouse, "sessions", TODAY, week)
    assert there.change == -back.change  # type: ignore[operator]
    assert {d.dimension: {s.value: s.contribution for s in d.segments} for d in there.dimensions} == {
        d.dimension: {s.value: -s.contribution for s in d.segments} for d in back.dimensions
    }
    assert [cause.segment for cause in there.causes] == [cause.segment for cause in back.causes]
    assert there.causes[0].impact < 0 < back.causes[0].impact


def test_without_history_nothing_is_searched_and_that_is_said() -> None:
    with opened(rows_of(leaf_cube("one cause", 11), days=2)) as warehouse:
        day = LAST - timedelta(days=1)
        found = explain(CATALOG, warehouse, "sessions", (day, day), TODAY)
    assert not found.search.ran
    assert "history is too short" in found.search.says
    assert not found.causes
    assert_adds_up(found)


def test_a_short_history_is_cut_into_blocks() -> None:
    data = leaf_cube("one cause", 17)
    with opened(rows_of(data, days=29)) as warehouse:
        found = explain(CATALOG, warehouse, "sessions", MONTH, TODAY)
    assert "28 blocks of 1 day" in found.search.says
    assert [dict(cause.segment) for cause in found.causes] == [dict(data.truth[0].segment)]


def test_a_distinct_count_is_not_searched_and_says_why() -> None:
    with opened(rows_of(leaf_cube("one cause", 11))) as warehouse:
        found = explain(CATALOG, warehouse, "countries", MONTH, MONTH)
    assert not found.search.ran
    assert "does not add up" in found.search.says


def test_what_coincides_stands_beside_the_segment_it_may_concern() -> None:
    data = leaf_cube("one cause", 11)
    name, value = data.truth[0].segment[0]
    other = next(label for label in data.labels[DIMENSIONS.index(name)] if label != value)
    notes = [
        Annotation(at=LAST, says="Checkout broke", kind="outage", where=f"{name} = '{value}'"),
        Annotation(at=LAST, says="Elsewhere", kind="outage", where=f"{name} = '{other}'"),
        Annotation(at=LAST - timedelta(days=9), says="Long ago"),
        Annotation(at=LAST, says="Of another metric", metrics=("conversion",)),
    ]
    ran = Happening(says="the experiment new_cart", kind="experiment", at=FIRST, until=LAST, undo=True)
    with opened(rows_of(data)) as warehouse:
        found = explain(CATALOG, warehouse, "sessions", MONTH, TODAY, annotations=notes, happenings=[ran])
        backed = explain(CATALOG, warehouse, "sessions", MONTH, TODAY, happenings=[replace(ran, study="new_cart")])
    assert [item.says for item in found.causes[0].coincides] == ["the experiment new_cart", "Checkout broke"]
    assert {item.says for item in found.coincides} == {"the experiment new_cart", "Checkout broke", "Elsewhere"}
    assert found.causes[0].undo
    text = " ".join(found.summary)
    assert "It coincides with" in text
    assert "can be taken back" in text
    assert "These are correlations" in text
    assert "new_cart did to it is measured by that study" in " ".join(backed.summary)
    assert "In these days: outage" in found.to_text()


def test_a_segment_without_rows_is_a_fault_of_the_data() -> None:
    rows = rows_of(leaf_cube("nothing", 18))
    kept = rows.filter(
        pa.compute.invert(
            pa.compute.and_(
                pa.compute.equal(rows.column("channel"), "channel_2"), pa.compute.equal(rows.column("day"), LAST)
            )
        )
    )
    with opened(kept) as warehouse:
        found = explain(CATALOG, warehouse, "sessions", MONTH, TODAY)
    assert [(fault.kind, dict(fault.segment)) for fault in found.faults] == [("segment gone", {"channel": "channel_2"})]
    assert found.causes[0].kind == "data fault"
    assert found.summary[0].startswith("channel = channel_2 has no rows at all")


@pytest.fixture
def orders() -> list[dict[str, Any]]:
    """Sixty days of forty orders or so in each of two countries, of about ten each."""
    random = np.random.default_rng(3)
    return [
        {"day": FIRST + timedelta(days=day), "country": country, "amount": float(random.normal(10, 1))}
        for day in range(60)
        for country in ("DE", "FR")
        for _ in range(int(random.poisson(40)))
    ]


SHOP = MetricCatalog.of(
    tables=[TableDeclaration(name="orders", time="day", dimensions=("country",))],
    metrics=[Metric(name="revenue", sum="orders.amount"), Metric(name="orders", count="orders")],
)
END = FIRST + timedelta(days=59)
WEEKS, WEEK = (END - timedelta(days=34), END - timedelta(days=7)), (END - timedelta(days=6), END)


def told(rows: list[dict[str, Any]], metric: str = "revenue", *, after: tuple[date, date] = WEEK) -> Explanation:
    with connect({"orders": pa.Table.from_pylist(rows)}) as warehouse:
        found = explain(SHOP, warehouse, metric, WEEKS, after)
    assert_adds_up(found)
    return found


def test_dearer_orders_are_price_and_more_orders_are_volume(orders: list[dict[str, Any]]) -> None:
    late = [row["day"] >= WEEK[0] and row["country"] == "DE" for row in orders]
    dearer = [{**row, "amount": row["amount"] * 1.5} if hit else row for row, hit in zip(orders, late, strict=True)]
    more = orders + [row for row, hit in zip(orders, late, strict=True) if hit][::2]
    price, volume = told(dearer), told(more)
    assert [(cause.kind, dict(cause.segment)) for cause in price.causes] == [("price", {"country": "DE"})]
    assert [(cause.kind, dict(cause.segment)) for cause in volume.causes] == [("volume", {"country": "DE"})]
    assert price.causes[0].measure == "revenue of a row"
    assert price.causes[0].ratio == pytest.approx(1.5, rel=0.03)
    assert price.causes[0].impact == pytest.approx(7 * 40 * 5 / 7, rel=0.2)  # per day
    assert volume.causes[0].ratio == pytest.approx(1.5, rel=0.15)


def test_a_load_that_came_twice_is_seen_before_anything_else(orders: list[dict[str, Any]]) -> None:
    twice = orders + [row for row in orders if row["day"] == END - timedelta(days=2)]
    found = told(twice)
    assert [fault.kind for fault in found.faults] == ["loaded twice"]
    assert "Mend the data first" in " ".join(found.summary)
    assert not told(orders).faults


def test_missing_incomplete_and_late_days_are_named(orders: list[dict[str, Any]]) -> None:
    gap = END - timedelta(days=3)
    missing = told([row for row in orders if row["day"] != gap])
    assert [fault.kind for fault in missing.faults] == ["missing days"]
    assert str(gap) in missing.faults[0].says
    short = told([row for row in orders if row["day"] < END - timedelta(days=1)])
    assert [fault.kind for fault in short.faults] == ["incomplete"]
    assert "2 days of the later range are not there" in short.faults[0].says
    late = told([row for number, row in enumerate(orders) if row["day"] < END or number % 5 == 0])
    assert [fault.kind for fault in late.faults] == ["late"]


def test_a_definition_that_changed_between_the_ranges_is_a_fault(orders: list[dict[str, Any]]) -> None:
    change = Happening(says="revenue now excludes tax", kind="definition", at=WEEK[0], undo=True)
    with connect({"orders": pa.Table.from_pylist(orders)}) as warehouse:
        found = explain(SHOP, warehouse, "revenue", WEEKS, WEEK, happenings=[change])
    assert [fault.kind for fault in found.faults] == ["definition"]
    assert "excludes tax" in found.summary[0]


def test_a_range_without_rows_is_incomplete_and_not_searched(orders: list[dict[str, Any]]) -> None:
    future = (END + timedelta(days=30), END + timedelta(days=36))
    found = told(orders, "orders", after=future)
    assert "incomplete" in {fault.kind for fault in found.faults}
    assert not found.search.ran


def test_small_values_of_a_wide_dimension_are_added_up_and_said(
    orders: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cube, "MOST_VALUES", 5)
    many = [
        {**row, "country": f"{row['country']}{number % 9 if number % 3 else 0}"} for number, row in enumerate(orders)
    ]
    found = told(many)
    assert {segment.value for segment in found.dimensions[0].segments} > {"(other)", "DE0", "FR0"}
    assert len(found.dimensions[0].segments) == 6
    assert any("5 biggest values stand apart" in note for note in found.notes)


def test_a_cube_that_is_too_wide_is_cut_by_the_engine(
    orders: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    values = [*("big" for _ in range(6)), None, *(f"small {n}" for n in range(9))]
    many = [{**row, "item": values[number % len(values)]} for number, row in enumerate(orders)]
    catalog = MetricCatalog.of(
        tables=[TableDeclaration(name="orders", time="day", dimensions=("country", "item"))],
        metrics=list(SHOP.metrics.values()),
    )
    with connect({"orders": pa.Table.from_pylist(many)}) as warehouse:
        whole = explain(catalog, warehouse, "revenue", WEEKS, WEEK)
        monkeypatch.setattr(cube, "MOST_CELLS", 600)
        monkeypatch.setattr(wide, "MOST_VALUES", 2)
        cut = explain(catalog, warehouse, "revenue", WEEKS, WEEK)
        monkeypatch.setattr(cube, "MOST_CELLS", 130)
        narrow = explain(catalog, warehouse, "revenue", WEEKS, WEEK)
    assert_adds_up(cut)
    assert_adds_up(narrow)
    items = {d.dimension: {s.value: s.contribution for s in d.segments} for d in cut.dimensions}["item"]
    every = {d.dimension: {s.value: s.contribution for s in d.segments} for d in whole.dimensions}["item"]
    assert set(items) == {"(unknown)", "(other)", "big", *(set(items) & set(every))}
    assert items["big"] == pytest.approx(every["big"])
    assert items["(unknown)"] == pytest.approx(every["(unknown)"])
    assert any("2 biggest values stand apart" in note for note in cut.notes)
    assert any("item was not searched together" in note for note in narrow.notes)
    assert {d.dimension for d in narrow.dimensions} == {"country", "item"}


def test_a_column_that_holds_the_week_sets_no_ranges_apart(orders: list[dict[str, Any]]) -> None:
    weekly = [{**row, "week_of_year": row["day"].isocalendar()[1]} for row in orders]
    catalog = MetricCatalog.of(
        tables=[TableDeclaration(name="orders", time="day", dimensions=("country", "week_of_year"))],
        metrics=list(SHOP.metrics.values()),
    )
    with connect({"orders": pa.Table.from_pylist(weekly)}) as warehouse:
        found = explain(catalog, warehouse, "orders", WEEKS, WEEK)
    assert found.search.dimensions == ("country",)
    assert any("week_of_year goes with the days" in note for note in found.notes)
    assert {dimension.dimension for dimension in found.dimensions} == {"country", "week_of_year"}
    assert not found.causes
    assert_adds_up(found)


@pytest.mark.postgres
def test_the_engine_cuts_a_wide_cube_alike_on_postgres(
    orders: list[dict[str, Any]], postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = [*("big" for _ in range(6)), None, *(f"small {n}" for n in range(9))]
    rows = pa.Table.from_pylist([{**row, "item": values[n % len(values)]} for n, row in enumerate(orders)])
    catalog = MetricCatalog.of(
        tables=[TableDeclaration(name="wide_orders", time="day", dimensions=("country", "item"))],
        metrics=[Metric(name="revenue", sum="wide_orders.amount")],
    )
    monkeypatch.setattr(cube, "MOST_CELLS", 600)
    monkeypatch.setattr(wide, "MOST_VALUES", 2)
    with connect({"wide_orders": rows}) as duck, connect(postgres_url) as post:
        post.write("wide_orders", rows)
        one, other = (explain(catalog, warehouse, "revenue", WEEKS, WEEK) for warehouse in (duck, post))
    assert any("2 biggest values stand apart" in note for note in other.notes)
    assert [cause.segment for cause in one.causes] == [cause.segment for cause in other.causes]
    for mine, theirs in zip(one.dimensions, other.dimensions, strict=True):
        assert [item.value for item in mine.segments] == [item.value for item in theirs.segments]
        assert [item.contribution for item in mine.segments] == pytest.approx(
            [item.contribution for item in theirs.segments], rel=1e-9, abs=1e-9
        )
