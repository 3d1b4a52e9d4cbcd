from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pytest

from steelyard.dashboards import (
    Answers,
    Board,
    Dashboard,
    DashboardBlock,
    Filters,
    automatic_dashboards,
    check_dashboard,
    draw_board,
    expected_of,
    trend_of,
)
from steelyard.document import BoxChart, Chart, FunnelChart, Grid, HeatMap, Histogram, LineChart, from_json, to_json
from steelyard.errors import UnknownNameError
from steelyard.metrics import Annotation, Metric, MetricCatalog, Ratio, query
from steelyard.metrics.kinds import Target
from steelyard.metrics.product import Cohorts, EventRows, Funnel, FunnelStep
from steelyard.metrics.watching import Alert
from steelyard.warehouse import TableDeclaration, Warehouse, connect

FIRST = date(2025, 1, 6)  # a Monday
DAYS = 7 * 60 + 3  # the last week is cut short
PAGE = Dashboard(
    name="sales",
    headline="revenue",
    guardrails=("refunds",),
    filters=("country",),
    periods=20,
    compare="year",
    target="aim",
    thresholds={"goal": 50},
    blocks=(
        DashboardBlock(metric="orders", by=("country",)),
        DashboardBlock(metric="orders", chart="histogram"),
        DashboardBlock(breakdown="revenue", by=("country",)),
        DashboardBlock(breakdown="revenue", by=("country", "device")),
        DashboardBlock(breakdown="revenue", by=("country",), chart="box"),
        DashboardBlock(breakdown="revenue", by=("country",), chart="line"),
        DashboardBlock(funnel="path"),
        DashboardBlock(cohort="back"),
        DashboardBlock(cohort="back", chart="line"),
        DashboardBlock(table=("revenue", "orders"), by=("month",)),
        DashboardBlock(study="newsletter"),
        DashboardBlock(text="First.\n\nSecond."),
    ),
)


def rows() -> list[dict[str, Any]]:
    return [
        {
            "id": 2 * day + one,
            "person": (3 * day + one) % 41,
            "day": FIRST + timedelta(days=day),
            "country": ["DE", "AT", None][(day + one) % 3],
            "device": ["mobile", "desktop"][one],
            "step": ["view", "buy"][one],
            "amount": 1 + (day * 7 + one) % 5,
        }
        for day in range(DAYS)
        for one in range(2)
    ]


def catalog() -> MetricCatalog:
    orders = TableDeclaration(
        name="orders", key=("id",), time="day", dimensions=("country", "device"), entities={"person": ("person",)}
    )
    aims = TableDeclaration(name="aims", key=("week",), time="week")
    buying = [FunnelStep(name=name, where=f"step = '{name}'") for name in ("view", "buy")]
    return MetricCatalog.of(
        metrics=[
            Metric(name="revenue", sum="orders.amount", measured_in="USD", better="up", owner="ann"),
            Metric(name="orders", count="orders", owner="ann"),
            Metric(name="basket", ratio=Ratio(numerator="revenue", denominator="orders"), owner="bob"),
            Metric(name="refunds", count="orders", where="amount = 1", better="down", owner="bob"),
            Metric(name="aim", target=Target(of="aims.amount", grain="week")),
        ],
        tables=[orders, aims],
        trees={"revenue": "orders * basket"},
        analyses=[
            Funnel(name="path", table="orders", steps=tuple(buying), entity="person"),
            Cohorts(name="back", start=EventRows(table="orders"), activity=EventRows(table="orders"), entity="person"),
        ],
        alerts=[Alert(name="low", metric="revenue", grain="week", below=5.0)],
        annotations=[Annotation(at=date(2026, 1, 12), until=date(2026, 1, 25), says="Payments failed", kind="outage")],
    )


@pytest.fixture(scope="module")
def warehouse() -> Iterator[Warehouse]:
    weeks = [FIRST + timedelta(weeks=week) for week in range(61)]
    aims = pa.table({"week": weeks, "amount": [40 + week for week in range(61)]})
    with connect({"orders": pa.Table.from_pylist(rows()), "aims": aims}) as opened:
        yield opened


@pytest.fixture(scope="module")
def known() -> MetricCatalog:
    return catalog()


def drawn(known: MetricCatalog, warehouse: Warehouse, page: Dashboard = PAGE, **filters: Any) -> Board:
    return draw_board(page, Filters(**filters), Answers(catalog=known, warehouse=warehouse))


def charts(board: Board) -> list[Chart]:
    found: list[Chart] = []
    for block in board.body:
        found += [one for one in (block.blocks if isinstance(block, Grid) else [block]) if isinstance(one, Chart)]
    return found


@pytest.fixture(scope="module")
def board(known: MetricCatalog, warehouse: Warehouse) -> Board:
    return drawn(known, warehouse)


def test_the_page_goes_from_the_headline_to_its_drivers_to_guardrails_to_the_detail(board: Board) -> None:
    text = board.to_text()
    places = [text.index(word) for word in ("Revenue  USD", "\nDrivers", "\nGuardrails", "\nDetail")]
    assert places == sorted(places)
    assert board.data["drivers"] == ("orders", "basket")  # the parts of the tree
    assert "has no answer" not in text


def test_each_block_is_drawn_as_its_task_asks(board: Board) -> None:
    kinds = [type(chart) for chart in charts(board)][1:]
    assert kinds[:4] == [LineChart, Histogram, kinds[2], HeatMap]
    assert kinds[4:9] == [BoxChart, LineChart, FunnelChart, HeatMap, LineChart]


def test_numbers_are_those_of_a_query(board: Board, known: MetricCatalog, warehouse: Warehouse) -> None:
    since = board.shown.since
    assert since == FIRST + timedelta(weeks=41)  # 20 of 61 weeks
    expected = query(known, warehouse, "revenue", by="week", since=since).rows()
    assert board.data["metrics"]["revenue"]["trend"] == [
        {"period": row["period"], "value": row["revenue"]} for row in expected
    ]
    by_country = query(known, warehouse, "revenue", by="country", since=since).rows()
    assert board.data["blocks"][2]["rows"] == by_country
    assert sum(row["revenue"] for row in by_country) == sum(row["amount"] for row in rows() if row["day"] >= since)


def test_the_headline_is_drawn_beside_the_year_before_its_aim_its_limits_and_what_happened(board: Board) -> None:
    line = charts(board)[0]
    assert isinstance(line, LineChart)
    assert line.compare is not None
    by_week: dict[date, int] = {}
    for row in rows():
        start = row["day"] - timedelta(days=row["day"].weekday())
        by_week[start] = by_week.get(start, 0) + row["amount"]
    for day, value in zip(line.x, line.compare.values, strict=True):
        assert isinstance(day, date)
        assert value == by_week.get(day - timedelta(days=364))
    assert {one.name: one.heights(20)[0] for one in line.thresholds} == {"aim": 81.0, "alert below": 5.0, "goal": 50.0}
    assert [(event.label, event.at, event.until) for event in line.events] == [
        ("Payments failed", date(2026, 1, 12), date(2026, 1, 25))
    ]
    assert line.incomplete_from == FIRST + timedelta(weeks=60)


def test_the_usual_range_of_the_headline_is_made_of_all_that_came_before(
    board: Board, known: MetricCatalog, warehouse: Warehouse
) -> None:
    line = charts(board)[0]
    assert isinstance(line, LineChart)
    assert line.usual is not None
    whole = expected_of(trend_of(query(known, warehouse, "revenue", by="week"), "revenue"), known.annotations)
    assert whole is not None
    assert line.usual.low == whole.low[-20:]
    assert sum(value is not None for value in line.usual.low) == 8
    past = drawn(known, warehouse, since=date(2025, 3, 3), until=date(2025, 6, 29))
    early = charts(past)[0]
    assert isinstance(early, LineChart)
    assert early.usual is None  # what comes later does not say what was usual then


def test_a_filter_narrows_every_block_and_stated_heights_are_left_out_and_said(
    known: MetricCatalog, warehouse: Warehouse
) -> None:
    board = drawn(known, warehouse, only={"country": "DE"})
    line = charts(board)[0]
    assert isinstance(line, LineChart)
    assert {one.name for one in line.thresholds} == set()
    assert "goal: said of the page by week without filters" in board.to_text(300)
    assert "aim is not drawn" in board.to_text(300)
    assert [row["country"] for row in board.data["blocks"][2]["rows"]] == ["DE"]
    assert board.data["only"] == {"country": "DE"}
    unknown = drawn(known, warehouse, only={"country": "(unknown)"})
    (rest,) = unknown.data["blocks"][2]["rows"]
    assert rest["revenue"] == sum(
        row["amount"] for row in rows() if row["country"] is None and row["day"] >= unknown.data["since"]
    )


def test_dates_and_the_period_are_of_the_whole_page(known: MetricCatalog, warehouse: Warehouse) -> None:
    since, until = date(2025, 3, 1), date(2025, 6, 30)
    board = drawn(known, warehouse, grain="month", since=since, until=until)
    assert [row["period"] for row in board.data["metrics"]["orders"]["trend"]] == [
        date(2025, month, 1) for month in (3, 4, 5, 6)
    ]
    assert sum(row["revenue"] for row in board.data["blocks"][2]["rows"]) == sum(
        row["amount"] for row in rows() if since <= row["day"] <= until
    )


def test_a_value_that_no_row_has_is_an_error(known: MetricCatalog, warehouse: Warehouse) -> None:
    with pytest.raises(UnknownNameError, match="no value of 'country' named 'ZZ'"):
        drawn(known, warehouse, only={"country": "ZZ"})


def test_without_any_table_the_page_says_so_and_a_chosen_value_is_no_unknown_one(known: MetricCatalog) -> None:
    with connect({"other": pa.table({"id": [1]})}) as empty:
        text = drawn(known, empty).to_text(200)
        assert text.count("Revenue has no answer") == 1 + 4  # the tile, and the four blocks of it
        with pytest.raises(UnknownNameError, match="no table in the warehouse named 'orders'"):
            drawn(known, empty, only={"country": "DE"})


def test_the_same_question_is_asked_once(known: MetricCatalog, warehouse: Warehouse) -> None:
    same = Dashboard(
        name="same",
        headline="revenue",
        blocks=(DashboardBlock(metric="orders"), DashboardBlock(metric="basket"), DashboardBlock(metric="refunds")),
        guardrails=("refunds",),
        periods=0,
    )
    answers = Answers(catalog=known, warehouse=warehouse)
    draw_board(same, Filters(), answers)
    assert len(answers.sql()) == 1  # one SELECT gives every line and tile


def test_a_block_without_an_answer_says_why_and_the_rest_is_shown(known: MetricCatalog, warehouse: Warehouse) -> None:
    page = Dashboard(
        name="page",
        headline="revenue",
        blocks=(DashboardBlock(breakdown="revenue", by=("colour",)), DashboardBlock(text="After.")),
    )
    board = drawn(known, warehouse, page)
    assert "Revenue has no answer" in board.to_text()
    assert "After." in board.to_text()
    assert "colour" in board.data["blocks"][0]["error"]["problem"]
    assert board.data["metrics"]["revenue"]["trend"]


def test_every_medium_shows_the_page(board: Board) -> None:
    assert from_json(to_json(board.blocks())) == board.blocks()
    assert "| " in board.to_markdown()
    assert board.to_html().startswith("<!doctype html>")
    assert "<script" not in board.to_html()
    assert board.to_dict()["blocks"][2]["of"] == "revenue"


def test_what_a_page_names_must_be_there(known: MetricCatalog) -> None:
    page = Dashboard(
        name="page",
        headline="revenu",
        filters=("county",),
        defined_at="dashboards/page.yml:1",
        blocks=(
            DashboardBlock(breakdown="revenue", by=("contry",), defined_at="dashboards/page.yml:4"),
            DashboardBlock(funnel="back", defined_at="dashboards/page.yml:5"),
            DashboardBlock(study="newsleter", defined_at="dashboards/page.yml:6"),
            DashboardBlock(breakdown="orders", by=("month",), defined_at="dashboards/page.yml:7"),
            DashboardBlock(table=("revenue",), by=("month",), defined_at="dashboards/page.yml:8"),
        ),
    )
    found = list(check_dashboard(page, known, ["newsletter"]))
    assert [(error.where, error.hint) for error in found] == [
        ("dashboards/page.yml:1", "did you mean 'revenue'?"),
        ("dashboards/page.yml:4", "did you mean 'country'?"),
        ("dashboards/page.yml:5", "known: path"),
        ("dashboards/page.yml:6", "did you mean 'newsletter'?"),
        ("dashboards/page.yml:7", "the page's `grain:` says the period"),
        ("dashboards/page.yml:1", "did you mean 'country'?"),
    ]
    assert list(check_dashboard(PAGE, known, ["newsletter"])) == []


def test_a_project_without_a_file_has_pages_made_of_its_metrics(known: MetricCatalog, warehouse: Warehouse) -> None:
    made = automatic_dashboards(known, ["newsletter"])
    page = made["overview"]
    assert (page.headline, page.drivers, page.filters) == ("revenue", ("orders", "basket"), ("country", "device"))
    assert [block.kind for block in page.blocks] == ["breakdown", "breakdown", "metric", "funnel", "cohort", "study"]
    assert {name: one.owner for name, one in made.items()} == {"overview": "", "owner-1": "ann", "owner-2": "bob"}
    for one in made.values():
        assert list(check_dashboard(one, known, ["newsletter"])) == []
        assert "has no answer" not in drawn(known, warehouse, one).to_text()
    assert automatic_dashboards(MetricCatalog.of(metrics=[], tables=[]), []) == {}
